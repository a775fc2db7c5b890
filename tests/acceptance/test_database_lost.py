"""When nothing can be stored any more the server ends; nobody got an answer that is not kept."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.test_sessions import simulate, wait_for_acknowledgements
from tests.support.books import check_books, read_ledger
from tests.support.server import Server

EXIT_FAULT = 70
LOAD = ("--count", "20", "--sessions", "1000", "--interval", "0.02", "--give-up", "3")


def copy_of(path: Path) -> Path:
    """The open files of a database under a second name: what a deletion leaves to look at."""
    kept = path.parent / "kept"
    kept.mkdir()
    for file in (path, Path(f"{path}-wal")):
        (kept / file.name).hardlink_to(file)
    return kept / path.name


@pytest.mark.parametrize("lose", ["delete", "replace"])
def test_deleted_or_replaced_under_load(server: Server, tmp_path: Path, lose: str) -> None:
    with simulate(server, tmp_path, *LOAD):
        wait_for_acknowledgements(tmp_path, 200)
        kept = copy_of(server.database)
        if lose == "delete":
            for file in tmp_path.glob("ocpp.db*"):
                file.unlink()
        else:
            other = tmp_path / "restored"
            other.write_bytes(server.database.read_bytes())
            other.rename(server.database)
        lost = time.monotonic()
        assert server.wait(5) == EXIT_FAULT
        assert time.monotonic() - lost < 2
        time.sleep(0.2)
        ledger = read_ledger(tmp_path / "ledger")
    assert check_books(kept, ledger)["start"] > 10
    last = server.log().splitlines()[-1]
    word = "deleted" if lose == "delete" else "replaced"
    # It, or its WAL, which is looked at next.
    assert f" {server.database}" in last
    assert f" was {word} while the server was using it; ending the process" in last
    assert server.database.exists() == (lose == "replace"), "it is not made anew"


def test_deleted_while_nobody_writes(server: Server) -> None:
    server.database.unlink()
    lost = time.monotonic()
    assert server.wait(5) == EXIT_FAULT
    assert time.monotonic() - lost < 2
    assert not server.database.exists()
    assert "ending the process" in server.log().splitlines()[-1]


FAULTY = """
from ocpp_trio.cli import main
from ocpp_trio.store.sqlite import SqliteDriver

class Fault(BaseException): pass

def run_batch(self, jobs, real=SqliteDriver.run_batch, count=[0]):
    count[0] += 1
    if count[0] > 300:
        raise Fault("in the writer")
    real(self, jobs)

SqliteDriver.run_batch = run_batch
main(["serve"])
"""


@pytest.mark.slow
def test_a_fault_of_ours_in_the_writer_ends_the_process(tmp_path: Path) -> None:
    # Only a thread runs what was put into the server's program.
    server = Server(tmp_path, OCPP_DB_WRITER="thread")
    server.start(program=[sys.executable, "-c", FAULTY])
    try:
        with simulate(server, tmp_path, *LOAD) as client:
            assert server.wait(20) == EXIT_FAULT
            client.wait(20)
    finally:
        server.end()
    last = server.log().splitlines()[-1]
    assert "the writer failed: Fault('in the writer'); ending the process" in last
    counts = check_books(server.database, read_ledger(tmp_path / "ledger"))
    assert counts["start"] > 0
    server.start()
    assert server.stop() == 0


@pytest.mark.slow
def test_killed_its_writer_process_takes_the_server_with_it(server: Server, tmp_path: Path) -> None:
    with simulate(server, tmp_path, *LOAD) as client:
        wait_for_acknowledgements(tmp_path, 200)
        server.kill_writer()
        assert server.wait(5) == EXIT_FAULT
        client.wait(20)
    last = server.log().splitlines()[-1]
    assert "the writer process was killed by signal 9" in last
    assert check_books(server.database, read_ledger(tmp_path / "ledger"))["start"] > 10
    server.start()
    assert server.stop() == 0


@pytest.mark.slow
def test_a_server_that_was_killed_can_be_started_at_once(server: Server, tmp_path: Path) -> None:
    with simulate(server, tmp_path, *LOAD):
        for _ in range(3):
            wait_for_acknowledgements(tmp_path, 100)
            assert server.process is not None
            server.process.kill()
            server.process.wait()
            server.start()
    assert server.stop() == 0
    assert check_books(server.database, read_ledger(tmp_path / "ledger"))["start"] > 10
