"""The SQLite driver on real files: durable, alone, and honest when the file fails it."""

# ruff: noqa: ASYNC240 - a test may touch its files from the loop

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpp_trio.errors import DatabaseInUse, StoreLost, StoreUnavailable
from ocpp_trio.logs import Entry
from ocpp_trio.store import charge_points, logs
from ocpp_trio.store.batch import Job
from ocpp_trio.store.database import Database, Tx
from ocpp_trio.store.opening import open_database
from ocpp_trio.store.sqlite import SqliteDriver, SqliteLock, connect
from tests.conftest import SQLITE, MakeSettings, OpenDatabase
from tests.support.statements import FILL_LOGS, execute, fetch, sql, value

INSERT = "INSERT INTO logs (timestamp, level, source, message) VALUES (1, 'INFO', 's', 'm')"
COUNT = "SELECT count(*) FROM logs"


@pytest.fixture
def database_kind() -> str:
    """SQLite alone."""
    return SQLITE


@pytest.fixture
def path(make_settings: MakeSettings) -> Path:
    """Where the test's database lies."""
    return Path(make_settings().db_sqlite_path)


@pytest.mark.parametrize(
    ("pragma", "setting"),
    [("synchronous", 2), ("journal_mode", "wal"), ("temp_store", 2)],
)
async def test_the_live_writer_is_durable(database: Database, pragma: str, setting: object) -> None:
    assert await database.write(value, f"PRAGMA {pragma}") == setting


