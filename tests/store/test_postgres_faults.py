"""The network between us and PostgreSQL: answers that are lost, links that freeze or break."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from ocpp_trio import config
from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import starts, write_checks
from ocpp_trio.store.batch import Job
from ocpp_trio.store.database import Tx
from ocpp_trio.store.postgres import PostgresDriver
from tests.conftest import POSTGRES
from tests.support.clock import START
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy, proxy
from tests.support.statements import value

pytestmark = [pytest.mark.real, pytest.mark.slow]

COUNT = "SELECT count(*) FROM transactions"


@pytest.fixture
def database_kind() -> str:
    """PostgreSQL alone."""
    return POSTGRES


@pytest.fixture
def link(postgres: Postgres) -> Iterator[Proxy]:
    with proxy(postgres.port) as made:
        yield made


@pytest.fixture
def driver(database_variables: dict[str, str], link: Proxy) -> Iterator[PostgresDriver]:
    """By way of the proxy, and with little patience."""
    settings = config.load(
        database_variables
        | {
            "DB_PORT": str(link.port),
            "OCPP_DB_STATEMENT_TIMEOUT": "1",
            "OCPP_DB_CONNECT_TIMEOUT": "1",
        }
    )
    with closing(PostgresDriver(settings)) as opened:
        yield opened


def start(meter_start: int) -> Job:
    """A StartTransaction; those of one register are one and the same."""
    payload = {
        "connectorId": 1,
        "idTag": "TAG",
        "meterStart": meter_start,
        "timestamp": format_timestamp(START),
    }
    return Job(starts.start, ("CP1", payload, json.dumps(payload), True, START))


def start_many(driver: PostgresDriver, *registers: int) -> list[int]:
    """Store starts in one batch; their transaction ids."""
    jobs = [start(register) for register in registers]
    driver.run_batch(jobs)
    assert [job.error for job in jobs] == [None] * len(jobs)
    return [job.result.transaction_id for job in jobs]


def count(driver: PostgresDriver) -> int:
    number: int = driver.run_read(value, (COUNT,))
    return number


@pytest.mark.parametrize("hang", [False, True], ids=["reset", "hang"])
def test_an_answer_to_commit_that_is_swallowed(
    driver: PostgresDriver, link: Proxy, hang: bool
) -> None:
    (first,) = start_many(driver, 0)
    link.swallow_commits(1, hang=hang)
    numbers = start_many(driver, 0, 1, 2)
    assert link.swallowed == 1
    assert numbers[0] == first
    # What was told is what is stored, once each; and it is told again.
    assert start_many(driver, 0, 1, 2) == numbers
    assert count(driver) == 3


def test_every_answer_to_commit_is_swallowed(driver: PostgresDriver, link: Proxy) -> None:
    link.swallow_commits(1000)
    numbers = [start_many(driver, register, register)[0] for register in range(10)]
    # Reads do not commit.
    assert link.swallowed == 10
    assert len(set(numbers)) == count(driver) == 10


def test_a_reset_at_every_step(driver: PostgresDriver, link: Proxy) -> None:
    """Of a batch on a connection that is there already: before each request and each answer."""
    numbers = start_many(driver, 0)
    while link.resets == len(numbers) - 1:
        assert count(driver) == len(numbers)
        link.reset_before(link.resets)
        numbers += start_many(driver, len(numbers))
    link.reset_before(None)
    # The last one was over before its turn came.
    assert link.resets > 10
    assert start_many(driver, *range(len(numbers))) == numbers
    assert count(driver) == len(numbers)


def test_a_frozen_link_is_given_up_and_taken_up_again(driver: PostgresDriver, link: Proxy) -> None:
    start_many(driver, 0)
    assert count(driver) == 1
    link.freeze()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="timeout"):
        start_many(driver, 1)
    with pytest.raises(StoreUnavailable, match="timeout"):
        count(driver)
    assert time.monotonic() - began < 15
    link.thaw()
    deadline = time.monotonic() + 15
    while True:
        try:
            (number,) = start_many(driver, 1)
            break
        except StoreUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert start_many(driver, 1) == [number]
    assert count(driver) == 2


def test_what_a_frozen_link_left_open_holds_nobody_up(
    driver: PostgresDriver, link: Proxy, postgres: Postgres
) -> None:
    """The old connection stays frozen, with locks on our rows; only the new one gets through."""

    def freeze_once(tx: Tx) -> str:
        write_checks.check(tx)
        if not frozen:
            frozen.append(True)
            link.freeze_present()
        return "done"

    frozen: list[bool] = []
    driver.run_batch([Job(write_checks.check, ())])
    job = Job(freeze_once, ())
    driver.run_batch([job])
    assert (job.result, job.error) == ("done", None)
    assert driver.run_read(value, ("SELECT times FROM write_checks",)) == 2


def test_a_slow_link_loses_nothing(driver: PostgresDriver, link: Proxy) -> None:
    link.throttle(50_000)
    numbers = start_many(driver, *range(20))
    link.throttle(0)
    assert start_many(driver, *range(20)) == numbers
    assert count(driver) == 20
