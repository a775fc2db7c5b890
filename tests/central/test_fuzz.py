"""Messages that are nearly right, on a real session: whatever comes, a CALL whose id can be read is
answered shortly, in words of OCPP-J 1.6, and the connection lives.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ocpp_trio.central.context import Central
from ocpp_trio.central.listener import Listener
from ocpp_trio.config import Settings
from ocpp_trio.ocppj.actions import FROM_CENTRAL_SYSTEM, FROM_CHARGE_POINT
from ocpp_trio.store import id_tags
from ocpp_trio.store.opening import open_database
from tests.conftest import MakeSettings
from tests.ocppj.test_frames import CODES_OF_1_6
from tests.support.clock import FakeNow
from tests.support.payloads import requests
from tests.support.station import connected

MAX_ANSWER = 512

TOKENS = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-0", "9" * 30, "9" * 5_000, "0.1e-400", "1.", "01"),
    *('"\\ud800"', '"\\u0000"', '"\\udc00\\ud800"', '"\x1b"', '"' + "x" * 5_000 + '"', '"\uffff"'),
    *("[" * 30 + "]" * 30, "[" * 2_000, '{"a":' * 25 + "1" + "}" * 25, "{}", "[]", "null", "true"),
    *("", ",", ":", "'", "/**/", '{"connectorId":1,"connectorId":2}', "undefined", "\u2028"),
)
IDS: tuple[Any, ...] = (
    "",
    "1",
    "x" * 36,
    "x" * 37,
    "i" * 10_000,
    "\0",
    "\ud800",
    "é",
    1,
    None,
    {},
    [],
    True,
    2.0,
)
ACTIONS: tuple[Any, ...] = (
    *("", "heartbeat", "Heartbeat ", "../../v201/schemas/BootNotification", "__class__", "é", "\0"),
    *(1, None, ["Heartbeat"], {}, "x" * 10_000),
    *sorted(FROM_CENTRAL_SYSTEM - FROM_CHARGE_POINT)[:3],
)
KINDS: tuple[Any, ...] = (0, 1, 3, 4, 5, -2, 2.0, True, None, "2", [2], 10**30)


@st.composite
def frames(draw: st.DrawFn) -> str:
    """The text of a message: a CALL of the official schemas, bent in its frame or its text."""
    action, payload = draw(requests(*FROM_CHARGE_POINT))
    message: list[Any] = [2, draw(st.text(min_size=1, max_size=36)), action, payload]
    for what in draw(st.lists(st.integers(0, 6), max_size=2)):
        if what == 0:
            message[1:2] = [draw(st.sampled_from(IDS))]
        elif what == 1 and len(message) > 2:
            message[2] = draw(st.sampled_from(ACTIONS))
        elif what == 2 and message:
            message[0] = draw(st.sampled_from(KINDS))
        elif what == 3:
            del message[draw(st.integers(0, 3)) :]
        elif what == 4:
            message.append(draw(st.sampled_from(({}, [], None, 1))))
        elif what == 5 and len(message) > 3:
            message[3] = draw(st.sampled_from((None, [], "", 7, [payload], {"x": payload})))
        elif payload:
            payload.pop(draw(st.sampled_from(sorted(payload))), None)
    text = json.dumps(message)
    for what in draw(st.lists(st.integers(0, 2), max_size=2)):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        if what == 0:
            text = text[:start] + draw(st.sampled_from(TOKENS)) + text[end:]
        elif what == 1:
            text = text[:start] + text[end:]
        else:
            # In the place of a whole value.
            text = text.replace(draw(st.sampled_from(("1", "{}", '"'))), "NaN", 1)
    return text


async def _send(settings_: Settings, texts: list[str]) -> None:
    now = FakeNow()
    async with open_database(settings_, inline=True) as database:
        await database.write(id_tags.put, "TAG", {}, now())
        async with connected(Listener(Central(settings_, database, now))) as station:
            await station.boot()
            for number, text in enumerate(texts):
                await station.send(text)
                mark = f"after {number}"
                await station.send([2, mark, "Heartbeat", {}])
                answers: list[list[Any]] = []
                while not answers or answers[-1][1] != mark:
                    answer = await station.websocket.get_message()
                    answers.append(json.loads(answer))
                    assert len(answer) < MAX_ANSWER, text
                assert len(answers) <= 2
                for kind, message_id, *rest in answers[:-1]:
                    assert kind in {3, 4}
                    assert 0 < len(message_id) <= 36
                    if kind == 4:
                        code, description, details = rest
                        assert code in CODES_OF_1_6 - {"InternalError"}, (code, text)
                        assert description
                        assert details == {}


_files = count(1)


def _run(make_settings: MakeSettings, texts: list[str]) -> None:
    configured = make_settings(OCPP_MAX_UNUSABLE="1000")
    trio.run(
        _send,
        replace(configured, db_sqlite_path=f"{configured.db_sqlite_path}.{next(_files)}"),
        texts,
        clock=MockClock(autojump_threshold=0),
        strict_exception_groups=True,
    )


QUIET = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)


@given(st.lists(frames(), min_size=10, max_size=40))
@settings(max_examples=20, suppress_health_check=QUIET)
def test_nearly_right_messages(make_settings: MakeSettings, texts: list[str]) -> None:
    _run(make_settings, texts)


@pytest.mark.slow
@given(st.lists(frames(), min_size=10, max_size=60))
@settings(max_examples=200, suppress_health_check=QUIET)
def test_many_nearly_right_messages(make_settings: MakeSettings, texts: list[str]) -> None:
    _run(make_settings, texts)
