"""The commands that touch the database, on PostgreSQL: they work, or say in words what does."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import click.testing
import pytest

from ocpp_trio.cli import main
from ocpp_trio.store import migrate
from tests.support.postgres import Postgres
from tests.support.server import free_ports

PASSWORD = "S3cret/#@:Pa55"
NUMBERS = count()


@pytest.fixture
def name(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database, and the environment that leads to it."""
    made = f"verbs_{next(NUMBERS)}"
    for variable, value in postgres.create(made).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    monkeypatch.chdir(tmp_path)
    yield made
    postgres.drop(made)


def run(*arguments: str, code: int = 0) -> str:
    """What a command prints; its exit code must be the one expected."""
    done = click.testing.CliRunner().invoke(main, arguments)
    assert done.exit_code == code, done.output
    assert PASSWORD not in done.output
    return done.output


def test_migrate(name: str) -> None:
    steps = [step.name for step in migrate.steps("postgres")]
    assert f"pending: {', '.join(steps)}" in run("migrate", "--check", code=1)
    assert f"{name} at 127.0.0.1:" in run("migrate")
    assert run("migrate", "--check").endswith(": up to date\n")
    assert run("migrate").endswith(": already up to date\n")


def test_tags_and_the_energy_report(name: str, tmp_path: Path) -> None:
    days = ("--from", "2026-11-01", "--to", "2026-11-30")
    assert "needs the schema steps 0001_initial" in run("report", "energy", *days, code=2)
    run("migrate")
    tags, copy = tmp_path / "tags.csv", tmp_path / "copy.csv"
    tags.write_text("idTag,note\nA1,one\nB2,two\n")
    assert "2" in run("tags", "import", str(tags))
    run("tags", "export", str(copy))
    assert copy.read_text().count("\n") == 3
    assert "0.000 kWh in 0 complete and 0 running transactions" in run("report", "energy", *days)


def test_a_copy_is_made_by_other_tools(name: str) -> None:
    assert f"--dbname={name}" in run("backup", code=2)


def test_what_is_shown_of_the_settings(name: str) -> None:
    shown = run("config")
    assert f"DB_NAME={name}\n" in shown
    assert "DB_PASSWORD=********\n" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate",),
        ("migrate", "--check"),
        ("tags", "export", "-"),
        ("report", "energy", "--from", "2026-11-01", "--to", "2026-11-30"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_server_that_cannot_be_reached(
    name: str, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("DB_PORT", str(port))
    monkeypatch.setenv("OCPP_DB_START_TIMEOUT", "0")
    output = run(*arguments, code=2)
    assert f"cannot open the PostgreSQL database {name} at 127.0.0.1:{port}: " in output
    assert "Traceback" not in output