async def test_readers_cannot_write_or_checkpoint(database: Database, path: Path) -> None:
    await database.write(execute, INSERT)
    with pytest.raises(StoreUnavailable, match="readonly"):
        await database.read(execute, INSERT)
    before = Path(f"{path}-wal").read_bytes()
    with contextlib.suppress(StoreUnavailable):
        await database.read(fetch, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert Path(f"{path}-wal").read_bytes() == before != b""


async def test_what_was_written_is_there_when_it_is_opened_again(
    open_test_database: OpenDatabase,
) -> None:
    async with open_test_database() as database:
        await database.write(execute, INSERT)
    async with open_test_database() as database:
        assert await database.read(value, COUNT) == 1


async def test_leaving_checkpoints_and_removes_the_journal(
    open_test_database: OpenDatabase, path: Path
) -> None:
    async with open_test_database() as database:
        await database.write(execute, INSERT)
        assert Path(f"{path}-wal").stat().st_size > 0
    assert not Path(f"{path}-wal").exists()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(COUNT).fetchone() == (1,)


async def test_two_servers_never_share_a_file(
    database: Database, open_test_database: OpenDatabase, path: Path
) -> None:
    with pytest.raises(DatabaseInUse) as caught:
        async with open_test_database():
            raise AssertionError("opened")
    assert str(caught.value) == (
        f"another server is using {path} (it holds {path}.lock); stop it, or set"
        " DB_SQLITE_PATH to another file"
    )
    await database.write(execute, INSERT)


def test_a_lock_is_free_again_when_released_and_its_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    first = SqliteLock(path)
    with pytest.raises(DatabaseInUse):
        SqliteLock(path)
    first.release()
    SqliteLock(path).release()
    assert Path(f"{path}.lock").exists()


@pytest.mark.parametrize("size", [0, 1, 2, 127, 128, 129, 300])
async def test_any_number_of_rows_is_stored_in_order(database: Database, size: int) -> None:
    entries = [Entry(None, number, "INFO", "test", f"m{number}") for number in range(size)]
    await database.write(logs.insert, entries)
    rows = await database.read(fetch, "SELECT timestamp, message FROM logs ORDER BY id")
    found = [(row["timestamp"], row["message"]) for row in rows]
    assert found == [(number, f"m{number}") for number in range(size)]


async def test_many_rows_tell_how_many_were_changed(database: Database) -> None:
    insert = sql(
        "INSERT INTO id_tags (id_tag, tag_key, status, created_at, updated_at)"
        " VALUES (:id_tag, :tag_key, :status, :created_at, :updated_at)"
        " ON CONFLICT (tag_key) DO NOTHING"
    )

    def put(tx: Tx, keys: range) -> int:
        return tx.many(insert, [("t", str(key), "Accepted", 1, 1) for key in keys])

    assert await database.write(put, range(200)) == 200
    assert await database.write(put, range(150, 300)) == 100


# The file goes away


def delete(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    kept = path.with_suffix(".kept")
    path.rename(kept)
    path.write_bytes(kept.read_bytes())


LOSSES = pytest.mark.parametrize(
    ("lose", "ending", "word"),
    [
        (delete, "", "deleted"),
        (replace, "", "replaced"),
        (delete, "-wal", "deleted"),
        (replace, "-wal", "replaced"),
    ],
)
Lose = Callable[[Path], None]


@LOSSES
async def test_after_its_file_is_lost_nothing_is_acknowledged_and_the_writer_ends(
    open_test_database: OpenDatabase, path: Path, lose: Lose, ending: str, word: str
) -> None:
    lost = Path(f"{path}{ending}")
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - it ends the whole block
        async with open_test_database() as database:
            await database.write(execute, INSERT)
            lose(lost)
            with pytest.raises(StoreUnavailable, match=f"the writer failed: {lost} was {word}"):
                await database.write(execute, INSERT)
            await trio.sleep_forever()
    text = f"{lost} was {word} while the server was using it"
    assert caught.group_contains(StoreLost, match=re.escape(text))
    assert path.exists() == (lost != path or word == "replaced"), "it is not made anew"


@LOSSES
async def test_an_idle_writer_notices_the_loss_within_a_second(
    mock_clock: MockClock,
    make_settings: MakeSettings,
    path: Path,
    lose: Lose,
    ending: str,
    word: str,
) -> None:
    lost: list[BaseException] = []
    with pytest.raises(ExceptionGroup):  # noqa: PT012 - it ends the whole block
        async with open_database(make_settings(), inline=True, crash=lost.append) as database:
            await database.write(execute, INSERT)
            await wait_all_tasks_blocked()
            mock_clock.jump(1)
            await wait_all_tasks_blocked()
            lose(Path(f"{path}{ending}"))
            await wait_all_tasks_blocked()
            assert lost == []
            mock_clock.jump(1)
            await trio.sleep_forever()
    assert [type(error) for error in lost] == [StoreLost]
    assert word in str(lost[0])


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC])
def test_after_a_flush_that_failed_the_writer_ends(path: Path, code: int) -> None:
    """The system drops what it could not write: the next flush may succeed without it."""
    driver = SqliteDriver(path, busy_timeout=0)

    def fail(_: Tx) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = code
        raise error

    with closing(driver), pytest.raises(StoreLost, match="could not be flushed to disk"):
        driver.run_batch([Job(fail, ())])


async def test_a_read_without_a_file_says_so(database: Database, path: Path) -> None:
    moved = path.with_suffix(".moved")
    path.rename(moved)
    with pytest.raises(StoreUnavailable, match="unable to open"):
        await database.read(value, COUNT)
    moved.rename(path)
    assert await database.read(value, COUNT) == 0


# The disk is full


