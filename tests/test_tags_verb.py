"""ocpp-trio tags: on a database that nobody holds, and by the API of the server that holds it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ocpp_trio import config
from ocpp_trio.cli import main
from ocpp_trio.cli.remote import default_url
from ocpp_trio.store import migrate
from ocpp_trio.store.sqlite import SqliteLock
from tests.support.server import free_ports, running

HEADER = "idTag,parentIdTag,status,expiryDate,maxActiveTransactions,note\r\n"
DATABASE = "ocpp_server.db"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An empty database where the settings expect it."""
    path = tmp_path / DATABASE
    migrate.migrate_sqlite(path)
    return path


def run(*arguments: str, given: bytes | str = "") -> Result:
    return CliRunner().invoke(main, ["tags", *arguments], input=given)


def test_in_and_out_again(empty: Path, tmp_path: Path) -> None:
    text = HEADER + 'A,P,Blocked,2030-12-31T23:59:59Z,0,"x, ""y"""\r\nB,,Accepted,,,\r\n'
    (tmp_path / "tags.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    dry = run("import", "--dry-run", "tags.csv")
    assert dry.output == "2 created, 0 updated, 0 unchanged (dry run: nothing was stored)\n"
    assert run("export", "-").stdout_bytes.decode() == HEADER
    result = run("import", "tags.csv")
    assert (result.exit_code, result.output) == (0, "2 created, 0 updated, 0 unchanged\n")
    assert run("import", "-", given="idTag,note\na,z\n").output.startswith("0 created, 1 updated")
    assert run("import", "tags.csv").output.startswith("0 created, 1 updated, 1 unchanged")
    with closing(sqlite3.connect(empty)) as connection:
        rows = connection.execute("SELECT action, request FROM audit").fetchall()
    assert [action for action, _ in rows] == ["importAuthorizations"] * 3
    assert json.loads(rows[1][1]) == {"bytes": len("idTag,note\na,z\n")}
    assert run("export", "out.csv").output == ""
    assert (tmp_path / "out.csv").read_bytes() == text.encode()
    assert not (tmp_path / "out.csv.partial").exists()


def test_bad_lines_are_named_and_nothing_is_stored(empty: Path) -> None:
    result = run("import", "-", given="idTag,status\nA,\nB,x\n,\n")
    assert result.exit_code == 2
    assert "  line 3: status must be one of" in result.output
    assert "  line 4: idTag must be" in result.output
    assert run("export", "-").stdout_bytes.decode() == HEADER
    many = run("import", "-", given="idTag\n" + ",\n" * 150)
    assert "  and 50 more" in many.output


@pytest.mark.parametrize("verb", ["import", "export"])
def test_no_database_is_made_by_accident(tmp_path: Path, verb: str) -> None:
    (tmp_path / "t.csv").write_text("idTag\n")
    result = run(verb, "t.csv")
    assert result.exit_code == 2
    assert f"there is no database {DATABASE}" in result.output
    assert not (tmp_path / DATABASE).exists()


def test_an_old_schema_is_left_to_migrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = migrate.steps("sqlite")
    with monkeypatch.context() as before:
        before.setattr(migrate, "steps", lambda _: steps[:1])
        migrate.migrate_sqlite(tmp_path / DATABASE)
    result = run("export", "-")
    assert result.exit_code == 2
    assert "run `ocpp-trio migrate`" in result.output


def test_an_export_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "tags.csv"
    target.write_text("before")
    assert run("export", "tags.csv").exit_code == 2
    assert target.read_text() == "before"
    assert not (tmp_path / "tags.csv.partial").exists()


def test_files_that_cannot_be_used(empty: Path) -> None:
    assert run("import", "missing.csv").exit_code == 2
    result = run("export", "missing/out.csv")
    assert result.exit_code == 2
    assert "missing/out.csv: No such file or directory" in result.output


# By the API


class _Answer(BaseHTTPRequestHandler):
    """Answers everything with the same status and body; `cut` announces more than it sends."""

    def __init__(self, status: int, body: bytes, cut: int, *arguments: Any) -> None:
        self.told = (status, body, cut)
        super().__init__(*arguments)

    def do_GET(self) -> None:
        status, body, cut = self.told
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + cut))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def answering(status: int, body: bytes = b"", cut: int = 0) -> Iterator[str]:
    """A server that always answers like this; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answer, status, body, cut))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b'{"detail": "add the header"}', "add the header"),
        (401, b"", "HTTP 401; give --api-key"),
        (404, b"<html>", "HTTP 404: is this the port of the HTTP API?"),
        (400, b'{"detail": 1, "errors": [1]}', "HTTP 400"),
        (
            400,
            b'{"detail": "1 line", "errors": [{"field": "line 2", "message": "bad"}]}',
            "1 line\n  line 2: bad",
        ),
    ],
)
def test_refusals_of_the_api_in_words(status: int, body: bytes, words: str) -> None:
    with answering(status, body) as url:
        result = run("import", "-", "--api", url, given="idTag\n")
    assert result.exit_code == 1
    assert words in result.output


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:9001", "must begin with http:// or https://"),
        ("http://", "must begin with http:// or https://"),
        ("http://localhost:99999", "this is no HTTP API"),
        ("http://127.0.0.1:1", "connection refused"),
    ],
)
def test_urls_that_lead_nowhere(url: str, words: str) -> None:
    result = run("export", "-", "--api", url)
    assert result.exit_code == 1
    assert words in result.output


def test_an_answer_that_breaks_off_is_no_export(tmp_path: Path) -> None:
    with answering(200, b"idTag\r\n", cut=1) as url:
        result = run("export", "tags.csv", "--api", url)
    assert result.exit_code == 1
    assert "the answer broke off" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_held_is_reached_by_the_api(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {"created": 1, "updated": 2, "unchanged": 3, "dryRun": False}
    lock = SqliteLock(empty)
    try:
        with answering(200, json.dumps(counts).encode()) as url:
            monkeypatch.setenv("OCPP_API_PORT", url.rpartition(":")[2])
            monkeypatch.setenv("OCPP_HOST", "127.0.0.1")
            result = run("import", "-", given="idTag\n")
            assert (result.exit_code, result.output) == (
                0,
                "1 created, 2 updated, 3 unchanged\n",
            )
        (port,) = free_ports(1)
        monkeypatch.setenv("OCPP_API_PORT", str(port))
        result = run("import", "-", given="idTag\n")
    finally:
        lock.release()
    assert result.exit_code == 1
    assert f"a server uses {DATABASE}" in result.output
    assert "connection refused" in result.output


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://localhost:9001"),
        ({"OCPP_HOST": "0.0.0.0", "OCPP_API_PORT": "80"}, "http://localhost:80"),
        ({"OCPP_HOST": "::1", "OCPP_USE_TLS": "yes"}, "https://[::1]:9001"),
        ({"OCPP_HOST": "192.0.2.1"}, "http://192.0.2.1:9001"),
    ],
)
def test_where_the_api_of_the_settings_is(variables: dict[str, str], url: str) -> None:
    assert default_url(config.load(variables)) == url


@pytest.mark.real
def test_while_a_server_runs_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, OCPP_API_KEY="secret") as server:
        for name, value in server._variables.items():
            monkeypatch.setenv(name, value)
        result = run("import", "-", given="idTag,note\nA,x\nB,y\n")
        assert (result.exit_code, result.output) == (0, "2 created, 0 updated, 0 unchanged\n")
        refused = run("import", "-", "--api-key", "wrong", given="idTag\n")
        assert refused.exit_code == 1
        assert "Authorization: Bearer" in refused.output
        bad = run("import", "-", given="idTag\nA\nA\n")
        assert "line 3: idTag 'A' is in line 2 already" in bad.output
        exported = run("export", "-").stdout_bytes
        tags = server.request(
            "GET", "/api/authorizations", headers={"Authorization": "Bearer secret"}
        ).body
        assert [tag["idTag"] for tag in tags] == ["B", "A"]
        assert server.stop() == 0
        assert server.errors() == []
    assert run("export", "-").stdout_bytes == exported
    assert exported.decode() == HEADER + "A,,Accepted,,,x\r\nB,,Accepted,,,y\r\n"
    assert run("import", "-", given="idTag\nC\n").output.startswith("1 created")
