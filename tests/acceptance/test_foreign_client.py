"""A charge point of the `ocpp` package does a whole session and obeys every command."""

import json
import sys
from pathlib import Path

from ocpp_trio.ocppj.actions import FROM_CENTRAL_SYSTEM
from tests.acceptance.every_command import check_frames, client, taken, whole_session
from tests.support.server import Server


def test_a_session_with_every_command(server: Server, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    url = f"{server.url}/CP001"
    with client([sys.executable, "-m", "tests.acceptance.foreign_client", url, str(frames)]) as it:
        whole_session(server, "CP001", it)
    seen = check_frames([json.loads(line) for line in frames.read_text("utf-8").splitlines()])
    assert set(seen) == FROM_CENTRAL_SYSTEM | set(taken())
    point = server.get("/api/charge-points/CP001")
    assert (point["vendor"], point["model"]) == ("ocpp", "Foreign")
    assert [each["status"] for each in point["connectors"]] == ["Available"]
    assert server.stop() == 0
    assert server.errors() == []
