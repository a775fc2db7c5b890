"""The slow path: what is wrong with a frame, and which CALLERROR of OCPP-J 1.6 (4.2.3) says so.

The standard library's parser reads more than JSON allows (NaN, huge numbers): its hooks put a
marker in their place, so that the message id is still found and the CALL can be answered.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import jsonschema_rs

from ocpp_trio.ocppj.actions import ACTIONS
from ocpp_trio.ocppj.quirks import DEFAULT, Tolerance
from ocpp_trio.ocppj.tolerance import repair

MAX_ID = 36
MAX_DEPTH = 20
MAX_DIGITS = 19

FORMATION = "FormationViolation"
NOT_IMPLEMENTED = "NotImplemented"
NOT_SUPPORTED = "NotSupported"
OCCURENCE = "OccurenceConstraintViolation"
PROPERTY = "PropertyConstraintViolation"
TYPE = "TypeConstraintViolation"

# By the schema keyword that was broken; spelled as OCPP-J 1.6 spells them.
CODES = {
    "additionalProperties": FORMATION,
    "required": OCCURENCE,
    "minItems": OCCURENCE,
    "maxItems": OCCURENCE,
    "type": TYPE,
}

# Fixed texts: nothing of the peer's own message goes back.
_TEXTS = {
    "additionalProperties": "a property is not part of the action",
    "required": "a required property is missing",
    "minItems": "a list has too few items",
    "maxItems": "a list has too many items",
    "type": "a property has the wrong type",
    "enum": "a property has a value outside its list",
    "maxLength": "a text is too long",
    "minimum": "a number is out of range",
    "maximum": "a number is out of range",
    "multipleOf": "a number has too many decimals",
}


class Usable(NamedTuple):
    """What turned out to be usable: a CALL after repairs, or (action None) a CALLRESULT."""

    id: str
    action: str | None
    payload: dict[str, Any]
    repairs: tuple[str, ...] = ()


class Refusal(NamedTuple):
    """A CALLERROR: it is the answer to a CALL of ours, however odd its words."""

    id: str
    code: Any
    description: Any


class Fault(NamedTuple):
    """What is wrong. `id` is "" where no answer is due."""

    id: str
    code: str
    description: str


class _Marker:
    """Stands for a number that cannot be used; no schema accepts it."""

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        self.description = description


_NOT_JSON = _Marker(FORMATION, "NaN and Infinity are not JSON")
_TOO_BIG = _Marker(PROPERTY, "a number is out of range")


def _integer(digits: str) -> int | _Marker:
    return int(digits) if len(digits.lstrip("-")) <= MAX_DIGITS else _TOO_BIG


def _float(digits: str) -> float | _Marker:
    number = float(digits)
    return number if abs(number) < float("inf") else _TOO_BIG


_decoder = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_float,
    parse_constant=lambda _: _NOT_JSON,
    strict=True,
)


def explain(error: jsonschema_rs.ValidationError) -> str:
    """A schema error in fixed words and the path of the property, never its value."""
    path = ".".join(str(part) for part in error.instance_path)
    text = _TEXTS.get(error.kind.name, "the schema is broken")
    if error.kind.name == "required":
        path = ".".join(filter(None, (path, getattr(error.kind, "property", ""))))
    return f"{text}: {path}" if path else text


def diagnose(
    text: str, accepted: frozenset[str], tolerance: Tolerance = DEFAULT
) -> Usable | Refusal | Fault:
    """Find out what a frame is that the fast path did not take. Never raises."""
    try:
        frame = _decoder.decode(text.strip(" \t\r\n"))
    except RecursionError:
        return Fault("", FORMATION, "nested too deeply")
    except ValueError:
        return Fault("", FORMATION, "not JSON")
    if type(frame) is not list or not frame or type(frame[0]) is not int:
        return Fault("", FORMATION, "not an OCPP-J message")
    kind, rest = frame[0], frame[1:]
    message_id = rest[0] if rest and type(rest[0]) is str else ""
    if kind == 3 and message_id and len(rest) == 2:
        return _result(message_id, rest[1])
    if kind == 4 and message_id and 2 <= len(rest) <= 4:
        code, description = (*rest[1:3], "")[:2]
        return Refusal(message_id, _clean(code), _clean(description))
    if kind != 2:
        return Fault("", FORMATION, "not a message type of OCPP-J 1.6, or not whole")
    if not message_id:
        return Fault("", FORMATION, "a CALL without message id")
    if _has_surrogate(message_id):
        # It would have to be repeated back, and no UTF-8 text can hold it.
        return Fault("", FORMATION, "the message id is not Unicode text")
    if len(message_id) > MAX_ID:
        return Fault(message_id[:MAX_ID], FORMATION, "the message id is longer than 36 characters")
    return _call(message_id, rest[1:], accepted, tolerance)


def _clean(text: Any) -> Any:
    """A text that can be stored and sent on."""
    if not isinstance(text, str):
        return text
    return _escape_nul(text.encode("utf-8", "replace").decode())


def _result(message_id: str, payload: Any) -> Usable | Fault:
    if payload is None:
        payload = {}
    if type(payload) is not dict or unusable(payload):
        # The station's answer to us: the waiting command fails on its schema, nothing is answered.
        return Usable(message_id, None, {"unusable": True})
    return Usable(message_id, None, _escape_nul(payload))


def _call(
    message_id: str, rest: list[Any], accepted: frozenset[str], tolerance: Tolerance
) -> Usable | Fault:
    if len(rest) != 2:
        return Fault(message_id, FORMATION, "a CALL has four elements")
    name, payload = rest
    if type(name) is not str:
        return Fault(message_id, FORMATION, "the action is not a text")
    if name not in ACTIONS:
        return Fault(message_id, NOT_IMPLEMENTED, "the action is not known")
    if name not in accepted:
        return Fault(message_id, NOT_SUPPORTED, "the action is for the other direction")
    if payload is None:
        # OCPP-J 4.2.1: null stands for an empty payload.
        payload = {}
    if type(payload) is not dict:
        return Fault(message_id, FORMATION, "the payload is not an object")
    problem = unusable(payload)
    if problem is not None:
        return Fault(message_id, problem.code, problem.description)
    escaped = "nul-escaped" if _has_nul(payload) else None
    errors = list(ACTIONS[name].request_errors(payload))
    repairs: tuple[str, ...] = ()
    if errors:
        repaired = repair(ACTIONS[name], payload, errors, tolerance)
        if repaired is None:
            first = errors[0]
            return Fault(message_id, CODES.get(first.kind.name, PROPERTY), explain(first))
        payload, repairs = repaired
    if escaped:
        payload, repairs = _escape_nul(payload), (*repairs, escaped)
    return Usable(message_id, name, payload, repairs)


def unusable(payload: Any) -> _Marker | None:
    """What makes a payload unusable whatever its schema: depth, markers, surrogates."""
    waiting: list[tuple[Any, int]] = [(payload, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return _Marker(FORMATION, "nested too deeply")
        if isinstance(node, _Marker):
            return node
        if isinstance(node, str) and _has_surrogate(node):
            return _Marker(FORMATION, "a text is not Unicode")
        if isinstance(node, dict):
            waiting.extend((key, depth) for key in node)
            waiting.extend((child, depth + 1) for child in node.values())
        elif isinstance(node, list):
            waiting.extend((child, depth + 1) for child in node)
    return None


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _has_nul(node: Any) -> bool:
    if isinstance(node, str):
        return "\0" in node
    if isinstance(node, dict):
        return any(_has_nul(key) or _has_nul(child) for key, child in node.items())
    return isinstance(node, list) and any(_has_nul(child) for child in node)


def _escape_nul(node: Any) -> Any:
    """NUL as the six characters of its JSON escape: PostgreSQL could not store it."""
    if isinstance(node, str):
        return node.replace("\0", "\\u0000")
    if isinstance(node, dict):
        return {_escape_nul(key): _escape_nul(child) for key, child in node.items()}
    if isinstance(node, list):
        return [_escape_nul(child) for child in node]
    return node
