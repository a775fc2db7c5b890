"""`ocpp-trio report energy`: the same figures as the API's, from the file alone."""

from __future__ import annotations

import csv
import fnmatch
import io
import json
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ocpp_trio.cli import main
from ocpp_trio.domain import reports
from ocpp_trio.maintenance import report_formats
from ocpp_trio.store import energy_reports, migrate
from tests.api.conftest import api, database, empty_database, open_api
from tests.api.support import Api

__all__ = ["api", "database", "empty_database", "open_api"]

NOVEMBER = ("--from", "2026-11-01", "--to", "2026-11-30")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command looks for the database; nothing is there yet."""
    path = tmp_path / "ocpp.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DB_SQLITE_PATH", str(path))
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", "energy", *arguments])


def content(path: Path) -> bytes:
    return path.read_bytes()


async def sessions(api: Api) -> None:
    """Two that are over, one of them across a midnight, and one that runs."""
    first = await api.start(meter_start=0, timestamp="2026-11-21T22:00:00Z")
    await api.stop(first, 1000, "2026-11-22T02:00:00Z")
    second = await api.start(
        meter_start=0, timestamp="2026-11-22T10:00:00Z", connector_id=2, id_tag="=\x1b[31m"
    )
    await api.stop(second, 234, "2026-11-22T11:00:00Z")
    third = await api.start(meter_start=0, timestamp="2026-11-23T07:00:00Z", connector_id=3)
    await api.meter(third, "500")


async def test_json_is_what_the_api_answers(
    api: Api, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(energy_reports, "PAGE", 2)
    await sessions(api)
    asked = "startDate=2026-11-01&endDate=2026-11-30&timezone=Europe/Berlin"
    for by in (None, *reports.GROUPINGS):
        for split in (False, True):
            options = [*NOVEMBER, "--format", "json", "--timezone", "Europe/Berlin"]
            options += ["--group", by] if by else []
            options += ["--split"] if split else []
            result = run(*options)
            assert result.exit_code == 0, result.output
            query = f"{asked}&split={split}".lower().replace("startdate", "startDate")
            query = query.replace("enddate", "endDate").replace("europe/berlin", "Europe/Berlin")
            query += f"&groupBy={by}" if by else ""
            answer = await api.get(f"/api/reports/energy?{query}")
            assert answer.status_code == 200, answer.text
            assert json.loads(result.stdout) == answer.json(), options


async def test_csv(api: Api, path: Path) -> None:
    await sessions(api)
    text = run(*NOVEMBER, "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["energyDelivered"] for row in rows] == ["1.0", "0.234", "0.5"]
    assert rows[2]["stopTimestamp"] == ""
    assert [row["complete"] for row in rows] == ["true", "true", "false"]
    text = run(*NOVEMBER, "--format", "csv", "--group", "day", "--split").stdout
    head, *lines = text.splitlines()
    assert head == ",".join(("day", *report_formats.COUNTS))
    assert lines == [
        "2026-11-21,0.5,1,1,0,0",
        "2026-11-22,0.734,2,2,0,0",
        "2026-11-23,0.5,1,0,1,0",
    ]


async def test_a_table_for_people(api: Api, path: Path) -> None:
    await sessions(api)
    lines = run(*NOVEMBER).stdout.splitlines()
    assert lines[0].split() == list(report_formats.LINE)
    # What a station calls a tag must not steer the terminal.
    assert "=?[31m" in lines[2]
    assert "\x1b" not in "".join(lines)
    assert lines[3].split()[3:5] == ["-", "0.500"]
    assert lines[-1] == "1.734 kWh in 2 complete and 1 running transactions"
    grouped = run(*NOVEMBER, "--group", "connector").stdout.splitlines()
    assert grouped[1].split() == ["CP001", "1", "1.000", "1", "1", "0", "0"]


async def test_to_a_file_whole_or_not_at_all(
    api: Api, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sessions(api)
    target = tmp_path / "november.csv"
    result = run(*NOVEMBER, "--group", "day", "--format", "csv", "--output", str(target))
    assert (result.exit_code, result.output) == (0, "")
    before = content(target)
    assert before.startswith(b"day,")
    monkeypatch.setattr(reports, "MAX_GROUPS", 1)
    result = run(*NOVEMBER, "--group", "day", "--format", "csv", "--output", str(target))
    assert result.exit_code == 2
    assert "more than 1 groups" in result.output
    assert content(target) == before
    assert fnmatch.filter(os.listdir(tmp_path), "*.partial") == []
    result = run(*NOVEMBER, "--output", str(tmp_path / "missing" / "x.csv"))
    assert result.exit_code == 1
    assert "cannot write" in result.output


async def test_the_database_is_only_read(api: Api, path: Path) -> None:
    await sessions(api)
    before = content(path)
    assert run(*NOVEMBER, "--split", "--group", "tag").exit_code == 0
    assert content(path) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "2026-11-01"), "--to"),
        (("--from", "2026-11-02", "--to", "2026-11-01"), "--from 2026-11-02 is after --to"),
        (("--from", "2026-11-31", "--to", "2026-12-01"), "'2026-11-31' is not a day"),
        ((*NOVEMBER, "--timezone", "Mars"), "'Mars' must be a time zone"),
        ((*NOVEMBER, "--group", "colour"), "--group"),
        ((*NOVEMBER, "--format", "xml"), "--format"),
        (NOVEMBER, "there is no database"),
    ],
)
def test_what_must_be_mended_is_said(path: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert not path.exists()


def _break(path: Path, how: str) -> None:
    if how == "text":
        path.write_text("no database at all " * 100)
        return
    migrate.migrate_sqlite(path)
    connection = sqlite3.connect(path)
    change: dict[str, Any] = {
        "old": "DELETE FROM _sqlite_migrations WHERE name LIKE '0007%'",
        "newer": "UPDATE _sqlite_migrations SET name = '9999_x' WHERE name LIKE '0007%'",
    }
    connection.execute(change[how])
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("old", "needs the schema steps 0007_energy"),
        ("newer", "newer version"),
        ("text", "cannot be read as a SQLite database"),
    ],
)
def test_a_file_that_cannot_be_used_is_said(path: Path, how: str, words: str) -> None:
    _break(path, how)
    result = run(*NOVEMBER)
    assert result.exit_code == 2
    assert words in result.output


def test_the_script_is_there_to_be_run() -> None:
    script = Path(__file__).parents[2] / "scripts" / "energy-report"
    assert script.stat().st_mode & stat.S_IXUSR
