"""Remote starts: joined to the transaction that follows, once, and given up in time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocpp_trio.domain.times import format_timestamp
from ocpp_trio.store import charge_points, commands, remote_starts
from ocpp_trio.store.database import Database, Row
from tests.conftest import OpenDatabase
from tests.support.clock import DAY, HOUR, MINUTE, SECOND, FakeNow
from tests.support.sessions import Station

EXPIRY = 5 * MINUTE


class Operator:
    """Sends remote starts to CP1, as far as the books are concerned."""

    def __init__(self, database: Database, now: FakeNow) -> None:
        self.database = database
        self.now = now

    async def ask(self, *, sent: bool = True, point: str = "CP1", **payload: Any) -> int:
        """A RemoteStartTransaction with tag TAG; the command's id."""
        now = self.now()
        request = commands.Request(
            point,
            "RemoteStartTransaction",
            json.dumps({"idTag": "TAG"} | payload),
            "admin",
            answer_timeout=30 * SECOND,
            follow_for=EXPIRY,
            node_id="here",
        )
        command_id = await self.database.write(commands.create, request, now)
        if sent:
            await self.database.write(commands.mark_sent, command_id, now, "here")
        return command_id

    async def end(self, command_id: int, state: str, status: str | None = None) -> None:
        """What became of the command."""
        response = None if status is None else json.dumps({"status": status})
        await self.database.write(commands.finish, command_id, state, response, None, self.now())

    async def find(self, command_id: int) -> Row:
        rows = await self.database.read(remote_starts.page, None, None, None, 1000, 0)
        (row,) = [row for row in rows if row["command_id"] == command_id]
        return row

    async def shown(self, command_id: int) -> tuple[str, int | None]:
        row = await self.find(command_id)
        return row["state"], row["transaction_id"]


@pytest.fixture
async def operator(database: Database, now: FakeNow) -> Operator:
    await database.write(charge_points.register, "CP1", charge_points.ACCEPTED, {}, now())
    return Operator(database, now)


@pytest.fixture
def station(database: Database, now: FakeNow) -> Station:
    return Station(database, now)


async def test_the_start_that_follows_is_joined(
    operator: Operator, station: Station, now: FakeNow
) -> None:
    asked = await operator.ask(connectorId=1)
    assert await operator.shown(asked) == ("pending", None)
    await operator.end(asked, "accepted", "Accepted")
    now.ms += 10 * SECOND
    number = (await station.start(idTag="tag")).transaction_id
    assert await operator.shown(asked) == ("started", number)
    assert (await station.transaction(number))["remote_start_command_id"] == asked
    row = await station.database.read(commands.find, asked)
    assert row is not None
    assert row["transaction_id"] == number


async def test_a_start_that_comes_before_the_answer_is_joined(
    operator: Operator, station: Station
) -> None:
    asked = await operator.ask()
    number = (await station.start()).transaction_id
    await operator.end(asked, "accepted", "Accepted")
    assert await operator.shown(asked) == ("started", number)


async def test_one_transaction_for_one_remote_start_and_the_reverse(
    operator: Operator, station: Station, now: FakeNow
) -> None:
    first, second = await operator.ask(), await operator.ask()
    now.ms += SECOND
    one = await station.start()
    for _ in range(3):
        assert (await station.start()).transaction_id == one.transaction_id
    assert await operator.shown(first) == ("started", one.transaction_id)
    assert await operator.shown(second) == ("pending", None)
    two = (await station.start(connectorId=2)).transaction_id
    three = (await station.start(connectorId=3)).transaction_id
    assert await operator.shown(second) == ("started", two)
    assert (await station.transaction(three))["remote_start_command_id"] is None


async def test_a_replay_does_not_follow_a_later_remote_start(
    operator: Operator, station: Station
) -> None:
    number = (await station.start()).transaction_id
    asked = await operator.ask()
    assert (await station.start()).is_replay
    assert await operator.shown(asked) == ("pending", None)
    assert (await station.transaction(number))["remote_start_command_id"] is None


@pytest.mark.parametrize(
    ("asked", "started"),
    [
        ({"idTag": "OTHER"}, {}),
        ({"connectorId": 2}, {}),
        ({"point": "CP2"}, {}),
        # Sent to nobody yet, so nobody can follow it.
        ({"sent": False}, {}),
        # Queued offline for hours.
        ({}, {"timestamp": "2026-11-23T02:00:00Z"}),
    ],
)
async def test_another_start_is_not_joined(
    operator: Operator, station: Station, asked: dict[str, Any], started: dict[str, Any]
) -> None:
    command_id = await operator.ask(**asked)
    await station.start(**started)
    assert await operator.shown(command_id) == ("pending", None)


async def test_the_connector_that_was_named_comes_first(
    operator: Operator, station: Station
) -> None:
    anywhere, here = await operator.ask(), await operator.ask(connectorId=1)
    await station.start()
    assert (await operator.shown(here))[0] == "started"
    assert (await operator.shown(anywhere))[0] == "pending"


