"""The Dockerfile: its settings as written, and a server started with them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

ROOT = Path(__file__).parents[1]
STARTING_TIME = 15.0
STOPPING_TIME = 9.0  # `docker stop` kills after 10


def last_stage() -> dict[str, list[str]]:
    """Instruction -> the arguments of each of its occurrences, in the image that is run."""
    text = re.sub(
        r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    instructions: dict[str, list[str]] = {}
    for line in filter(None, re.sub(r"\\\n\s*", "", text).splitlines()):
        word, _, arguments = line.partition(" ")
        if word == "FROM":
            instructions = {}
        instructions.setdefault(word, []).append(arguments)
    return instructions


STAGE = last_stage()
ENVIRONMENT = dict(pair.split("=", 1) for line in STAGE["ENV"] for pair in line.split())
HEALTH_COMMAND: list[str] = json.loads(STAGE["HEALTHCHECK"][-1].partition("CMD ")[2])


def test_it_starts_the_server_without_a_shell() -> None:
    assert json.loads(STAGE["ENTRYPOINT"][-1]) == ["ocpp-trio"]
    assert json.loads(STAGE["CMD"][-1]) == ["serve"]


def test_it_runs_as_an_unprivileged_user() -> None:
    assert STAGE["USER"][-1] not in {"0", "root", "0:0"}


def test_both_ports_are_reachable_and_announced() -> None:
    assert ENVIRONMENT["OCPP_HOST"] == "0.0.0.0"
    assert STAGE["EXPOSE"] == ["9000 9001"]


def test_the_database_is_in_the_volume() -> None:
    (volume,) = STAGE["VOLUME"]
    assert Path(ENVIRONMENT["DB_SQLITE_PATH"]).parent == Path(volume) == Path("/app/data")


def test_the_health_check_is_a_file_copied_into_the_image() -> None:
    assert HEALTH_COMMAND[0] == "python"
    assert f"scripts/healthcheck.py {HEALTH_COMMAND[1]}" in STAGE["COPY"]


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@contextmanager
def server(directory: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "ocpp_trio", *json.loads(STAGE["CMD"][-1])]
    with subprocess.Popen(command, cwd=directory, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def health(environment: dict[str, str]) -> int:
    command = [sys.executable, str(ROOT / "scripts" / "healthcheck.py")]
    return subprocess.run(command, check=False, env=environment, timeout=10).returncode


def starts_is_healthy_and_stops(directory: Path, **variables: str) -> None:
    websocket_port, api_port = free_ports()
    environment = {
        **ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "DB_SQLITE_PATH": str(directory / "ocpp_server.db"),
        "OCPP_WEBSOCKET_PORT": str(websocket_port),
        "OCPP_API_PORT": str(api_port),
        **variables,
    }
    assert health(environment) == 1
    with server(directory, environment) as process:
        deadline = time.monotonic() + STARTING_TIME
        while health(environment) != 0:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not become healthy"
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOPPING_TIME) == 0
    assert (directory / "ocpp_server.db").exists()


@pytest.mark.real
def test_the_server_starts_is_healthy_and_stops(tmp_path: Path) -> None:
    starts_is_healthy_and_stops(tmp_path)


@pytest.mark.real
def test_so_it_does_under_a_name_and_certificate_of_its_own(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("ocpp.example")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    starts_is_healthy_and_stops(
        tmp_path,
        OCPP_ALLOWED_HOSTS="ocpp.example",
        OCPP_USE_TLS="true",
        OCPP_CERT_FILE="both.pem",
        OCPP_KEY_FILE="both.pem",
    )
