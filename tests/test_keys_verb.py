"""ocpp-trio keys: on a database that nobody holds, and by the API of the server that holds it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ocpp_trio.cli import main
from ocpp_trio.store import migrate
from ocpp_trio.store.api_keys import digest
from tests.support.server import Server, running

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


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments])


def create(name: str, role: str, *more: str) -> str:
    """A key that was made; standard output is nothing else."""
    result = run("create", "--name", name, "--role", role, *more)
    assert result.exit_code == 0, result.output
    assert f"key {name} ({role}" in result.stderr
    return result.stdout.strip()


def listed() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(run("list", "--json").stdout)
    return found


def test_made_listed_and_revoked(empty: Path) -> None:
    key = create("ops", "admin")
    create("visitor", "read", "--expires", "90d")
    create("till then", "operate", "--expires", "2099-12-31")
    with closing(sqlite3.connect(empty)) as connection:
        (stored,) = connection.execute("SELECT key_hash FROM api_keys WHERE id = 1").fetchone()
        assert key not in "\n".join(connection.iterdump())
    assert stored == digest(key.encode()).hex()
    newest, _, oldest = listed()
    assert (newest["name"], newest["expiresAt"]) == ("till then", "2099-12-31T00:00:00Z")
    assert (oldest["name"], oldest["role"], oldest["state"]) == ("ops", "admin", "valid")
    assert oldest["createdBy"].startswith("command line")
    assert run("revoke", "ops").output == "key ops is revoked\n"
    assert run("revoke", "ops").output == "key ops was revoked already\n"
    head, *lines = run("list").stdout.splitlines()
    assert head.split() == ["id", "name", "role", "state", "created", "expires", "last", "used"]
    assert lines[-1].split()[:4] == ["1", "ops", "admin", "revoked"]
    taken = run("create", "--name", "ops", "--role", "read")
    assert (taken.exit_code, "there is or was a key" in taken.output) == (2, True)
    # Each change has its entry in the audit trail; what changed nothing has none.
    with closing(sqlite3.connect(empty)) as connection:
        rows = connection.execute("SELECT actor, door, action, outcome FROM audit ORDER BY id")
        actors, doors, actions, outcomes = zip(*rows.fetchall(), strict=True)
    assert actions == ("createKey", "createKey", "createKey", "revokeKey")
    assert (set(doors), set(outcomes)) == ({"command line"}, {"done"})
    assert all(actor.startswith("command line") for actor in actors)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "--name", "a"), "--role"),
        (("create", "--name", "a", "--role", "owner"), "'owner' is not one of"),
        (("create", "--name", "a\nb", "--role", "read"), "printable"),
        (("create", "--name", "a", "--role", "read", "--expires", "soon"), "90d, 12h or 30m"),
        (("create", "--name", "a", "--role", "read", "--expires", "2020-01-01"), "is over"),
        (("revoke", "nobody"), "there is no key nobody"),
    ],
)
def test_what_cannot_be_done_is_said(empty: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_no_database_is_made_by_accident(tmp_path: Path) -> None:
    result = run("create", "--name", "a", "--role", "admin")
    assert result.exit_code == 2
    assert f"there is no database {DATABASE}" in result.output
    assert list(tmp_path.iterdir()) == []


def _status(server: Server, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return server.request("GET", "/api/status", headers=headers).status


@pytest.mark.real
def test_while_a_server_runs_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path) as server:
        for name, value in server._variables.items():
            monkeypatch.setenv(name, value)
        admin = create("ops", "admin")
        # The first key has closed the API.
        assert server.request("GET", "/api/status").status == 401
        assert run("list").exit_code == 1
        monkeypatch.setenv("OCPP_API_KEY", admin)
        reader = create("screen", "read")
        assert (_status(server, admin), _status(server, reader)) == (200, 200)
        assert run("revoke", "nobody").exit_code == 2
        assert run("revoke", "screen").output == "key screen is revoked\n"
        assert run("revoke", "screen").output == "key screen was revoked already\n"
        assert (_status(server, admin), _status(server, reader)) == (200, 401)
        by_name = {each["name"]: each for each in listed()}
        assert (by_name["screen"]["createdBy"], by_name["screen"]["revokedBy"]) == ("ops", "ops")
        assert server.stop() == 0
        assert server.errors() == []
        # Uses are stored on the way out.
        assert all(each["lastUsedAt"] for each in listed())
        assert reader not in server.log()
        assert admin not in server.log()
