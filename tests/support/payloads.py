"""Payloads of every action, made from its schema."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ocpp_trio.ocppj.actions import ACTIONS

# What JSON can hold and a database can store: no NUL, no half of a surrogate pair.
TEXT = st.characters(codec="utf-8", exclude_characters="\0")
MAX_TEXT = 24
MAX_ITEMS = 3


def from_schema(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that satisfy a schema of the kinds that the `ocpp` package uses."""
    return _from(schema, schema.get("definitions", {}))


def _from(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _from(definitions[schema["$ref"].removeprefix("#/definitions/")], definitions)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema["type"]
    if kind == "string":
        return st.text(TEXT, max_size=min(schema.get("maxLength", MAX_TEXT), MAX_TEXT))
    if kind == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if kind == "number":
        return st.integers(-(10**6), 10**6).map(lambda tenths: tenths / 10)
    if kind == "boolean":
        return st.booleans()
    if kind == "array":
        fewest = schema.get("minItems", 0)
        most = min(schema.get("maxItems", MAX_ITEMS), MAX_ITEMS)
        return st.lists(_from(schema["items"], definitions), min_size=fewest, max_size=most)
    assert kind == "object", kind
    required = set(schema.get("required", ()))
    parts = {name: _from(part, definitions) for name, part in schema.get("properties", {}).items()}
    return st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in required},
        optional={name: part for name, part in parts.items() if name not in required},
    )


def requests(*actions: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """(action, valid request payload) of any of `actions`."""
    return st.sampled_from(sorted(actions)).flatmap(
        lambda name: st.tuples(st.just(name), from_schema(ACTIONS[name].request_schema))
    )


def meter_values(*values: dict[str, Any], timestamp: str, **fields: Any) -> dict[str, Any]:
    """A MeterValues payload with one meter value."""
    return {
        "connectorId": 1,
        "meterValue": [{"timestamp": timestamp, "sampledValue": list(values)}],
    } | fields