async def test_a_clock_that_is_known_to_be_slow_is_taken_into_account(
    operator: Operator, station: Station, database: Database, now: FakeNow
) -> None:
    await database.write(charge_points.seen, [(now(), None, -2 * HOUR, "CP1")])
    asked = await operator.ask()
    slow = format_timestamp(now() - 2 * HOUR)
    number = (await station.start(timestamp=slow)).transaction_id
    assert await operator.shown(asked) == ("started", number)


@pytest.mark.parametrize("timestamp", ["1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "now"])
async def test_a_start_without_a_clock_is_joined(
    operator: Operator, station: Station, timestamp: str
) -> None:
    asked = await operator.ask()
    number = (await station.start(timestamp=timestamp)).transaction_id
    assert await operator.shown(asked) == ("started", number)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("refused", "Rejected"),
        ("error", None),
        ("expired", None),
        ("cancelled", None),
        ("late", "Rejected"),
    ],
)
async def test_refused_or_failed_nothing_follows(
    operator: Operator, station: Station, state: str, status: str | None
) -> None:
    asked = await operator.ask()
    if state == "late":
        await operator.end(asked, "timeout")
    await operator.end(asked, state, status)
    assert await operator.shown(asked) == ("refused", None)
    await station.start()
    assert await operator.shown(asked) == ("refused", None)


async def test_a_start_before_the_refusal_belongs_to_somebody_else(
    operator: Operator, station: Station
) -> None:
    asked = await operator.ask()
    number = (await station.start()).transaction_id
    await operator.end(asked, "refused", "Rejected")
    assert await operator.shown(asked) == ("refused", None)
    assert (await station.transaction(number))["remote_start_command_id"] is None


@pytest.mark.parametrize("state", ["timeout", "replaced", "unknown"])
async def test_without_an_answer_the_start_may_come_all_the_same(
    operator: Operator, station: Station, state: str
) -> None:
    asked = await operator.ask()
    await operator.end(asked, state)
    number = (await station.start()).transaction_id
    assert await operator.shown(asked) == ("started", number)


async def test_the_time_counts_from_the_answer_and_then_it_is_over(
    operator: Operator, station: Station, database: Database, now: FakeNow
) -> None:
    asked = await operator.ask()
    now.ms += 20 * SECOND
    await operator.end(asked, "accepted", "Accepted")
    now.ms += EXPIRY - 1
    assert await database.write(remote_starts.expire, now()) == []
    assert (await operator.find(asked))["expires_at"] == now() + 1
    now.ms += 1
    await station.start()
    assert await operator.shown(asked) == ("pending", None)
    (row,) = await database.write(remote_starts.expire, now())
    assert (row["command_id"], row["charge_point_id"], row["id_tag"]) == (asked, "CP1", "TAG")
    assert await operator.shown(asked) == ("expired", None)
    # An answer after that changes nothing.
    await operator.end(asked, "late", "Accepted")
    assert await operator.shown(asked) == ("expired", None)


async def test_after_a_restart_it_still_works(
    open_test_database: OpenDatabase, now: FakeNow
) -> None:
    async with open_test_database() as database:
        operator = Operator(database, now)
        sent, queued = await operator.ask(), await operator.ask(sent=False)
    async with open_test_database() as database:
        operator, station = Operator(database, now), Station(database, now)
        await database.write(commands.abandon, "here", "it is gone", now())
        await database.write(remote_starts.expire, now())
        assert await operator.shown(queued) == ("refused", None)
        number = (await station.start()).transaction_id
        assert await operator.shown(sent) == ("started", number)


async def test_pages_and_filters(operator: Operator, station: Station, database: Database) -> None:
    first, second = await operator.ask(), await operator.ask(connectorId=2)
    other = await operator.ask(point="CP2")
    await station.start()

    async def ids(*filters: Any) -> list[int]:
        rows = await database.read(remote_starts.page, *filters)
        return [row["command_id"] for row in rows]

    assert await ids(None, None, None, 10, 0) == [other, second, first]
    assert await ids(None, None, None, 1, 1) == [second]
    assert await ids(None, None, second, 10, 0) == [first]
    assert await ids("CP1", "pending", None, 10, 0) == [second]
    assert await database.read(remote_starts.count, "CP1", None) == 2
    assert await database.read(remote_starts.count, None, "started") == 1


async def test_a_start_two_days_ahead_of_our_clock_is_joined_whatever_its_clock(
    operator: Operator, station: Station, database: Database, now: FakeNow
) -> None:
    await database.write(charge_points.seen, [(now(), None, 2 * DAY, "CP1")])
    asked = await operator.ask()
    await station.start(timestamp=format_timestamp(now() + 2 * DAY))
    assert (await operator.shown(asked))[0] == "started"
