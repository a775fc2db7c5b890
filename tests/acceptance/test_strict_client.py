"""A charge point with ocpp-rpc (npm) in strict mode: a frame that breaks the schema ends it."""

import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from websockets.sync import server as sync_server
from websockets.sync.server import ServerConnection

from tests.acceptance.every_command import client, whole_session
from tests.support.server import Server

FOLDER = Path(__file__).with_name("node")
NODE = shutil.which("node")


def missing() -> str:
    """Why the client cannot be run; "" if it can."""
    if NODE is None:
        return "NOT TESTED against ocpp-rpc in strict mode: there is no node on PATH"
    if not (FOLDER / "node_modules" / "ocpp-rpc").is_dir():
        return f"NOT TESTED against ocpp-rpc in strict mode: run `npm ci` in {FOLDER}"
    return ""


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_session_with_every_command(server: Server) -> None:
    assert NODE is not None
    with client([NODE, "client.mjs", server.url, "CP001"], FOLDER) as it:
        whole_session(server, "CP001", it)
    point = server.get("/api/charge-points/CP001")
    assert (point["vendor"], point["model"]) == ("ocpp-rpc", "Strict")
    assert [each["status"] for each in point["connectors"]] == ["Available"]
    assert server.stop() == 0
    assert server.errors() == []


@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"interval": 300, "status": "Accepted", "currentTime": "today"}, "date-time"),
        (
            {"interval": 300, "status": "Accepted", "currentTime": "2026-11-23T08:00:00Z", "x": 1},
            "additional properties",
        ),
    ],
)
def test_the_client_is_strict(answer: dict[str, object], words: str) -> None:
    def serve(connection: ServerConnection) -> None:
        frame = json.loads(connection.recv())
        connection.send(json.dumps([3, frame[1], answer]))
        # Until the client has ended.
        for _ in connection:
            pass

    assert NODE is not None
    with sync_server.serve(serve, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as listening:  # type: ignore[list-item]
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        port = listening.socket.getsockname()[1]
        done = subprocess.run(
            [NODE, "client.mjs", f"ws://127.0.0.1:{port}", "CP001"],
            cwd=FOLDER,
            input='{"answers": {}, "followUps": {}}\n',
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        listening.shutdown()
        thread.join()
    assert done.returncode == 1
    assert done.stdout.startswith("fatal strict validation")
    assert words in done.stdout
