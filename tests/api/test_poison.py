"""Whatever charge points send, every list and record can still be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ocpp_trio.api.docs import document
from ocpp_trio.api.params import INT64_MAX
from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.central.listener import Listener
from ocpp_trio.config import Settings
from ocpp_trio.ocppj.actions import ACTIONS, FROM_CHARGE_POINT
from ocpp_trio.store import id_tags
from ocpp_trio.store.opening import open_database
from ocpp_trio.supervise import Health
from tests.api.conftest import keys_of
from tests.api.support import client_of, context_of
from tests.conftest import POSTGRES, SQLITE, MakeSettings
from tests.support.clock import FakeNow
from tests.support.payloads import from_schema
from tests.support.postgres import empty
from tests.support.station import connected

# What a text may be that no specification foresaw.
POISON = (
    "",
    "\0",
    "A\0B",
    "\ud800",
    "\udfff\ud800",
    "‮",
    "' OR 1=1 --",
    "\r\n\x1b[2J",
    "NaN",
    "1e999",
    "1_000",
    "\uff11\uff12",
    "🔌" * 300,
    "x" * 5000,
    "9" * 400,
)
NUMBERS = (0, -1, -5, 2**31, INT64_MAX, -INT64_MAX - 1, 10**30, float("nan"), float("inf"), 1e308)


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The leaves of a payload."""
    if isinstance(node, dict):
        return [place for key, child in node.items() for place in _places(child, (*path, key))]
    if isinstance(node, list):
        found = [place for key, child in enumerate(node) for place in _places(child, (*path, key))]
        return found or [path]
    return [path]


@st.composite
def poisoned(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """(action, payload): one that fits its schema, with some leaves replaced."""
    action = draw(st.sampled_from(sorted(FROM_CHARGE_POINT)))
    payload = cast("dict[str, Any]", draw(from_schema(ACTIONS[action].request_schema)))
    for place in _places(payload):
        if not place or not draw(st.booleans()):
            continue
        node: Any = payload
        for part in place[:-1]:
            node = node[part]
        node[place[-1]] = draw(st.sampled_from((*POISON, *NUMBERS)))
    return action, payload


def _paths() -> list[str]:
    """Every GET that needs nothing but a charge point's id or a number."""
    found = []
    for path, methods in document()["paths"].items():
        described = methods.get("get")
        if described is None or path == "/api/commands/get-configuration":
            continue
        query = {
            "/api/connectors": "?chargePointId=CP001",
            "/api/reports/energy": "?startDate=2026-11-01&endDate=2026-11-30",
        }.get(path, "")
        is_point = "charge-points" in path or "local-lists" in path
        found.append(path.replace("{id}", "CP001" if is_point else "1") + query)
    return found


PATHS = _paths()


async def _history(settings_: Any, now: FakeNow, sent: list[tuple[str, dict[str, Any]]]) -> None:
    async with open_database(settings_, inline=True) as database, trio.open_nursery() as nursery:
        await database.write(id_tags.put, "TAG", {}, now())
        central = Central(settings_, database, now)
        commands = Commands(central)
        await nursery.start(commands.run)
        async with connected(Listener(central)) as station:
            await station.boot()
            await station.start()
            for number, (action, payload) in enumerate(sent):
                await station.send(json.dumps([2, f"p{number}", action, payload]))
                with trio.move_on_after(1):
                    answer = await station.receive()
                    assert answer[0] in {3, 4}, answer
                    assert answer[1] == f"p{number}"
            assert (await station.call("Heartbeat", {}))["currentTime"]
        await central.presence.write(database)
        context = context_of(settings_, central, commands, Health(), keys_of(), trio.current_time())
        async with client_of(context) as client:
            for path in PATHS:
                response = await client.get(path)
                known = {200, 404} if path.endswith(("/1", "/local-lists/CP001")) else {200}
                assert response.status_code in known, (path, response.text)
                if "json" in response.headers["content-type"]:
                    json.loads(response.text)
        nursery.cancel_scope.cancel()


def _check(fresh: Callable[[], Settings], sent: list[tuple[str, dict[str, Any]]]) -> None:
    trio.run(
        _history,
        fresh(),
        FakeNow(),
        sent,
        clock=MockClock(autojump_threshold=0),
        strict_exception_groups=True,
    )


@pytest.fixture
def fresh(
    request: pytest.FixtureRequest, make_settings: MakeSettings, tmp_path: Path
) -> Callable[[], Settings]:
    """Settings that lead to an empty database each time."""
    numbers = count()

    def make() -> Settings:
        made = make_settings()
        if made.db_type == POSTGRES:
            empty(request.getfixturevalue("shared_database"))
            return made
        return make_settings(DB_SQLITE_PATH=str(tmp_path / f"{next(numbers)}.db"))

    return make


@given(st.lists(poisoned(), min_size=1, max_size=12))
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_get_answers_after_any_message(
    fresh: Callable[[], Settings], sent: list[tuple[str, dict[str, Any]]]
) -> None:
    _check(fresh, sent)


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", [SQLITE])
@given(st.lists(poisoned(), min_size=1, max_size=30))
@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_get_answers_after_many_messages(
    fresh: Callable[[], Settings], sent: list[tuple[str, dict[str, Any]]]
) -> None:
    _check(fresh, sent)
