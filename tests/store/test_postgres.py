"""What only PostgreSQL can do: connections are lost, and what was at work on them is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg import errors

from ocpp_trio.config import Settings
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import postgres_connection, write_checks
from ocpp_trio.store.batch import Driver, Job
from ocpp_trio.store.database import Database, Tx
from ocpp_trio.store.postgres import RUNS, PostgresDriver
from ocpp_trio.store.postgres_connection import Connector
from ocpp_trio.store.postgres_tx import array
from tests.conftest import POSTGRES, MakeSettings
from tests.support.postgres import Postgres
from tests.support.statements import execute, fetch, sql, value

PID = "SELECT pg_backend_pid() AS pid"
END_MYSELF = "SELECT pg_terminate_backend(pg_backend_pid()) AS done"
ADD = "INSERT INTO logs (timestamp, level, source, message) VALUES (0, 'I', 's', :message)"


@pytest.fixture
def database_kind() -> str:
    """PostgreSQL alone."""
    return POSTGRES


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(OCPP_DB_STATEMENT_TIMEOUT="1", OCPP_DB_CONNECT_TIMEOUT="2")


@pytest.fixture
def driver(settings: Settings) -> Iterator[PostgresDriver]:
    with closing(PostgresDriver(settings)) as opened:
        yield opened


def add(tx: Tx, message: str) -> str:
    tx.run(sql(ADD), message=message)
    return message


def write(driver: Driver, unit: Callable[..., Any], *arguments: Any) -> Any:
    """Write one unit in a batch of its own; its result."""
    job = Job(unit, arguments)
    driver.run_batch([job])
    if job.error is not None:
        raise job.error
    return job.result


def messages(driver: Driver) -> list[str]:
    rows = driver.run_read(fetch, ("SELECT message FROM logs ORDER BY id",))
    return [row["message"] for row in rows]


class Once:
    """A unit that has an accident the first times it is run."""

    def __init__(self, accident: Callable[[Tx], object], times: int = 1) -> None:
        self.runs = 0
        self._accident = accident
        self._times = times

    def __call__(self, tx: Tx, message: str) -> str:
        self.runs += 1
        add(tx, message)
        if self.runs <= self._times:
            self._accident(tx)
        return message


def end_myself(tx: Tx) -> None:
    tx.one(sql(END_MYSELF))


# The session


def test_the_writer_is_durable_and_its_statements_have_an_end(driver: PostgresDriver) -> None:
    for name, expected in {
        "synchronous_commit": "on",
        "transaction_isolation": "read committed",
        "statement_timeout": "1s",
        "idle_in_transaction_session_timeout": "2s",
        "application_name": "ocpp-trio",
        "client_encoding": "UTF8",
    }.items():
        assert write(driver, value, f"SHOW {name}") == expected


def test_readers_have_a_snapshot_and_write_nothing(driver: PostgresDriver) -> None:
    for name, expected in {
        "transaction_isolation": "repeatable read",
        "transaction_read_only": "on",
        "plan_cache_mode": "force_custom_plan",
        "statement_timeout": "1s",
    }.items():
        assert driver.run_read(value, (f"SHOW {name}",)) == expected


def test_commits_wait_for_the_disk_whatever_the_server_is_used_to(
    settings: Settings, shared_database: psycopg.Connection[Any]
) -> None:
    shared_database.execute("ALTER ROLE postgres SET synchronous_commit = off")
    try:
        with closing(PostgresDriver(settings)) as opened:
            assert write(opened, value, "SHOW synchronous_commit") == "on"
    finally:
        shared_database.execute("ALTER ROLE postgres RESET synchronous_commit")


def test_statements_are_prepared(driver: PostgresDriver) -> None:
    for number in range(5):
        write(driver, add, str(number))
    prepared = write(
        driver,
        value,
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO logs%'",
    )
    assert prepared == 1


@pytest.mark.parametrize(
    ("kind", "values", "stored"),
    [
        ("text", ["Wh", "Wh", "a, b", "{}", "", " ", "NULL", "null", "é\n"], None),
        ("text", ["plain", 'a "quote"', "back\\slash", '","', '\\"'], None),
        ("text", ['"', "x"], None),
        ("text", ["x", None, "NULL", "", '"', "x", None, "\\"], None),
        ("text", [None, None], None),
        ("text", ["nul \0", "x"], ["nul \\u0000", "x"]),
        ("text", ["nul \0", None], ["nul \\u0000", None]),
        ("bigint", [1, -2, 2**63 - 1, -(2**63)], None),
        ("bigint", [1, True, False, None], [1, 1, 0, None]),
        ("bigint", [], None),
        ("double precision", [1.5, 1e300, 0.1, 3], None),
        ("double precision", [1.5, None, -0.0], None),
        ("double precision", [float("inf"), float("-inf")], None),
    ],
)
def test_columns_arrive_as_they_were(
    shared_database: psycopg.Connection[Any],
    kind: str,
    values: list[Any],
    stored: list[Any] | None,
) -> None:
    row = shared_database.execute(f"SELECT %s::{kind}[] AS given".encode(), [array(values)])
    assert row.fetchone() == {"given": values if stored is None else stored}


def test_one_reader_is_used_again(driver: PostgresDriver) -> None:
    assert len({driver.run_read(value, (PID,)) for _ in range(3)}) == 1


def test_a_unit_that_fails_leaves_its_reader_usable(driver: PostgresDriver) -> None:
    before = driver.run_read(value, (PID,))
    with pytest.raises(errors.UndefinedTable):
        driver.run_read(fetch, ("SELECT * FROM nowhere",))
    assert driver.run_read(value, (PID,)) == before


# A connection that is lost


def test_a_batch_whose_connection_ends_is_done_again(driver: PostgresDriver) -> None:
    unit = Once(end_myself)
    jobs = [Job(add, ("before",)), Job(unit, ("hit",)), Job(add, ("after",))]
    driver.run_batch(jobs)
    assert [job.result for job in jobs] == ["before", "hit", "after"]
    assert unit.runs == 2
    assert messages(driver) == ["before", "hit", "after"]


def test_it_is_not_done_again_for_ever(driver: PostgresDriver) -> None:
    unit = Once(end_myself, times=RUNS)
    with pytest.raises(StoreUnavailable, match="terminating connection due to administrator"):
        driver.run_batch([Job(add, ("neighbour",)), Job(unit, ("hit",))])
    assert unit.runs == RUNS
    assert messages(driver) == []
    assert write(driver, unit, "later") == "later"
    assert messages(driver) == ["later"]


def test_a_connection_that_ended_between_two_batches(
    driver: PostgresDriver, shared_database: psycopg.Connection[Any]
) -> None:
    pid = write(driver, value, PID)
    shared_database.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert write(driver, add, "after") == "after"
    assert messages(driver) == ["after"]


def test_readers_that_ended_are_replaced(
    driver: PostgresDriver, shared_database: psycopg.Connection[Any]
) -> None:
    pid = driver.run_read(value, (PID,))
    shared_database.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert driver.run_read(value, (PID,)) != pid


def test_a_read_is_not_tried_for_ever(driver: PostgresDriver) -> None:
    with pytest.raises(StoreUnavailable, match="terminating connection"):
        driver.run_read(fetch, (END_MYSELF,))


def test_a_unit_that_failed_before_is_asked_again(driver: PostgresDriver) -> None:
    """Its error belongs to the attempt that was lost."""

    class MendedError(Exception):
        pass

    def raise_once(tx: Tx) -> None:
        raise MendedError

    # Fails alone, then the connection ends in the same batch, then all is well.
    mended, ending = Once(raise_once, times=2), Once(end_myself)
    jobs = [Job(mended, ("mended",)), Job(ending, ("ending",))]
    driver.run_batch(jobs)
    assert [job.error for job in jobs] == [None, None]
    assert messages(driver) == ["mended", "ending"]


# A commit whose answer is lost


class Lost(PostgresDriver):
    """Loses its connection around the next COMMIT; the server goes on with the old one."""

    def __init__(self, settings: Settings, *, after: bool) -> None:
        super().__init__(settings)
        self._after = after
        self._is_armed = True
        self.left: list[Any] = []

    def _commit(self) -> None:
        if not self._is_armed:
            super()._commit()
            return
        self._is_armed = False
        xid = self._xid
        if self._after:
            super()._commit()
        self._xid = xid
        # Kept alive, as a proxy in between would keep it.
        self.left.append(self._writer)
        self._writer = None
        raise psycopg.OperationalError("the answer is lost")


@pytest.fixture
def make_lost(settings: Settings) -> Iterator[Callable[..., Lost]]:
    made: list[Lost] = []

    def make(*, after: bool) -> Lost:
        made.append(Lost(settings, after=after))
        return made[-1]

    yield make
    for each in made:
        each.close()
        for connection in each.left:
            connection.close()


def test_a_commit_that_happened_is_not_done_again(make_lost: Callable[..., Lost]) -> None:
    lost = make_lost(after=True)
    unit = Once(lambda tx: None)
    assert write(lost, unit, "once") == "once"
    assert unit.runs == 1
    assert messages(lost) == ["once"]


def test_a_commit_that_did_not_happen_is_done_again(make_lost: Callable[..., Lost]) -> None:
    lost = make_lost(after=False)
    unit = Once(lambda tx: None)
    assert write(lost, unit, "once") == "once"
    assert unit.runs == 2
    assert messages(lost) == ["once"]
    # The old connection held locks: it was ended by the server, not by its own time limit.
    with pytest.raises(psycopg.OperationalError):
        lost.left[0].execute("SELECT 1")


def test_after_a_failover_nobody_knows_the_transaction(driver: PostgresDriver) -> None:
    write(driver, add, "known")
    driver._xid = str(2**40)
    driver._drop_writer()
    assert write(driver, add, "done again") == "done again"


# Faults of the server that pass


def test_who_gives_way_in_a_deadlock_comes_next(driver: PostgresDriver) -> None:
    def deadlock(tx: Tx) -> None:
        raise errors.DeadlockDetected("give way")

    unit = Once(deadlock, times=4)
    assert write(driver, unit, "late") == "late"
    assert messages(driver) == ["late"]
    for_ever = Once(deadlock, times=100)
    with pytest.raises(StoreUnavailable, match="give way"):
        write(driver, for_ever, "never")
    assert for_ever.runs == RUNS
    assert messages(driver) == ["late"]


@pytest.mark.real
def test_a_statement_that_takes_too_long_is_given_up(driver: PostgresDriver) -> None:
    with pytest.raises(StoreUnavailable, match="statement timeout"):
        driver.run_read(fetch, ("SELECT pg_sleep(30)",))
    unit = Once(lambda tx: tx.one(sql("SELECT pg_sleep(30)")))
    assert write(driver, unit, "later") == "later"
    assert messages(driver) == ["later"]


@pytest.mark.real
def test_rows_that_others_hold_are_waited_for_a_while(
    driver: PostgresDriver, shared_database: psycopg.Connection[Any]
) -> None:
    write(driver, write_checks.check)
    with shared_database.transaction():
        shared_database.execute("UPDATE write_checks SET times = 100")
        with pytest.raises(StoreUnavailable, match="statement timeout"):
            write(driver, write_checks.check)
    write(driver, write_checks.check)
    assert driver.run_read(value, ("SELECT times FROM write_checks",)) == 101


def test_a_fatal_unit_commits_nothing(driver: PostgresDriver) -> None:
    def exit_now(tx: Tx) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        driver.run_batch([Job(add, ("neighbour",)), Job(Once(exit_now), ("fatal",))])
    assert messages(driver) == []


# Connecting again


class Tries:
    """Stands for connecting: fails so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
        self.made: list[float] = []
        self.clock = 0.0
        self._failures = failures
        self._real = postgres_connection.connect
        monkeypatch.setattr(postgres_connection, "connect", self.connect)
        monkeypatch.setattr("time.monotonic", lambda: self.clock)

    def connect(self, settings: Settings) -> postgres_connection.Connection:
        self.made.append(self.clock)
        if len(self.made) <= self._failures:
            raise psycopg.OperationalError("connection refused")
        return self._real(settings)

    def wait(self, seconds: float | None = None) -> bool:
        assert seconds is not None
        self.clock += seconds
        return False


