"""The keys of charge points in the books: no key dies before it is known which one is in use."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ocpp_trio.domain.station_keys import SHA256, KeyHash, hashed
from ocpp_trio.errors import CannotRotate
from ocpp_trio.store import charge_points, commands, station_keys
from ocpp_trio.store.database import Database
from ocpp_trio.store.station_keys import MAX_PENDING, Known, Proof
from tests.support.clock import FakeNow

OLD, NEW, NEWER = (hashed(bytes([number]) * 20, SHA256) for number in range(3))
SHOWN = '{"key":"AuthorizationKey","value":"********"}'


@pytest.fixture
async def books(database: Database, now: FakeNow) -> Database:
    """A database with the charge point CP1, whose key is OLD."""
    await database.write(charge_points.register, "CP1", charge_points.ACCEPTED, {}, now())
    assert await database.write(station_keys.put, "CP1", OLD, now()) is not None
    return database


async def rotate(books: Database, now: FakeNow, key: KeyHash = NEW) -> int:
    """A command that takes a key to the charge point; its number."""
    also = partial(station_keys.propose, key=key)
    request = commands.Request(
        "CP1", "ChangeConfiguration", SHOWN, "operator", None, None, 30_000, None, also=also
    )
    number = await books.write(commands.enqueue, request, 10, now())
    assert number is not None
    return number


async def answer(
    books: Database, number: int, status: str | None, state: str = "accepted", error: str = ""
) -> None:
    """The end of a command; an expired one was not sent."""
    if state != "expired":
        await books.write(commands.mark_sent, number, 1)
    response = None if status is None else f'{{"status":"{status}"}}'
    await books.write(commands.finish, number, state, response, error or None, 2)


async def login(books: Database, key: KeyHash | None, now: FakeNow) -> None:
    """The charge point comes with this key."""
    known = await books.read(station_keys.known, "CP1")
    assert known is not None
    proof = Proof(1, key, bool(known.pending))
    await books.write(charge_points.admit, "CP1", "reject", 0, "", None, now(), proof)


async def right(books: Database) -> tuple[KeyHash | None, list[KeyHash]]:
    """The key in force, and those that were sent, oldest first."""
    known = await books.read(station_keys.known, "CP1")
    assert known is not None
    return known.key, list(reversed(known.pending))


async def test_a_key_stands_alone(books: Database, now: FakeNow) -> None:
    assert await books.read(station_keys.known, "CP1") == Known(0, OLD, (), None)
    await rotate(books, now)
    assert await books.write(station_keys.put, "CP1", NEWER, now()) is not None
    assert await right(books) == (NEWER, [])
    await rotate(books, now)
    assert await books.write(station_keys.remove, "CP1", now()) is not None
    assert await right(books) == (None, [])


async def test_who_is_not_there_gets_no_key(database: Database, now: FakeNow) -> None:
    assert await database.write(station_keys.put, "CP9", NEW, now()) is None
    assert await database.write(station_keys.remove, "CP9", now()) is None
    assert await database.read(station_keys.known, "CP9") is None


async def test_a_charge_point_that_is_removed_leaves_no_key_behind(
    books: Database, now: FakeNow
) -> None:
    await rotate(books, now)
    await books.write(charge_points.delete, "CP1")
    await books.write(charge_points.register, "CP1", charge_points.ACCEPTED, {}, now())
    assert await right(books) == (None, [])


async def test_both_count_while_the_command_is_under_way(books: Database, now: FakeNow) -> None:
    await rotate(books, now)
    assert await right(books) == (OLD, [NEW])


UNDECIDED = {
    "no answer": (None, "timeout", ""),
    "the connection ended": (None, "replaced", ""),
    "the process ended": (None, "unknown", ""),
    "the answer makes no sense": (None, "error", "the answer breaks the schema: status"),
    "an internal error": (None, "error", "InternalError: out of memory"),
    "in use after a reboot": ("RebootRequired", "accepted", ""),
}
REFUSED = {
    "Rejected": ("Rejected", "refused", ""),
    "NotSupported": ("NotSupported", "refused", ""),
    "knows no configuration": (None, "error", "NotImplemented: "),
    "never sent": (None, "expired", "the charge point is not connected"),
}


@pytest.mark.parametrize("how", UNDECIDED)
async def test_undecided(books: Database, now: FakeNow, how: str) -> None:
    await answer(books, await rotate(books, now), *UNDECIDED[how])
    assert await right(books) == (OLD, [NEW])
    # The old one decides nothing: the station may have taken the new one while it was connecting.
    await login(books, OLD, now)
    assert await right(books) == (OLD, [NEW])
    await login(books, NEW, now)
    assert await right(books) == (NEW, [])


@pytest.mark.parametrize("how", REFUSED)
async def test_refused(books: Database, now: FakeNow, how: str) -> None:
    await answer(books, await rotate(books, now), *REFUSED[how])
    assert await right(books) == (OLD, [])


async def test_accepted_the_old_one_dies_at_once(books: Database, now: FakeNow) -> None:
    await answer(books, await rotate(books, now), "Accepted")
    assert await right(books) == (NEW, [])


async def test_an_answer_that_comes_late_decides(books: Database, now: FakeNow) -> None:
    number = await rotate(books, now)
    await answer(books, number, None, "timeout")
    await books.write(commands.finish, number, "late", '{"status":"Accepted"}', None, 3)
    assert await right(books) == (NEW, [])


async def test_an_answer_that_comes_too_late_decides_nothing(books: Database, now: FakeNow) -> None:
    number = await rotate(books, now)
    await answer(books, number, None, "timeout")
    await answer(books, await rotate(books, now, NEWER), "Accepted")
    await books.write(commands.finish, number, "late", '{"status":"Accepted"}', None, 3)
    assert await right(books) == (NEWER, [])


async def test_a_key_that_was_sent_later_still_counts(books: Database, now: FakeNow) -> None:
    number = await rotate(books, now)
    await rotate(books, now, NEWER)
    await answer(books, number, "Accepted")
    assert await right(books) == (NEW, [NEWER])
    await login(books, NEWER, now)
    assert await right(books) == (NEWER, [])


async def test_a_first_key_is_needed_only_once_it_is_in_use(books: Database, now: FakeNow) -> None:
    await books.write(station_keys.remove, "CP1", now())
    await answer(books, await rotate(books, now), None, "timeout")
    await login(books, None, now)
    assert await right(books) == (None, [NEW])
    await login(books, NEW, now)
    assert await right(books) == (NEW, [])


async def test_what_was_sent_without_an_answer_is_bounded(books: Database, now: FakeNow) -> None:
    async def unanswered(number: int) -> None:
        await answer(
            books, await rotate(books, now, hashed(b"%020d" % number, SHA256)), None, "timeout"
        )

    for number in range(MAX_PENDING):
        await unanswered(number)
    with pytest.raises(CannotRotate):
        await rotate(books, now)
    _, pending = await right(books)
    assert len(pending) == MAX_PENDING
    # It still comes with the old one: those were lost.
    await login(books, OLD, now)
    await unanswered(9)
    _, pending = await right(books)
    assert len(pending) == 1


async def test_one_that_waits_for_a_reboot_is_not_dropped(books: Database, now: FakeNow) -> None:
    await answer(books, await rotate(books, now), "RebootRequired")
    await login(books, OLD, now)
    for number in range(MAX_PENDING - 1):
        key = hashed(b"%020d" % number, SHA256)
        await answer(books, await rotate(books, now, key), None, "timeout")
    await login(books, OLD, now)
    await rotate(books, now, NEWER)
    assert await right(books) == (OLD, [NEW, NEWER])


@pytest.mark.parametrize(
    ("status", "state", "left"),
    [
        ("Accepted", "accepted", 2),
        (None, "timeout", 2),
        ("Rejected", "refused", None),
        (None, "expired", None),
    ],
)
async def test_a_profile_is_expected_unless_it_was_refused(
    books: Database, now: FakeNow, status: str | None, state: str, left: int | None
) -> None:
    also: Any = partial(station_keys.expect_profile, profile=2)
    payload = '{"key":"SecurityProfile","value":"2"}'
    request = commands.Request(
        "CP1", "ChangeConfiguration", payload, "operator", None, None, 30_000, None, also=also
    )
    number = await books.write(commands.enqueue, request, 10, now())
    assert number is not None
    await answer(books, number, status, state)
    row = await books.read(charge_points.find, "CP1")
    assert row is not None
    assert row["next_profile"] == left
