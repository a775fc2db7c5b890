"""OCPP-J frames: text to frame and back (OCPP-J 1.6 section 4). Pure, total: never raises on input.

The fast path decodes with msgspec and checks the schema with a compiled validator. Only what fails
there goes to ocpp_trio.ocppj.diagnosis, which finds out what was wrong and, where one can be read,
the message id, so that a CALL with a readable id is always answered.
"""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

import msgspec

from ocpp_trio.ocppj import diagnosis
from ocpp_trio.ocppj.actions import ACTIONS, FROM_CHARGE_POINT
from ocpp_trio.ocppj.quirks import DEFAULT, Tolerance

CALL, CALLRESULT, CALLERROR = 2, 3, 4
MAX_ID = diagnosis.MAX_ID
MAX_DESCRIPTION = 255
MAX_CODE = 64

Payload = dict[str, Any]


class Call(NamedTuple):
    """A request. `repairs` names what was tolerated (see ocpp_trio.ocppj.tolerance)."""

    id: str
    action: str
    payload: Payload
    repairs: tuple[str, ...] = ()


class CallResult(NamedTuple):
    """An answer; its payload is not checked yet: the schema depends on the CALL it answers."""

    id: str
    payload: Payload


class CallError(NamedTuple):
    """A refusal by the peer."""

    id: str
    code: str
    description: str


class BadFrame(NamedTuple):
    """A frame that cannot be used. `id` is "" where none can be read: then nothing is answered."""

    id: str
    code: str
    description: str

    def reply(self) -> str | None:
        """The CALLERROR to send, None where the frame was no CALL with a readable id."""
        return encode_error(self.id, self.code, self.description) if self.id else None


Frame = Call | CallResult | CallError | BadFrame

_decode = msgspec.json.Decoder().decode
_encoder = msgspec.json.Encoder()


def parse(
    text: str,
    accepted: frozenset[str] = FROM_CHARGE_POINT,
    tolerance: Tolerance = DEFAULT,
) -> Frame:
    """The frame that `text` holds. A CALL's payload is checked against its schema.

    `accepted`: the actions that this side answers; any other is refused with its own code.
    `tolerance`: what is taken from this peer although it breaks the schema.
    """
    try:
        frame = _decode(text)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeError):
        return _diagnosed(text, accepted, tolerance)
    # One character is found much faster than a word, and nearly no message has it.
    if type(frame) is list and frame and ("\\" not in text or "\\u0000" not in text):
        kind = frame[0]
        if kind == CALL and type(kind) is int and len(frame) == 4:
            _, message_id, name, payload = frame
            if (
                type(message_id) is str
                and 0 < len(message_id) <= MAX_ID
                and type(name) is str
                and name in accepted
                and ACTIONS[name].request_is_valid(payload)
            ):
                return Call(message_id, name, payload)
        elif kind == CALLRESULT and type(kind) is int and len(frame) == 3:
            _, message_id, payload = frame
            if (
                type(message_id) is str
                and type(payload) is dict
                and not diagnosis.unusable(payload)
            ):
                return CallResult(message_id, payload)
        elif (
            kind == CALLERROR
            and type(kind) is int
            and 3 <= len(frame) <= 5
            and type(frame[1]) is str
        ):
            return _call_error(*frame[1:4])
    return _diagnosed(text, accepted, tolerance)


def _diagnosed(text: str, accepted: frozenset[str], tolerance: Tolerance) -> Frame:
    found = diagnosis.diagnose(text, accepted, tolerance)
    if isinstance(found, diagnosis.Refusal):
        return _call_error(*found)
    if isinstance(found, diagnosis.Usable):
        if found.action is None:
            return CallResult(found.id, found.payload)
        return Call(found.id, found.action, found.payload, found.repairs)
    return BadFrame(found.id, found.code, found.description)


def _call_error(message_id: str, code: Any, description: Any = "") -> CallError:
    """A CALLERROR ends its CALL whatever it says; what is no text says nothing."""
    code = code[:MAX_CODE] if isinstance(code, str) else ""
    description = description[:MAX_DESCRIPTION] if isinstance(description, str) else ""
    return CallError(message_id, code, description)


def check_response(action: str, payload: Payload) -> str | None:
    """What breaks the response schema of `action`, or None."""
    definition = ACTIONS[action]
    if definition.response_is_valid(payload):
        return None
    try:
        return diagnosis.explain(next(definition.response_errors(payload)))
    except ValueError:
        # The validator cannot quote what is nested deeper than it can read.
        return "nested too deeply"


def check_request(action: str, payload: Payload) -> list[tuple[str, str]]:
    """What breaks the request schema of `action`: (field, message) for each error."""
    try:
        return [
            (".".join(str(part) for part in error.instance_path), error.message)
            for error in ACTIONS[action].request_errors(payload)
        ]
    except ValueError:
        return [("", "nested too deeply")]


def new_id() -> str:
    """A message id of our own: a UUID, 36 characters, the longest allowed (OCPP-J 4.1.4)."""
    return str(uuid.uuid4())


def encode_call(message_id: str, action: str, payload: Payload) -> str:
    """The text of a CALL."""
    return _encoder.encode([CALL, message_id, action, payload]).decode()


def encode_result(message_id: str, payload: Payload) -> str:
    """The text of a CALLRESULT."""
    return _encoder.encode([CALLRESULT, message_id, payload]).decode()


def encode_error(message_id: str, code: str, description: str) -> str:
    """The text of a CALLERROR. Details stay empty: they tell a peer nothing it needs."""
    frame = [CALLERROR, message_id[:MAX_ID], code, description[:MAX_DESCRIPTION], {}]
    return _encoder.encode(frame).decode()


def payload_text(text: str, action: str) -> str:
    """The payload of a CALL as its sender spelled it: what a record of the message keeps."""
    start = text.find("{", text.find(f'"{action}"') + len(action))
    return text[start : text.rfind("}") + 1] if start > 0 else "{}"
