"""Charge points prove who they are before anything else happens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpp_trio.central.authentication import Refusal, Visitor
from ocpp_trio.central.failures import Failures
from ocpp_trio.domain import station_keys as keys
from ocpp_trio.domain.commands import Command
from ocpp_trio.proxies import Origin
from ocpp_trio.store import charge_points, station_keys
from tests.central.conftest import OpenSystem, System
from tests.conftest import MakeSettings
from tests.support.clock import FakeNow
from tests.support.station import connected, refusal

KEY = bytes.fromhex("003aff00010203040506070809101112131415fe")
HERE = Origin("192.0.2.1", False)
THERE = Origin("192.0.2.2", False)
SAFE = Origin("192.0.2.1", True)


def header(key: bytes = KEY, point: str = "CP001") -> list[tuple[bytes, bytes]]:
    return [(b"Authorization", keys.authorization(point, key).encode())]


async def give_key(
    system: System, key: bytes = KEY, scheme: str = keys.SHA256, point: str = "CP001"
) -> None:
    central = system.central
    await central.database.write(
        charge_points.register, point, charge_points.ACCEPTED, {}, central.now()
    )
    await central.database.write(station_keys.put, point, keys.hashed(key, scheme), central.now())


async def outcome(
    system: System, key: bytes | None = KEY, origin: Origin = HERE, **options: Any
) -> int:
    """The HTTP status with which a visitor is refused, or minus the profile it comes in with."""
    point = options.pop("point", "CP001")
    value = None if key is None else keys.authorization(point, key).encode()
    visitor = Visitor(point, origin, value, **options)
    try:
        return -(await system.central.authentication.check(visitor)).profile
    except Refusal as refused:
        names = [name for name, _ in refused.headers]
        expected = {401: [b"WWW-Authenticate"], 404: []}.get(refused.status, [b"Retry-After"])
        return refused.status if names == expected else 0


async def row(system: System, point: str = "CP001") -> Any:
    return await system.central.database.read(charge_points.find, point)


async def test_a_station_with_a_key_is_checked_and_nothing_is_written_before(
    autojump_clock: MockClock, system: System
) -> None:
    await give_key(system)
    before = dict(await row(system))
    assert await refusal(system.listener) == 401
    assert await refusal(system.listener, headers=header(b"wrong" * 4)) == 401
    assert await refusal(system.listener, headers=header(point="CP002")) == 401
    assert await refusal(system.listener, headers=[(b"Authorization", b"Bearer \xc3\xa9")]) == 401
    assert await refusal(system.listener, headers=header() + header()) == 401
    assert dict(await row(system)) == before
    assert len(system.central.hub) == 0
    async with connected(system.listener, headers=header()) as station:
        assert (await station.boot())["status"] == "Accepted"
    after = await row(system)
    assert (after["security_profile"], after["key_used_at"]) == (1, system.central.now())


async def test_a_key_is_taken_raw_and_in_its_digits(
    autojump_clock: MockClock, system: System
) -> None:
    await give_key(system)
    for spelling in (KEY, KEY.hex().encode(), KEY.hex().upper().encode()):
        async with connected(system.listener, headers=header(spelling)):
            pass


async def test_a_station_without_a_key_comes_in_whatever_it_presents(
    autojump_clock: MockClock, system: System
) -> None:
    for _ in range(10):
        assert await outcome(system, b"anything at all!", point="NEW") == 0
    async with connected(system.listener, headers=header(b"anything at all!")):
        pass
    assert (await row(system))["security_profile"] == 0


async def test_profiles(autojump_clock: MockClock, open_system: OpenSystem) -> None:
    async with open_system() as system:
        await give_key(system)
        assert await outcome(system) == -1
        assert await outcome(system, origin=SAFE) == -2
        assert await outcome(system, None, origin=SAFE, has_certificate=True) == -3
        for minimum, expected in {1: -1, 2: 401, 3: 401}.items():
            change = {"minimum_profile": minimum}
            await system.central.database.write(charge_points.update, "CP001", change, 0)
            assert await outcome(system) == expected
        assert await outcome(system, origin=SAFE) == 401
        assert await outcome(system, origin=SAFE, has_certificate=True) == -3


async def test_the_minimum_of_the_system_counts_for_all(
    autojump_clock: MockClock, open_system: OpenSystem, now: FakeNow
) -> None:
    async with open_system(OCPP_MIN_SECURITY_PROFILE="1") as system:
        # Who is unknown, and who is known and has no key, get the same answer.
        await system.central.database.write(
            charge_points.register, "BARE", charge_points.ACCEPTED, {}, now()
        )
        assert await refusal(system.listener, "/BARE") == 401
        assert await refusal(system.listener, "/NEW") == 401
        assert await row(system, "NEW") is None
        await give_key(system)
        assert await outcome(system) == -1
        assert await outcome(system, None) == 401


async def test_guessing_is_slowed_down_where_it_is_done(
    autojump_clock: MockClock, system: System
) -> None:
    await give_key(system)
    wrong = b"w" * 20
    assert [await outcome(system, wrong) for _ in range(7)] == [401] * 5 + [429] * 2
    # Not even the right key, from there; from elsewhere it is not affected.
    assert await outcome(system) == 429
    assert await outcome(system, origin=THERE) == -1
    await trio.sleep(60)
    assert await outcome(system) == -1


async def test_successes_and_missing_keys_never_count(
    autojump_clock: MockClock, system: System
) -> None:
    await give_key(system)
    for _ in range(20):
        assert await outcome(system) == -1
        assert await outcome(system, None) == 401


async def test_many_tries_at_the_same_moment_are_not_more_tries(
    autojump_clock: MockClock, system: System
) -> None:
    await give_key(system)
    seen: list[int] = []

    async def try_one(number: int) -> None:
        seen.append(await outcome(system, b"%020d" % number))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(try_one, number)
    assert sorted(seen) == [401] * 5 + [429] * 15


async def test_unknown_ids_are_failures_of_their_address(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(
        OCPP_UNKNOWN_CHARGE_POINTS="reject", OCPP_ADDRESS_FAILURES="10"
    ) as system:
        await give_key(system)
        guesses = [
            await outcome(system, None, point=f"GUESS{n}", policy="reject") for n in range(12)
        ]
        assert guesses == [404] * 10 + [429] * 2
        # A neighbour at the same address has the right key.
        assert await outcome(system) == -1
        assert await outcome(system, b"w" * 20) == 429
        assert await outcome(system, None, origin=THERE, point="GUESS", policy="reject") == 404


async def test_strangers_beyond_the_bound_are_failures_too(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(
        OCPP_UNKNOWN_CHARGE_POINTS="pending", OCPP_MAX_PENDING="2", OCPP_ADDRESS_FAILURES="3"
    ) as system:
        for name in ("/A", "/B"):
            async with connected(system.listener, name):
                pass
        assert [await refusal(system.listener, "/C") for _ in range(4)] == [404] * 3 + [429]
        async with connected(system.listener, "/A"):
            pass
        assert await row(system, "C") is None


async def test_failures_are_remembered_within_bounds(
    autojump_clock: MockClock, make_settings: MakeSettings
) -> None:
    failures = Failures(make_settings(OCPP_FAILURES_REMEMBERED="3", OCPP_STATION_FAILURES="1"))
    for number in range(5):
        failures.begin(f"192.0.2.{number}", "CP001")
    assert not failures.wait("192.0.2.0", "CP001")
    assert failures.wait("192.0.2.4", "CP001")


async def test_ipv6_addresses_of_one_customer_are_one(
    autojump_clock: MockClock, make_settings: MakeSettings
) -> None:
    failures = Failures(make_settings(OCPP_STATION_FAILURES="1"))
    failures.begin("2001:db8::1", "CP001")
    assert failures.wait("2001:db8::ffff:1", "CP001")
    assert not failures.wait("2001:db8:0:1::1", "CP001")


class Checks:
    """Runs slow hashes, and counts them; they wait while `gate` is set."""

    def __init__(self) -> None:
        self.count = 0
        self.gate: trio.Event | None = None

    async def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self.count += 1
        if self.gate is not None:
            await self.gate.wait()
        return function(*arguments)


async def test_a_chosen_key_that_was_right_is_checked_quickly_until_it_changes(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    checks = Checks()
    async with open_system(run_hash=checks) as system:
        await give_key(system, b"correct horse bat", keys.SCRYPT)
        for _ in range(3):
            assert await outcome(system, b"correct horse bat") == -1
        assert checks.count == 1
        assert await outcome(system, b"wrong horse batte") == 401
        assert checks.count == 2
        await system.central.database.write(
            station_keys.put, "CP001", keys.hashed(b"another horse bat", keys.SCRYPT), 0
        )
        assert await outcome(system, b"correct horse bat") == 401
        assert await outcome(system, b"another horse bat") == -1
        assert checks.count == 4


async def test_slow_checks_are_bounded_and_quick_ones_do_not_wait_for_them(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    checks = Checks()
    async with open_system(
        run_hash=checks, OCPP_HASHING_THREADS="1", OCPP_HASHING_QUEUE="2"
    ) as system:
        await give_key(system, b"correct horse bat", keys.SCRYPT, "SLOW")
        await give_key(system, KEY, keys.SHA256, "QUICK")
        checks.gate = trio.Event()
        seen: list[int] = []

        async def try_one() -> None:
            seen.append(await outcome(system, b"correct horse bat", point="SLOW"))

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(try_one)
            await wait_all_tasks_blocked()
            assert seen == [503]
            assert await outcome(system, point="QUICK") == -1
            checks.gate.set()
        assert seen == [503, -1, -1, -1]
        # What could not be checked is no failure.
        assert await outcome(system, b"correct horse bat", point="SLOW") == -1


async def test_where_many_guess_slow_checks_wait_for_nobody_else(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    checks = Checks()
    async with open_system(
        run_hash=checks, OCPP_ADDRESS_FAILURES="2", OCPP_HASHING_THREADS="1"
    ) as system:
        for name in ("A", "B", "C"):
            await give_key(system, b"correct horse bat", keys.SCRYPT, name)
        assert await outcome(system, b"correct horse bat", point="A") == -1
        for name in ("B", "C"):
            assert await outcome(system, b"wrong horse batte", point=name) == 401
        # Nobody else waits: a neighbour with the right key gets in.
        assert await outcome(system, b"correct horse bat", point="B") == -1
        checks.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(outcome, system, b"correct horse bat", THERE, point="C"))
            await wait_all_tasks_blocked()
            before = checks.count
            assert await outcome(system, b"correct horse bat", point="A") == -1
            assert await outcome(system, b"correct horse bat", point="C") == 429
            assert checks.count == before
            checks.gate.set()


async def test_a_charge_point_that_was_told_a_profile_has_it_as_its_minimum_once_it_comes_with_it(
    autojump_clock: MockClock, system: System, now: FakeNow
) -> None:
    await give_key(system)
    async with connected(system.listener, headers=header()):
        pass
    told = Command(1, "CP001", "ChangeConfiguration", {}, "operator", None, "queued", None)
    await system.central.database.write(station_keys.expect_profile, told, now(), 1)
    assert (await row(system))["minimum_profile"] == 0
    async with connected(system.listener, headers=header()):
        pass
    after = await row(system)
    assert (after["minimum_profile"], after["next_profile"]) == (1, None)


async def test_refusals_are_counted_by_their_reason(
    autojump_clock: MockClock, open_system: OpenSystem
) -> None:
    async with open_system(OCPP_UNKNOWN_CHARGE_POINTS="reject") as system:
        await give_key(system)
        before = system.central.counts.copy()
        for _ in range(7):
            await refusal(system.listener, headers=header(b"w" * 20))
        await refusal(system.listener, "/NEW")
        assert system.central.counts.since(before) == {
            "stations_unauthorized": 5,
            "stations_limited": 2,
            "stations_unknown": 1,
        }
