"""The servers that are compared, in the order of the table.

A peer is a process that listens for charge points on a port it is told. This module only says
how each is started, so that starting one does not import the others.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import accepts_tcp, free_ports, request


@dataclass(frozen=True)
class Place:
    """Where one server runs: its ports on 127.0.0.1 and the folder it may write to."""

    websocket_port: int
    api_port: int
    folder: Path

    @property
    def database(self) -> Path:
        """The SQLite file of a peer that stores anything."""
        return self.folder / "bench.sqlite3"


def new_place(folder: Path) -> Place:
    """A place in a folder, at ports that are free."""
    websocket_port, api_port = free_ports(2)
    return Place(websocket_port, api_port, folder)


@dataclass(frozen=True)
class Peer:
    """How to start a server, how to see that it is ready, and what it must know beforehand."""

    name: str
    command: Callable[[Place], Sequence[str]]
    environment: Callable[[Place], Mapping[str, str]] = lambda place: {}
    is_ready: Callable[[Place], bool] = lambda place: accepts_tcp(place.websocket_port)
    prepare: Callable[[Place], object] = lambda place: None
    stored: str | None = None
    """SQL that counts the stored meter values in the database; None: it stores nothing."""
    has_api: bool = False
    """Whether it answers GET /api/status on its API port."""
    set_up: Callable[[Callable[[str], None]], str | None] = lambda progress: None
    """Install what it needs, once; why it cannot take part, or None."""


NODE = Path(__file__).parent / "node"
NPM_TIMEOUT = 600
"""Seconds: better-sqlite3 is compiled where no binary of it can be had."""


def _set_up_node(progress: Callable[[str], None]) -> str | None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "node and npm are not on PATH"
    if (NODE / "node_modules" / ".package-lock.json").is_file():
        return None
    progress(f"npm ci in {NODE} (once; a minute or two)")
    command = [npm, "ci", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=NODE, capture_output=True, text=True, timeout=NPM_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return f"`npm ci` took longer than {NPM_TIMEOUT} s"
    return None if done.returncode == 0 else f"`npm ci` failed: {done.stderr.strip()[-500:]}"


def _ready(place: Place) -> bool:
    try:
        return request(f"http://127.0.0.1:{place.api_port}/readyz") == 200
    except OSError:
        return False


RAW = Peer(
    name="raw",
    command=lambda place: [
        sys.executable, "-m", "benchmarks.peers.raw", str(place.websocket_port),
    ],
)  # fmt: skip

PYTHON = Peer(
    name="python",
    command=lambda place: [
        sys.executable, "-m", "benchmarks.peers.python",
        str(place.websocket_port), str(place.database),
    ],
    stored="SELECT count(*) FROM meter_values",
)  # fmt: skip

NODE_PEER = Peer(
    name="node",
    command=lambda place: [
        shutil.which("node") or "node", str(NODE / "server.mjs"),
        str(place.websocket_port), str(place.database),
    ],
    stored="SELECT count(*) FROM meter_values",
    set_up=_set_up_node,
)  # fmt: skip

OCPP_TRIO = Peer(
    name="ocpp_trio",
    command=lambda place: [sys.executable, "-m", "ocpp_trio", "serve"],
    environment=lambda place: {
        "OCPP_HOST": "127.0.0.1",
        "OCPP_WEBSOCKET_PORT": str(place.websocket_port),
        "OCPP_API_PORT": str(place.api_port),
        "DB_SQLITE_PATH": str(place.database),
    },
    is_ready=_ready,
    prepare=lambda place: request(
        f"http://127.0.0.1:{place.api_port}/api/authorizations",
        json.dumps({"idTag": "BENCH"}).encode(),
    ),
    stored="SELECT count(*) FROM meter_values",
    has_api=True,
)

PEERS: dict[str, Peer] = {peer.name: peer for peer in (RAW, PYTHON, NODE_PEER, OCPP_TRIO)}
