"""The state of one OCPP-J connection as seen from one side: text in, events out; never awaits.

Rules of this class (OCPP-J 1.6 section 4.1): one CALL of ours is outstanding at a time; an answer
goes to the CALL with its id and to no other; an answer after its time limit is `late`; a CALL that
repeats id and text on the same connection gets its first answer again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from ocpp_trio.ocppj import frames
from ocpp_trio.ocppj.actions import FROM_CHARGE_POINT
from ocpp_trio.ocppj.frames import Call, CallError, CallResult, Payload
from ocpp_trio.ocppj.quirks import DEFAULT

REMEMBERED_ANSWERS = 8
REMEMBERED_EXPIRED = 32


class Request(NamedTuple):
    """A CALL of the peer that is to be handled and then answered with `Peer.answer`."""

    call: Call
    text: str


class Reply(NamedTuple):
    """Text to send as it is: a repeated answer, or the CALLERROR to a bad frame."""

    text: str
    reason: str


class Answer(NamedTuple):
    """The peer's answer to our CALL `id`. `late` if its time limit had passed.

    Exactly one of `payload` and `error` is set; `invalid` says what breaks the schema.
    """

    id: str
    payload: Payload | None
    error: CallError | None
    invalid: str | None
    late: bool


class Ignored(NamedTuple):
    """Nothing to do or answer; `reason` is for the count."""

    reason: str


Event = Request | Reply | Answer | Ignored


class Peer:
    """One connection's message state. Not thread-safe: it belongs to its session's task."""

    __slots__ = ("_accepted", "_answered", "_expired", "_outstanding", "tolerance")

    def __init__(self, accepted: frozenset[str] = FROM_CHARGE_POINT) -> None:
        """`accepted`: the actions this side answers; by default it is the central system."""
        self._accepted = accepted
        # What is taken from this peer although it breaks the schema: known once it has booted.
        self.tolerance = DEFAULT
        # id -> (hash of the CALL's text, our answer), newest last
        self._answered: OrderedDict[str, tuple[int, str]] = OrderedDict()
        self._outstanding: tuple[str, str] | None = None
        # id -> action of our CALLs whose time limit passed, newest last
        self._expired: OrderedDict[str, str] = OrderedDict()

    def receive(self, text: str) -> Event:
        """What a message from the peer means."""
        if not text or text.isspace():
            return Ignored("empty message")
        frame = frames.parse(text, self._accepted, self.tolerance)
        if type(frame) is Call:
            before = self._answered.get(frame.id)
            if before is not None and before[0] == hash(text):
                return Reply(before[1], "repeated message")
            return Request(frame, text)
        if type(frame) is CallResult:
            return self._answer(frame.id, frame.payload, None)
        if type(frame) is CallError:
            return self._answer(frame.id, None, frame)
        assert isinstance(frame, frames.BadFrame)
        reply = frame.reply()
        return Reply(reply, frame.description) if reply else Ignored(frame.description)

    def _answer(self, message_id: str, payload: Payload | None, error: CallError | None) -> Event:
        late = False
        if self._outstanding is not None and self._outstanding[0] == message_id:
            action = self._outstanding[1]
            self._outstanding = None
        elif message_id in self._expired:
            action = self._expired.pop(message_id)
            late = True
        else:
            return Ignored("answer to no call of ours")
        invalid = None if payload is None else frames.check_response(action, payload)
        return Answer(message_id, payload, error, invalid, late)

    def answer(self, request: Request, payload: Payload) -> str:
        """The text of the CALLRESULT to `request`; remembered for a repeat."""
        message_id = request.call.id
        text = frames.encode_result(message_id, payload)
        answered = self._answered
        answered[message_id] = (hash(request.text), text)
        answered.move_to_end(message_id)
        if len(answered) > REMEMBERED_ANSWERS:
            answered.popitem(last=False)
        return text

    def refuse(self, request: Request, code: str, description: str) -> str:
        """The text of a CALLERROR to `request`. Not remembered: the next try may succeed."""
        return frames.encode_error(request.call.id, code, description)

    @property
    def waiting(self) -> bool:
        """Whether a CALL of ours is outstanding."""
        return self._outstanding is not None

    def call(self, action: str, payload: Payload) -> tuple[str, str]:
        """Begin a CALL: its id and its text. One at a time: `waiting` must be false."""
        if self._outstanding is not None:
            raise RuntimeError("a CALL is outstanding already")
        message_id = frames.new_id()
        text = frames.encode_call(message_id, action, payload)
        self._outstanding = (message_id, action)
        return message_id, text

    def expire(self, message_id: str) -> None:
        """Give up waiting for our CALL `message_id`; its answer would be late from now on."""
        if self._outstanding is not None and self._outstanding[0] == message_id:
            self._expired[message_id] = self._outstanding[1]
            self._outstanding = None
            if len(self._expired) > REMEMBERED_EXPIRED:
                self._expired.popitem(last=False)
