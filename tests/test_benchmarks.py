"""The benchmarks' own tools, and p7 from end to end. How fast anything is, no test says."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import picows
import pytest

from benchmarks import load, pictures, postgres
from benchmarks.connection import Run
from benchmarks.postgres import Look, activity
from benchmarks.processes import cpu_seconds, family_cpu_seconds
from benchmarks.scenarios.p1 import SCENARIO
from tests.support.postgres import Postgres
from tests.support.waiting import until

ROOT = Path(__file__).parents[1]
P7 = (sys.executable, "-m", "benchmarks", "p7", "--rounds=1", "--warmup=0", "--connections=4")
LIMIT = 60.0
BURN = "import time\nwhile time.process_time() < 0.2: pass"


def look(moment: float, count: int, *backends: str) -> Look:
    return Look(moment, count / 100, count, count * 1000, list(backends))


def test_what_pictures_show() -> None:
    medians = {"raw": {"rate": 20.0, "slowest": 19.0, "fastest": 22.0}}
    assert pictures.bars({"medians": medians}) == [("raw", 20.0, 19.0, 22.0)]
    costs = [{"cpu_per_message": cost} for cost in (70.0, 90.0, 80.0)]
    loads = {"p1": {"100": costs, "10": costs[:1]}}
    assert pictures.of_stations(loads, "p1") == ("p1", [10, 100], [70.0, 80.0])
    pages = {"10000": {"/api/a": 1.0, "/api/reports/b": 5.0}, "100000": {"/api/a": 2.0}}
    assert pictures.of_rows({"p6": pages}) == [("/api/a", [10_000, 100_000], [1.0, 2.0])]


def test_stations_are_dealt_out_to_the_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = []

    async def ws_connect(_: Any, url: str, **__: Any) -> None:
        urls.append(url)

    async def connect() -> None:
        await load.connect(SCENARIO, [1001, 1002], 5, Run(5))

    monkeypatch.setattr(picows, "ws_connect", ws_connect)
    asyncio.run(connect())
    assert sorted(url.partition("/BENCH")[0] for url in urls) == [
        *["ws://127.0.0.1:1001"] * 2,
        *["ws://127.0.0.1:1002"] * 3,
    ]
    assert len(set(urls)) == 5


def test_activity_is_what_was_seen_in_the_window() -> None:
    found = activity(
        [
            look(9.9, 0, "Lock/tuple", "Lock/tuple", "Lock/tuple"),
            look(10.0, 100, "running"),
            look(10.5, 150, "LWLock/WALWrite", "LWLock/WALWrite"),
            look(11.0, 200, "LWLock/WALWrite", "LWLock/LockManager"),
            look(11.5, 250, "Lock/transactionid", "running"),
            look(12.0, 300),
            look(12.1, 900),
        ],
        started=10.0,
        seconds=2.0,
    )
    assert (found.looks, found.cpu, found.commits, found.wal) == (5, 1.0, 100, 100_000)
    assert (found.lock_waits, found.internal_waits, found.most_waiting) == (1, 2, 2)
    assert found.backends == {
        "running": 2,
        "LWLock/WALWrite": 3,
        "LWLock/LockManager": 1,
        "Lock/transactionid": 1,
    }


def test_a_window_without_looks_is_an_error() -> None:
    with pytest.raises(click.ClickException, match="did not answer"):
        activity([look(9.0, 1), look(10.5, 2)], started=10.0, seconds=1.0)


@pytest.mark.real
def test_children_that_have_ended_are_counted() -> None:
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}])"
    program += "; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        assert family_cpu_seconds(parent.pid) >= cpu_seconds(parent.pid) + 0.15
        parent.communicate()


@pytest.mark.real
def test_a_named_database_must_be_empty_and_is_empty_again(postgres: Postgres) -> None:
    name = "bench_named"
    postgres.create(name)
    url = f"postgresql://postgres@127.0.0.1:{postgres.port}/{name}"
    try:
        with named(url) as watched:
            postgres.execute("CREATE TABLE meter_values (id BIGINT)", name=name)
            assert watched.count("SELECT count(*) FROM meter_values") == 0
        postgres.execute("CREATE TABLE somebodys (id BIGINT)", name=name)
        with pytest.raises(click.ClickException, match="not empty"), named(url):
            pass
        left = "SELECT relname FROM pg_class WHERE relname IN ('meter_values', 'somebodys')"
        assert postgres.execute(left, name=name) == [{"relname": "somebodys"}]
    finally:
        postgres.drop(name)


@pytest.mark.parametrize(
    ("url", "words"),
    [("sqlite:x.db", "must begin with postgresql"), ("postgresql://h:99999/x", "cannot be read")],
)
def test_an_url_that_is_none_of_postgresql(url: str, words: str) -> None:
    with pytest.raises(click.ClickException, match=words), named(url):
        pass


@contextmanager
def named(url: str) -> Iterator[postgres.Watched]:
    with postgres.database(url, Path("/nowhere")) as watched:
        yield watched


@pytest.mark.slow
@pytest.mark.real
def test_p7_measures_one_server_and_two(tmp_path: Path) -> None:
    file = tmp_path / "p7.json"
    done = subprocess.run(
        [*P7, "--seconds=0.5", f"--json={file}"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    heads = [line.split(" | ")[0].strip("| ") for line in done.stdout.splitlines()]
    assert [head for head in heads if head[:1] in ("1", "2")][1:] == [
        "1",
        "2",
        "1, 1/2 of the stations",
    ]
    report = json.loads(file.read_text())
    for found in report["medians"].values():
        assert found["commits"] > 0
        assert found["rows"] > 0
        assert found["both"] == pytest.approx(found["servers"] + found["postgres"])
    assert all(each["load"]["messages"] for (each,) in report["rounds"].values())


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_p7_ends_all_that_it_started(how: signal.Signals) -> None:
    with subprocess.Popen(
        [*P7, "--seconds=60"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # A shell has its background jobs ignore it, and what they start.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        started = until(lambda: loaded(process.pid))
        assert any(b"ocpp_trio" in command for command in started.values())
        assert any(b"postgres" in command for command in started.values())
        process.send_signal(how)
        process.communicate(timeout=LIMIT)
        assert process.returncode == {signal.SIGINT: 1, signal.SIGTERM: 128 + how}[how]
    # The load generator is killed, and not waited for after Ctrl-C.
    until(lambda: not any(map(lives, started)))


def loaded(pid: int) -> dict[int, bytes]:
    """The family of a benchmark, once its load generator is there."""
    found = family(pid)
    return found if any(b"benchmarks.load" in command for command in found.values()) else {}


def lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def family(pid: int) -> dict[int, bytes]:
    """The children of a process that live, with theirs, and their command lines."""
    found: dict[int, bytes] = {}
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found[child] = Path(f"/proc/{child}/cmdline").read_bytes()
                found |= family(child)
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has just ended
    return found