@pytest.fixture
def connector(settings: Settings) -> Connector:
    return Connector(settings)


def test_a_server_that_is_back_soon_is_waited_for(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = Tries(monkeypatch, 3)
    monkeypatch.setattr(connector._closed, "wait", tries.wait)
    connector.connect(read_only=True).close()
    pauses = [b - a for a, b in zip(tries.made, tries.made[1:], strict=False)]
    for pause, longest in zip(pauses, (0.1, 0.2, 0.4), strict=True):
        assert longest / 2 <= pause <= longest


def test_one_that_is_gone_is_tried_for_ever_but_not_waited_for(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = Tries(monkeypatch, 40)
    monkeypatch.setattr(connector._closed, "wait", tries.wait)
    with pytest.raises(StoreUnavailable, match="connection refused"):
        connector.connect(read_only=True)
    assert 2 <= tries.clock <= 2 + 3.2
    # From now on each caller is told at once; now and then one of them tries.
    before = len(tries.made)
    for _ in range(100):
        clock = tries.clock
        with pytest.raises(StoreUnavailable, match="connection refused"):
            connector.connect(read_only=True)
        assert tries.clock == clock
        tries.clock += 0.5
    assert 10 <= len(tries.made) - before <= 24
    while len(tries.made) < 40:
        tries.clock += 5
        with pytest.raises(StoreUnavailable):
            connector.connect(read_only=True)
    tries.clock += 5
    connector.connect(read_only=True).close()


def test_a_stop_does_not_wait_for_the_server(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    Tries(monkeypatch, 100)
    connector.close()
    with pytest.raises(StoreUnavailable, match="the server is stopping"):
        connector.connect(read_only=False)


async def test_the_database_is_back_by_itself(
    settings: Settings, postgres: Postgres, database: Database
) -> None:
    await database.write(execute, "DELETE FROM logs")
    await database.write(add, "before")
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = %s AND application_name = 'ocpp-trio'",
        [settings.db_name],
    )
    assert await database.write(add, "after") == "after"
    assert database.failing_for() == 0
