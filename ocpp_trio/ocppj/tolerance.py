"""Schema violations that are repaired instead of refused, each named so that it can be counted.

A CALLERROR on a transaction message burns money: stations try a few times and delete the record. So
messages about transactions, and the boot and status that everything else depends on, are taken
wherever their meaning is clear. All other actions are held to their schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import jsonschema_rs

from ocpp_trio.ocppj.actions import TRANSACTION_ACTIONS, Action
from ocpp_trio.ocppj.quirks import Tolerance

TOLERANT_ACTIONS = TRANSACTION_ACTIONS | {"BootNotification", "StatusNotification"}

# A value outside these lists says something all the same, and is stored as text.
OPEN_LISTS = frozenset(
    {"measurand", "unit", "context", "location", "phase", "reason", "errorCode", "status"}
)
TIMESTAMP = "timestamp"
_MAX_ROUNDS = 3
_EXACT = 2**53  # beyond it a float no longer tells one whole number from the next


def repair(
    action: Action,
    payload: dict[str, Any],
    errors: Sequence[jsonschema_rs.ValidationError],
    tolerance: Tolerance,
) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """A copy of `payload` that can be used, and the names of the repairs; None if it cannot be, or
    if the station's tolerance does not go so far.
    """
    known = {repair for name, repair in tolerance.known if name == action.name}
    if tolerance.is_strict or (action.name not in TOLERANT_ACTIONS and not known):
        return None
    payload = deepcopy(payload)
    done: dict[str, None] = {}
    kept: set[tuple[str | int, ...]] = set()
    for _ in range(_MAX_ROUNDS):
        for error in errors:
            if tuple(error.instance_path) in kept:
                continue
            name = _mend(payload, error, kept)
            if name is None or (action.name not in TOLERANT_ACTIONS and name not in known):
                return None
            done[name] = None
        errors = list(action.request_errors(payload))
        if all(tuple(error.instance_path) in kept for error in errors):
            return payload, tuple(done)
    return None


def _mend(
    payload: dict[str, Any],
    error: jsonschema_rs.ValidationError,
    kept: set[tuple[str | int, ...]],
) -> str | None:
    """Mend one error in place; its name, or None. A value kept as it is goes into `kept`."""
    path = list(error.instance_path)
    detail: Any = error.kind
    kind = error.kind.name
    node: Any = payload
    for part in path[:-1]:
        node = node[part]
    if kind == "additionalProperties":
        owner = node[path[-1]] if path else payload
        for name in detail.unexpected:
            del owner[name]
        return "extra-property"
    if kind == "required" and detail.property == TIMESTAMP:
        # A time that cannot be read: the moment of its arrival stands for it.
        owner = node[path[-1]] if path else payload
        owner[TIMESTAMP] = ""
        return "absent-timestamp"
    if not path:
        return None
    key = path[-1]
    if isinstance(node, dict) and key not in node:
        # A null in a list of values breaks two rules; mending the first took it away.
        return "null-for-absent"
    value = node[key]
    if value is None and isinstance(key, str):
        del node[key]
        return "null-for-absent"
    if kind == "enum" and isinstance(value, str):
        same = [option for option in detail.options if option.casefold() == value.casefold()]
        if same:
            node[key] = same[0]
            return "enum-case"
        if key in OPEN_LISTS:
            kept.add(tuple(path))
            return "unknown-value"
    if kind == "minItems" and value == []:
        # Nothing was measured: nothing to store, and no reason to have it sent again.
        kept.add(tuple(path))
        return "empty-list"
    if kind == "maxLength":
        # Kept whole: cutting would merge two tags into one.
        kept.add(tuple(path))
        return "over-long-text"
    if kind == "type":
        if "string" in detail.types and type(value) in (int, float):
            node[key] = str(value)
            return "number-for-text"
        if "integer" in detail.types and isinstance(value, str) and value.isascii():
            digits = value.removeprefix("-")
            if digits.isdigit() and len(digits) <= 18:
                node[key] = int(value)
                return "text-for-number"
        whole = type(value) is float and value.is_integer() and abs(value) <= _EXACT
        if "integer" in detail.types and whole:
            node[key] = int(value)
            return "decimal-for-integer"
    return None