async def test_a_full_disk_stores_nothing_and_recovers(database: Database) -> None:
    pages = await database.write(value, "PRAGMA page_count")
    await database.write(value, f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(StoreUnavailable, match="full"):
        await database.write(execute, FILL_LOGS)
    assert await database.read(value, COUNT) == 0
    with pytest.raises(StoreUnavailable, match="full"):
        await database.write(execute, FILL_LOGS)
    await database.write(value, "PRAGMA max_page_count = 1000000")
    await database.write(execute, FILL_LOGS)
    assert await database.read(value, COUNT) == 200
    assert await database.read(value, "PRAGMA integrity_check") == "ok"


def test_a_full_disk_sinks_the_whole_batch_and_only_it(path: Path) -> None:
    def insert(tx: Tx) -> int:
        return execute(tx, INSERT)

    def fill(tx: Tx) -> int:
        return execute(tx, FILL_LOGS)

    def bad(tx: Tx) -> None:
        raise ValueError("of a unit")

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE logs (timestamp, level, source, message)")
    driver = SqliteDriver(path, busy_timeout=0)
    try:
        driver.run_batch([job := Job(lambda tx: value(tx, "PRAGMA page_count"), ())])
        limit = f"PRAGMA max_page_count = {job.result + 3}"
        driver.run_batch([Job(lambda tx: value(tx, limit), ())])
        # Also on the second way, where each unit has a savepoint of its own.
        for jobs in ([insert, fill, insert], [insert, bad, fill, insert]):
            with pytest.raises(StoreUnavailable):
                driver.run_batch([Job(unit, ()) for unit in jobs])
            assert driver.run_read(lambda tx: value(tx, COUNT), ()) == 0
        driver.run_batch([Job(insert, ())])
        assert driver.run_read(lambda tx: value(tx, COUNT), ()) == 1
    finally:
        driver.close()


# Another program holds the file


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
async def test_a_locked_file_refuses_and_then_works(
    make_settings: MakeSettings, path: Path, lock: str
) -> None:
    settings = make_settings(OCPP_DB_BUSY_TIMEOUT="0")
    async with open_database(settings, inline=True) as database:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute(lock)
            with pytest.raises(StoreUnavailable, match="locked"):
                await database.write(execute, INSERT)
            # Readers of a WAL file do not mind.
            assert await database.read(value, COUNT) == 0
            other.execute("ROLLBACK")
        await database.write(execute, INSERT)
        assert await database.read(value, COUNT) == 1


async def test_a_unit_has_the_file_to_itself_from_its_first_read_on(
    database: Database, path: Path
) -> None:
    def read_then_write(tx: Tx) -> int:
        before: int = value(tx, COUNT)
        locked = pytest.raises(sqlite3.OperationalError, match="locked")
        with closing(sqlite3.connect(path, timeout=0)) as other, locked:
            other.execute(INSERT)
        return before + execute(tx, INSERT)

    assert await database.write(read_then_write) == 1


def test_the_busy_timeout_reaches_the_connection(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "x.db", busy_timeout=1.5)) as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone()[0] == 1500


async def test_a_read_only_writer_is_unavailable(database: Database) -> None:
    await database.write(fetch, "PRAGMA query_only = 1")
    with pytest.raises(StoreUnavailable, match="readonly"):
        await database.write(execute, INSERT)
    assert await database.read(charge_points.counts) == (0, 0)


async def test_a_damaged_page_is_unavailable_not_a_unit_s_fault(
    open_test_database: OpenDatabase, path: Path
) -> None:
    async with open_test_database() as database:
        await database.write(execute, FILL_LOGS)
        root = await database.read(value, "SELECT rootpage FROM sqlite_master WHERE name = 'logs'")
        size = await database.read(value, "PRAGMA page_size")
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    async with open_test_database() as database:
        with pytest.raises(StoreUnavailable, match="malformed"):
            await database.write(execute, INSERT)
        with pytest.raises(StoreUnavailable, match="malformed"):
            await database.read(fetch, "SELECT * FROM logs")


def test_a_unit_that_fails_leaves_no_transaction_open(path: Path) -> None:
    driver = SqliteDriver(path, busy_timeout=0)
    try:

        def bad(tx: Tx) -> None:
            raise ValueError

        driver.run_batch([job := Job(bad, ())])
        assert isinstance(job.error, ValueError)
        with closing(sqlite3.connect(path, timeout=0)) as other:
            other.execute("CREATE TABLE t (x)")
    finally:
        driver.close()


async def test_a_statement_that_cannot_be_computed_fails_its_unit_only(database: Database) -> None:
    overflow = "SELECT sum(n) FROM (SELECT 9223372036854775807 AS n UNION ALL SELECT 1)"
    errors: list[Exception] = []

    async def write(text: str) -> None:
        try:
            await database.write(execute, text)
        except Exception as error:
            errors.append(error)

    async with trio.open_nursery() as nursery:
        for text in (INSERT, overflow, INSERT):
            nursery.start_soon(write, text)
    assert [str(error) for error in errors] == ["integer overflow"]
    assert not isinstance(errors[0], StoreUnavailable)
    assert database.failing_for() == 0
    assert await database.read(value, COUNT) == 2
