"""PostgreSQL fails under load and comes back: no answer that is not kept, nothing twice, and all
goes on by itself.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.test_sessions import simulate, summary_of, wait_for_acknowledgements
from tests.acceptance.trouble import STATIONS, goes_offline_and_recovers, is_ready
from tests.support.books import check_books, read_ledger
from tests.support.postgres import OCPP, Postgres
from tests.support.proxy import Proxy, proxy
from tests.support.server import Server, free_ports, running
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SESSIONS = 8
SOME = ("--count", str(STATIONS), "--sessions", str(SESSIONS), "--interval", "0.05")
QUICK = {
    "OCPP_DB_STATEMENT_TIMEOUT": "0.5",
    "OCPP_DB_CONNECT_TIMEOUT": "1",
    "OCPP_DB_OFFLINE_AFTER": "1",
}


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that may be ended."""
    made = Postgres()
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def link(own_postgres: Postgres) -> Iterator[Proxy]:
    """The way to its database, which is empty."""
    own_postgres.drop(OCPP)
    own_postgres.create(OCPP)
    with proxy(own_postgres.port) as made:
        yield made


def all_answers_come(
    folder: Path, postgres: Postgres, link: Proxy, trouble: Callable[[], object]
) -> None:
    """Load with some trouble in the middle: nobody is sent offline, and nothing is lost."""
    with (
        running(folder, **postgres.variables(OCPP, link.port)) as server,
        simulate(server, folder, *SOME) as client,
    ):
        wait_for_acknowledgements(folder, 100)
        trouble()
        counted = summary_of(client)
        assert client.returncode == 0
        assert counted["sessionsCompleted"] == SESSIONS * STATIONS
        assert counted["closeCodes"] == {}
        assert "database not available" not in server.log()
        assert server.stop() == 0
        assert server.errors() == []
    books = check_books(postgres, read_ledger(folder / "ledger"))
    assert books["start"] == books["stop"] == SESSIONS * STATIONS


def all_is_kept(
    folder: Path,
    postgres: Postgres,
    link: Proxy,
    begin: Callable[[], object],
    end: Callable[[], object],
) -> None:
    """Trouble for long under load; the books are compared with what the stations were told."""
    with running(folder, **postgres.variables(OCPP, link.port), **QUICK) as server:

        def meanwhile(_: object) -> None:
            assert server.request("GET", "/api/charge-points").status == 503

        codes = goes_offline_and_recovers(
            server, folder, begin, end, meanwhile, gone_within=10, back_within=15
        )
    assert codes["1013"] >= STATIONS
    check_books(postgres, read_ledger(folder / "ledger"))


def end_backends(postgres: Postgres) -> None:
    """Again and again for two seconds."""
    for _ in range(7):
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'ocpp-trio'"
        )
        time.sleep(0.3)


def restart(postgres: Postgres, how: signal.Signals) -> None:
    """Away for a moment."""
    postgres.stop(how)
    time.sleep(0.5)
    postgres.start()


def test_backends_are_terminated(tmp_path: Path, own_postgres: Postgres, link: Proxy) -> None:
    all_answers_come(tmp_path, own_postgres, link, lambda: end_backends(own_postgres))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_a_restart(
    tmp_path: Path, own_postgres: Postgres, link: Proxy, how: signal.Signals
) -> None:
    all_answers_come(tmp_path, own_postgres, link, lambda: restart(own_postgres, how))


def test_answers_to_commit_are_lost(tmp_path: Path, own_postgres: Postgres, link: Proxy) -> None:
    all_answers_come(tmp_path, own_postgres, link, lambda: link.swallow_commits(50))
    assert link.swallowed == 50


def test_gone_for_long(tmp_path: Path, own_postgres: Postgres, link: Proxy) -> None:
    all_is_kept(
        tmp_path,
        own_postgres,
        link,
        lambda: own_postgres.stop(signal.SIGQUIT),
        own_postgres.start,
    )


def test_frozen_for_long(tmp_path: Path, own_postgres: Postgres, link: Proxy) -> None:
    all_is_kept(tmp_path, own_postgres, link, link.freeze, link.thaw)


def test_a_server_that_starts_before_its_database(tmp_path: Path, own_postgres: Postgres) -> None:
    own_postgres.drop(OCPP)
    variables = own_postgres.create(OCPP)
    own_postgres.stop()
    server = Server(tmp_path, **variables)
    try:
        server.start(lambda: "waiting for the database" in server.log())
        own_postgres.start()
        until(lambda: "Charge points connect to" in server.log(), 10)
        assert is_ready(server)
        assert server.stop() == 0
        assert server.errors() == []
    finally:
        server.end()


def test_a_server_whose_database_does_not_come(tmp_path: Path, own_postgres: Postgres) -> None:
    (port,) = free_ports(1)
    variables = own_postgres.variables(OCPP, port) | {"OCPP_DB_START_TIMEOUT": "0.5"}
    server = Server(tmp_path, **variables)
    try:
        server.start(lambda: "waiting for the database" in server.log())
        assert server.wait() == 2
        words = f"cannot open the PostgreSQL database {OCPP} at 127.0.0.1:{port}: "
        assert f"cannot start:\n  {words}" in server.log()
        assert server.errors() == []
    finally:
        server.end()
