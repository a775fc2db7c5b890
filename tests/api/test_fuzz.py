"""Every operation, asked with what its description allows and with what it does not: each answer is
one that the description names, and fits it; none is a fault of the server.
"""

from __future__ import annotations

import json
import string
from dataclasses import replace
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema_rs
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ocpp_trio.api.docs import document
from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.config import Settings
from ocpp_trio.store.opening import open_database
from ocpp_trio.supervise import Health
from tests.api.conftest import keys_of
from tests.api.support import Api, client_of, context_of
from tests.conftest import SQLITE, MakeSettings
from tests.support.clock import FakeNow

Schema = dict[str, Any]

DOCUMENT = json.loads(json.dumps(document()))
COMPONENTS: dict[str, Schema] = DOCUMENT["components"]["schemas"]
OPERATIONS = sorted(
    (path, method) for path, methods in DOCUMENT["paths"].items() for method in methods
)

IDS = ("CP001", "CP002", "TAG1", "1", "2", "0", "-1", "nobody")
ODD_TEXTS = (
    *("", " ", "\0", "A\0B", "' OR 1=1 --", "\r\nX: y", "\x1b[2J", "..", "../../etc/passwd", "%2f"),
    *("é", "🔌", "\u202e", "x" * 60, "x" * 5000, "NaN", "1e999", "9" * 400, "2026-02-30", "null"),
    *("2026-11-23T08:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 1.5, 1e308, -0.0),
    *([], {}, [[]], [None], {"": {}}, {"a": [1, {"b": None}]}, *ODD_TEXTS),
)
PLAIN = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=12)


def texts(schema: Schema) -> st.SearchStrategy[str]:
    """Texts that a schema allows, and those that things of the test's own are called by."""
    shortest, longest = schema.get("minLength", 0), min(schema.get("maxLength", 40), 40)
    known = [each for each in IDS if shortest <= len(each) <= longest]
    if schema.get("format") == "date":
        return st.dates().map(str)
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
    free = st.text(st.characters(codec="utf-8"), min_size=shortest, max_size=longest)
    return st.one_of(st.sampled_from(known), PLAIN, free) if known else free


KNOWN = {"chargePointId": "CP001", "idTag": "TAG1", "connectorId": 1, "transactionId": 1}
"""What there is, so that not each request asks for what there is not."""


def allowed(schema: Schema, name: str = "") -> st.SearchStrategy[Any]:
    """Values that a schema allows; of a field called `name` mostly what there is."""
    values = _allowed(schema)
    return (
        st.one_of(st.just(KNOWN[name]), st.just(KNOWN[name]), values) if name in KNOWN else values
    )


