"""The process that writes SQLite: units and their errors cross, it ends when its server does, and
its server when it does.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import trio

from ocpp_trio.config import Settings
from ocpp_trio.errors import CallRefused, DatabaseInUse, StoreError, StoreLost, TagFileRefused
from ocpp_trio.logs import Entry
from ocpp_trio.store import audit, logs, write_checks
from ocpp_trio.store.batch import Job
from ocpp_trio.store.batch_messages import HEAD, answer, failure, request, settle
from ocpp_trio.store.database import Database, Row, Tx
from ocpp_trio.store.migrate import migrate_sqlite
from ocpp_trio.store.opening import open_database
from ocpp_trio.store.sqlite import SqliteLock
from ocpp_trio.store.writer_client import WriterClient, writer_process
from ocpp_trio.store.writer_process import serve
from tests.conftest import SQLITE, MakeSettings
from tests.support.statements import fetch, sql

pytestmark = pytest.mark.real


def add(tx: Tx, message: str) -> str:
    logs.insert(tx, [Entry(None, 0, "INFO", "test", message)])
    return f"added {message}"


def refuse(tx: Tx, message: str) -> None:
    add(tx, message)
    raise CallRefused("SecurityError", message)


def row_of(tx: Tx, message: str) -> Row | None:
    add(tx, message)
    return tx.one(sql("SELECT level, message FROM logs WHERE message = :message"), message=message)


def add_and_return_what_stays(tx: Tx, message: str) -> Callable[[], None]:
    add(tx, message)
    return lambda: None


def process_id(tx: Tx) -> int:
    return os.getpid()


def raise_what_stays(tx: Tx) -> None:
    raise ValueError(lambda: None)


async def stored(database: Database) -> list[str]:
    rows = await database.read(fetch, "SELECT message FROM logs ORDER BY id")
    return [row["message"] for row in rows]


@pytest.fixture
def database_kind() -> str:
    return SQLITE


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings()


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    with trio.fail_after(20):
        async with open_database(settings, as_server=True) as opened:
            yield opened


async def test_units_run_in_another_process_and_what_they_find_comes_back(
    database: Database, settings: Settings
) -> None:
    assert await database.write(process_id) != os.getpid()
    assert await database.write(add, "one") == "added one"
    row = await database.write(row_of, "two")
    assert row is not None
    assert dict(row) == {"level": "INFO", "message": "two"}
    assert await stored(database) == ["one", "two"]
    with pytest.raises(DatabaseInUse):
        SqliteLock(Path(settings.db_sqlite_path))


async def test_an_error_of_a_unit_is_its_callers_alone(database: Database) -> None:
    errors: list[CallRefused] = []

    async def fail() -> None:
        try:
            await database.write(refuse, "not this")
        except CallRefused as error:
            errors.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail)
        nursery.start_soon(database.write, add, "this")
    assert await stored(database) == ["this"]
    assert (errors[0].code, errors[0].description) == ("SecurityError", "not this")


async def test_what_cannot_cross_harms_nobody_else(database: Database) -> None:
    errors: dict[str, Exception] = {}

    async def fail(name: str, unit: Callable[..., object], *arguments: object) -> None:
        try:
            await database.write(unit, *arguments)
        except Exception as error:
            errors[name] = error

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail, "unit", lambda tx: None)
        nursery.start_soon(fail, "argument", add, lambda: None)
        nursery.start_soon(fail, "result", add_and_return_what_stays, "stored all the same")
        nursery.start_soon(fail, "error", raise_what_stays)
        nursery.start_soon(database.write, add, "neighbour")
    assert set(errors) == {"unit", "argument", "result", "error"}
    assert "ValueError(<function raise_what_stays" in str(errors["error"])
    assert sorted(await stored(database)) == ["neighbour", "stored all the same"]


async def test_signals_to_all_of_a_group_do_not_end_it(database: Database) -> None:
    process = await database.write(process_id)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(process, number)
        assert await database.write(process_id) == process


async def test_killed_it_takes_its_server_with_it(settings: Settings) -> None:
    lost: list[BaseException] = []
    with trio.fail_after(20), pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012
        async with open_database(settings, as_server=True, crash=lost.append) as database:
            process = await database.write(process_id)
            os.kill(process, signal.SIGKILL)
            with pytest.raises(StoreLost):
                await database.write(add, "nobody knows")
            await trio.sleep_forever()
    assert caught.group_contains(StoreLost, match="the writer process was killed by signal 9")
    assert isinstance(lost[0], StoreLost)


async def test_killed_while_nobody_writes_it_is_noticed(settings: Settings) -> None:
    lost: list[BaseException] = []
    with trio.fail_after(20), pytest.raises(BaseExceptionGroup):  # noqa: PT012
        async with open_database(settings, as_server=True, crash=lost.append) as database:
            os.kill(await database.write(process_id), signal.SIGKILL)
            await trio.sleep_forever()
    assert isinstance(lost[0], StoreLost)


async def test_a_file_that_was_deleted_is_noticed_by_it(settings: Settings) -> None:
    with trio.fail_after(20), pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012
        async with open_database(settings, as_server=True) as database:
            os.unlink(settings.db_sqlite_path)
            with pytest.raises(StoreLost):
                await database.write(add, "into nothing")
            await trio.sleep_forever()
    assert caught.group_contains(StoreLost, match="was deleted while the server was using it")


async def test_after_an_ordered_end_the_log_is_in_the_file(settings: Settings) -> None:
    path = Path(settings.db_sqlite_path)
    async with open_database(settings, as_server=True) as database:
        await database.write(add, "kept")
        process = await database.write(process_id)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert not os.path.exists(f"{path}-wal")  # noqa: ASYNC240 - it is a test's own
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT message FROM logs").fetchall() == [("kept",)]
    SqliteLock(path).release()


async def test_a_start_waits_for_the_end_of_the_server_before_it(
    settings: Settings, nursery: trio.Nursery
) -> None:
    lock = SqliteLock(Path(settings.db_sqlite_path))

    async def end() -> None:
        await trio.sleep(0.1)
        lock.release()

    nursery.start_soon(end)
    with trio.fail_after(20):
        async with open_database(settings, as_server=True) as database:
            assert await database.write(add, "next") == "added next"


async def test_a_start_does_not_wait_for_ever(make_settings: MakeSettings) -> None:
    settings = make_settings(OCPP_DB_BUSY_TIMEOUT="0.05")
    lock = SqliteLock(Path(settings.db_sqlite_path))
    with pytest.raises(DatabaseInUse):
        async with open_database(settings, as_server=True):
            raise AssertionError("opened")
    lock.release()


async def test_a_thread_may_write_instead(make_settings: MakeSettings) -> None:
    async with open_database(make_settings(OCPP_DB_WRITER="thread"), as_server=True) as database:
        assert await database.write(process_id) == os.getpid()


@contextmanager
def closing_lock(path: Path) -> Iterator[SqliteLock]:
    lock = SqliteLock(path)
    try:
        yield lock
    finally:
        lock.release()


@asynccontextmanager
async def process_for(path: Path) -> AsyncIterator[WriterClient]:
    with closing_lock(path / "other") as lock, trio.fail_after(20):
        async with writer_process(path, 0.1, lock.fileno(), 10) as writer:
            yield writer


async def test_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"cannot open {tmp_path}"):
        async with process_for(tmp_path):
            raise AssertionError("opened")


async def test_a_process_that_cannot_be_started(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(StoreError, match=r"/nowhere/python.*OCPP_DB_WRITER=thread"):
        async with open_database(settings, as_server=True):
            raise AssertionError("opened")


async def test_what_lies_in_the_working_directory_is_not_run(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ocpp_trio").mkdir()
    (tmp_path / "ocpp_trio" / "__init__.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    async with open_database(settings, as_server=True) as database:
        assert await database.write(add, "ours") == "added ours"


async def test_a_locked_database_is_an_error_of_the_batch_and_not_the_end(
    settings: Settings, make_settings: MakeSettings
) -> None:
    settings = make_settings(OCPP_DB_BUSY_TIMEOUT="0.05")
    async with open_database(settings, as_server=True) as database:
        other = sqlite3.connect(settings.db_sqlite_path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await database.write(write_checks.check)
        other.execute("ROLLBACK")
        other.close()
        assert await database.write(add, "again") == "added again"


def crossed(jobs: Sequence[Job]) -> Sequence[Job]:
    """Jobs after their answer has crossed."""
    settle(answer(jobs)[HEAD:], jobs)
    return jobs


@pytest.mark.parametrize(
    "error",
    [
        CallRefused("FormationViolation", "why"),
        TagFileRefused([(3, "no tag")], 7),
        sqlite3.IntegrityError("constraint"),
        OverflowError("too large"),
    ],
)
def test_errors_keep_what_they_say(error: Exception) -> None:
    job = Job(add, ())
    job.error = error
    (same,) = crossed([job])
    assert type(same.error) is type(error)
    assert str(same.error) == str(error)
    assert same.error.__dict__ == error.__dict__


def test_a_batch_that_failed_says_why_and_where() -> None:
    try:
        raise StoreLost("gone")
    except StoreLost as error:
        message = failure(error)
    with pytest.raises(StoreLost, match="gone") as caught:
        settle(message[HEAD:], [])
    assert "test_a_batch_that_failed_says_why_and_where" in caught.value.__notes__[0]


def test_a_request_that_cannot_be_read_is_a_fault_and_said(settings: Settings) -> None:
    migrate_sqlite(Path(settings.db_sqlite_path))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"\0\0\0\3bad")
        ours.shutdown(socket.SHUT_WR)
        serve(theirs, Path(settings.db_sqlite_path), 0.1)
        theirs.shutdown(socket.SHUT_WR)
        opened, told = messages(ours)
    settle(opened, [])
    with pytest.raises(StoreLost, match="the writer failed: UnpicklingError"):
        settle(told, [])


def messages(sock: socket.socket) -> list[bytes]:
    """What was sent, without the lengths."""
    stream = sock.makefile("rb")
    found = []
    while head := stream.read(HEAD):
        found.append(stream.read(int.from_bytes(head, "big")))
    return found


def test_a_request_holds_what_can_go() -> None:
    jobs = [Job(add, ("a",)), Job(lambda tx: None, ()), Job(audit.prune, (1, 2))]
    message, sent = request(jobs)
    assert sent == [jobs[0], jobs[2]]
    assert jobs[1].error is not None
    assert int.from_bytes(message[:HEAD], "big") == len(message) - HEAD


async def test_a_socket_that_breaks_in_the_middle_of_an_answer_is_an_end(
    settings: Settings,
) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ended = await trio.lowlevel.open_process(["true"])
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        writer = WriterClient(stream, ended)
        theirs.sendall(b"\0\0\1\0half")
        theirs.close()
        async with stream:
            with pytest.raises(StoreLost, match="the writer process ended"):
                await writer.opened()
