"""ocpp-trio station-keys, on a database that nobody holds and by the API of a server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ocpp_trio.cli import main
from ocpp_trio.domain.station_keys import SCRYPT, SHA256, KeyHash, fits, read
from ocpp_trio.store import migrate
from tests.support.server import running

CHOSEN = "correct horse batte"


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, ["station-keys", *arguments], input=given)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database with the charge point CP001, where the settings expect it."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ocpp_server.db"
    migrate.migrate_sqlite(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO charge_points (id, registration, created_at, updated_at)"
            " VALUES ('CP001', 'Accepted', 1, 1)"
        )
        connection.commit()
    return path


def kept(database: Path) -> KeyHash | None:
    with closing(sqlite3.connect(database)) as connection:
        (row,) = connection.execute("SELECT key_scheme, key_salt, key_digest FROM charge_points")
    return KeyHash(*row) if row[0] is not None else None


def test_made_chosen_and_deleted(database: Path) -> None:
    made = run("generate", "CP001")
    assert made.exit_code == 0, made.output
    key = kept(database)
    assert key is not None
    assert key.scheme == SHA256
    assert fits(bytes.fromhex(made.stdout.strip()), key)
    chosen = run("set", "CP001", given=f"{CHOSEN}\n")
    assert chosen.exit_code == 0, chosen.output
    assert CHOSEN not in chosen.output
    key = kept(database)
    assert key is not None
    assert key.scheme == SCRYPT
    assert fits(read(CHOSEN), key)
    assert run("delete", "CP001").exit_code == 0
    assert kept(database) is None
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT action, object_id, request FROM audit ORDER BY id")
        entries = rows.fetchall()
    assert [entry[:2] for entry in entries] == [
        ("setChargePointKey", "CP001"),
        ("setChargePointKey", "CP001"),
        ("deleteChargePointKey", "CP001"),
    ]
    assert CHOSEN not in str(entries)
    assert made.stdout.strip() not in str(entries)


def test_what_cannot_be_done_is_said(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, given in ((("generate",), None), (("set",), CHOSEN), (("delete",), None)):
        result = run(*arguments, "NONE", given=given)
        assert result.exit_code == 2
        assert "no charge point NONE is registered" in result.output
    assert "standard input" in run("set", "CP001", given="").output
    assert "at most 64" in run("set", "CP001", given="x" * 65).output
    assert "fewer than 16" in run("set", "CP001", given="short").output
    monkeypatch.setenv("OCPP_STRICT_KEYS", "true")
    before = kept(database)
    result = run("set", "CP001", given="other")
    assert result.exit_code == 2
    assert "OCPP_STRICT_KEYS" in result.output
    assert kept(database) == before


@pytest.mark.real
def test_by_the_api_of_a_server_that_runs(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert server.request("POST", "/api/charge-points", {"id": "DE*A:1"}).status == 201
        made = run("generate", "DE*A:1", "--api", server.api)
        assert made.exit_code == 0, made.output
        assert len(bytes.fromhex(made.stdout.strip())) == 20
        assert server.get("/api/charge-points/DE*A:1")["hasKey"] is True
        assert run("set", "DE*A:1", "--api", server.api, given=CHOSEN).exit_code == 0
        assert run("delete", "DE*A:1", "--api", server.api).exit_code == 0
        assert server.get("/api/charge-points/DE*A:1")["hasKey"] is False
        missing = run("delete", "NONE", "--api", server.api)
        assert missing.exit_code == 1
        assert "no charge point NONE is registered" in missing.output