def _allowed(schema: Schema) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return allowed(COMPONENTS[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of(*(allowed(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "string":
        return texts(schema)
    if kind == "integer":
        least = int(schema.get("minimum") or schema.get("exclusiveMinimum", -(2**40)))
        most = int(schema.get("maximum", 2**40))
        return st.one_of(st.integers(least, min(least + 5, most)), st.integers(least, most))
    if kind == "number":
        low = float(schema.get("minimum") or schema.get("exclusiveMinimum", -1000))
        return st.integers(1, 5).map(lambda part: low + part)
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if kind == "array":
        return st.lists(allowed(schema.get("items", {})), max_size=3)
    if kind != "object":
        return st.sampled_from(ODD_VALUES)
    required = set(schema.get("required", ()))
    parts = {name: allowed(part, name) for name, part in schema.get("properties", {}).items()}
    if not parts:
        return st.dictionaries(PLAIN, st.sampled_from(ODD_VALUES), max_size=3)
    return st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in required},
        optional={name: part for name, part in parts.items() if name not in required},
    )


@st.composite
def bent(draw: st.DrawFn, value: Any) -> Any:
    """A value of which some leaf is another, or a field is missing or too many."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(value)))
        changed = dict(value)
        what = draw(st.integers(0, 3))
        if what == 0:
            del changed[name]
        elif what == 1:
            changed[draw(st.sampled_from(("x", "", "chargePointID", "__proto__")))] = 1
        else:
            changed[name] = draw(bent(value[name]))
        return changed
    if isinstance(value, list) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(bent(value[place])), *value[place + 1 :]]
    return draw(st.sampled_from(ODD_VALUES))


def _written(value: Any) -> str:
    """A query parameter as a client writes it."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A request: operation, and the arguments of the client's `request`."""
    path, method = draw(st.sampled_from(OPERATIONS))
    described = DOCUMENT["paths"][path][method]
    query: list[tuple[str, str]] = []
    headers = {}
    target = path
    for parameter in described["parameters"]:
        name, schema = parameter["name"], parameter["schema"]
        if parameter["in"] == "path":
            odd = st.sampled_from(ODD_TEXTS[2:])
            segment = draw(st.one_of(st.sampled_from(IDS), PLAIN, odd))
            target = target.replace("{id}", quote(segment, safe=""))
        elif parameter.get("required") or draw(st.integers(0, 3)) == 0:
            value = draw(
                allowed(schema, name) if draw(st.booleans()) else st.sampled_from(ODD_TEXTS)
            )
            if parameter["in"] == "query":
                query.append((name, _written(value)))
            elif isinstance(value, str) and value.isascii() and value.isprintable():
                headers[name] = value
    content: bytes | None = None
    for media_type, media in described.get("requestBody", {}).get("content", {}).items():
        headers["Content-Type"] = media_type
        if media_type == "application/json":
            value = draw(allowed(media["schema"]))
            if draw(st.integers(0, 2)) == 0:
                value = draw(bent(value))
            content = json.dumps(value).encode()
        else:
            content = draw(st.text(max_size=200)).encode()
        if draw(st.integers(0, 9)) == 0:
            content = content[: draw(st.integers(0, len(content)))]
    # Sent by name, so that the client makes nothing else of it.
    url = target + ("?" + urlencode(query, errors="replace") if query else "")
    return {
        "operation": (path, method),
        "method": method.upper(),
        "url": url,
        "headers": headers,
        "content": content,
    }


def check(asked: dict[str, Any], response: Any) -> None:
    """The answer is one that the operation's description names, and fits it."""
    path, method = asked["operation"]
    described = DOCUMENT["paths"][path][method]["responses"]
    status = str(response.status_code)
    assert status != "500", response.text
    assert status in described, (status, response.text)
    media_type = response.headers.get("content-type", "").partition(";")[0]
    content = described[status].get("content", {})
    if response.content:
        assert media_type in content, (media_type, response.text)
    if "json" in media_type and response.content:
        schema = {**content[media_type]["schema"], "components": DOCUMENT["components"]}
        jsonschema_rs.validate(schema, response.json())


async def _ask(settings_: Settings, now: FakeNow, asked: list[dict[str, Any]]) -> None:
    async with open_database(settings_, inline=True) as database, trio.open_nursery() as nursery:
        central = Central(settings_, database, now)
        commands = Commands(central)
        await nursery.start(commands.run)
        context = context_of(settings_, central, commands, Health(), keys_of(), trio.current_time())
        async with client_of(context) as client:
            api = Api(context, central, client, now)
            await api.connect("CP001")
            await api.connect("CP002", registration="Pending")
            await api.tag("TAG1")
            await api.meter(await api.start(), "2000")
            for each in asked:
                arguments = {name: each[name] for name in ("method", "url", "headers", "content")}
                check(each, await client.request(**arguments))
        nursery.cancel_scope.cancel()


_files = count(1)


def _run(make_settings: MakeSettings, asked: list[dict[str, Any]]) -> None:
    configured = make_settings(OCPP_COMMAND_TIMEOUT="1")
    file = f"{configured.db_sqlite_path}.{next(_files)}"
    trio.run(
        _ask,
        replace(configured, db_sqlite_path=file),
        FakeNow(),
        asked,
        clock=MockClock(autojump_threshold=0),
        strict_exception_groups=True,
    )


QUIET = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)


@given(st.lists(requests(), min_size=20, max_size=40))
@settings(max_examples=25, suppress_health_check=QUIET)
def test_each_answer_is_described(make_settings: MakeSettings, asked: list[dict[str, Any]]) -> None:
    _run(make_settings, asked)


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", [SQLITE])
@given(st.lists(requests(), min_size=20, max_size=60))
@settings(max_examples=100, suppress_health_check=QUIET)
def test_each_of_many_answers_is_described(
    make_settings: MakeSettings, asked: list[dict[str, Any]]
) -> None:
    _run(make_settings, asked)
