"""A real server: its own process, real ports, real signals."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ocpp_trio import config

SERVE = (sys.executable, "-m", "ocpp_trio", "serve")
START_LIMIT = 30.0
STOP_LIMIT = 15.0


class Answer(NamedTuple):
    """An HTTP answer with its body decoded."""

    status: int
    headers: Mapping[str, str]
    body: Any


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


class Server:
    """A server on 127.0.0.1 with its database in `folder`; may be started again and again."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.websocket_port, self.api_port = free_ports(2)
        self._variables = {
            "OCPP_HOST": "127.0.0.1",
            "OCPP_WEBSOCKET_PORT": str(self.websocket_port),
            "OCPP_API_PORT": str(self.api_port),
            "DB_SQLITE_PATH": str(folder / "ocpp.db"),
            **variables,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where charge points connect."""
        return f"ws://127.0.0.1:{self.websocket_port}"

    @property
    def api(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def database(self) -> Path:
        """The database file."""
        return self.folder / "ocpp.db"

    def start(
        self,
        ready: Callable[[], bool] | None = None,
        program: Sequence[str] = SERVE,
        stderr: int | None = None,
    ) -> None:
        """Start the process and wait until it is ready: until /readyz says so, or `ready` does.

        `stderr` is a file descriptor; without it the log goes to a file.
        """
        is_ready = ready or (lambda: self.request("GET", "/readyz").status == 200)
        known = config.variables()
        clean = {name: value for name, value in os.environ.items() if name not in known}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                program,
                env=clean | self._variables,
                cwd=self.folder,
                stdout=log,
                stderr=log if stderr is None else stderr,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log()
            try:
                if is_ready():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"not ready in time:\n{self.log()}")

    def request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One HTTP request; a body is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=30)
        sent = dict(headers or {})
        data = None
        if body is not None:
            data = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        decoded = json.loads(raw) if raw and b"json" in _type(response) else raw
        return Answer(response.status, dict(response.getheaders()), decoded)

    def get(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        answer = self.request("GET", path)
        assert answer.status == 200, answer
        return answer.body

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, limit: float = STOP_LIMIT) -> int:
        """Wait for the process to end; its exit code."""
        assert self.process is not None
        return self.process.wait(limit)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def kill_writer(self) -> None:
        """Kill the process that writes its SQLite database; the server ends by itself."""
        assert self.process is not None
        (writer,) = children(self.process.pid)
        os.kill(writer, signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def end(self) -> None:
        """End whatever is left of the process."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "server.log").read_text("utf-8", "replace")

    def errors(self) -> list[str]:
        """The lines of its log at ERROR, and any traceback."""
        return [
            line
            for line in self.log().splitlines()
            if "[error" in line or "[critical" in line or "Traceback" in line
        ]


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            # After the name, which may hold anything: state, parent.
            parent = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            if int(parent) == process:
                found.append(int(folder.name))
    return found


def _type(response: http.client.HTTPResponse) -> bytes:
    return (response.getheader("Content-Type") or "").encode()


@contextmanager
def running(folder: Path, **variables: str) -> Iterator[Server]:
    """A server that runs while the block does; ends whatever is left of it."""
    server = Server(folder, **variables)
    server.start()
    try:
        yield server
    finally:
        server.end()
