"""One connection's state: one CALL of ours at a time, every answer to its own CALL."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.ocppj import peer as peer_module
from ocpp_trio.ocppj.actions import FROM_CENTRAL_SYSTEM
from ocpp_trio.ocppj.frames import CallError
from ocpp_trio.ocppj.peer import (
    REMEMBERED_ANSWERS,
    REMEMBERED_EXPIRED,
    Answer,
    Ignored,
    Peer,
    Reply,
    Request,
)

ACCEPTED = {"status": "Accepted"}
HEARTBEAT = '[2,"1","Heartbeat",{}]'
NOW = {"currentTime": "2026-11-23T08:00:00Z"}


def result(message_id: str, payload: Any = ACCEPTED) -> str:
    return json.dumps([3, message_id, payload])


def waits(peer: Peer) -> bool:
    """`peer.waiting` without mypy's belief that it cannot change."""
    return peer.waiting


def received(peer: Peer, text: str) -> Request:
    event = peer.receive(text)
    assert isinstance(event, Request)
    return event


# Their CALLs


def test_a_call_is_answered_with_its_own_id() -> None:
    peer = Peer()
    request = received(peer, HEARTBEAT)
    assert request.call.action == "Heartbeat"
    assert request.text == HEARTBEAT
    assert json.loads(peer.answer(request, NOW)) == [3, "1", NOW]


def test_a_repeated_message_gets_its_first_answer_again() -> None:
    peer = Peer()
    first = peer.answer(received(peer, HEARTBEAT), NOW)
    assert peer.receive(HEARTBEAT) == Reply(first, "repeated message")
    assert peer.receive(HEARTBEAT) == Reply(first, "repeated message")


def test_the_same_id_with_another_text_is_a_new_message() -> None:
    peer = Peer()
    one, other = '[2,"1","Authorize",{"idTag":"A"}]', '[2,"1","Authorize",{"idTag":"B"}]'
    peer.answer(received(peer, one), {"idTagInfo": {"status": "Accepted"}})
    second = peer.answer(received(peer, other), {"idTagInfo": {"status": "Invalid"}})
    assert peer.receive(other) == Reply(second, "repeated message")
    # The newer answer took the older one's place.
    received(peer, one)


def test_another_connection_remembers_nothing() -> None:
    peer = Peer()
    peer.answer(received(peer, HEARTBEAT), NOW)
    received(Peer(), HEARTBEAT)


def test_a_refusal_is_not_remembered() -> None:
    peer = Peer()
    request = received(peer, HEARTBEAT)
    refusal = peer.refuse(request, "InternalError", "try again")
    assert json.loads(refusal) == [4, "1", "InternalError", "try again", {}]
    received(peer, HEARTBEAT)


def test_a_message_not_answered_yet_is_not_a_repeat() -> None:
    peer = Peer()
    received(peer, HEARTBEAT)
    received(peer, HEARTBEAT)


def test_only_the_newest_answers_are_remembered() -> None:
    peer = Peer()
    texts = [f'[2,"{number}","Heartbeat",{{}}]' for number in range(REMEMBERED_ANSWERS + 1)]
    for text in texts:
        peer.answer(received(peer, text), NOW)
    received(peer, texts[0])
    assert all(isinstance(peer.receive(text), Reply) for text in texts[1:])


@pytest.mark.parametrize("text", ["", " ", "\r\n\t"])
def test_an_empty_message_is_ignored(text: str) -> None:
    assert Peer().receive(text) == Ignored("empty message")


def test_a_bad_frame_is_answered_if_it_can_be() -> None:
    event = Peer().receive('[2,"1","Nonsense",{}]')
    assert isinstance(event, Reply)
    assert json.loads(event.text)[:3] == [4, "1", "NotImplemented"]
    assert event.reason == "the action is not known"
    assert Peer().receive("garbage") == Ignored("not JSON")


def test_each_side_answers_its_own_actions() -> None:
    reset = '[2,"1","Reset",{"type":"Soft"}]'
    assert isinstance(Peer(FROM_CENTRAL_SYSTEM).receive(reset), Request)
    assert isinstance(Peer(FROM_CENTRAL_SYSTEM).receive(HEARTBEAT), Reply)
    assert isinstance(Peer().receive(reset), Reply)


# Our CALLs


def test_a_call_of_ours_and_its_answer() -> None:
    peer = Peer()
    assert not waits(peer)
    message_id, text = peer.call("Reset", {"type": "Soft"})
    assert json.loads(text) == [2, message_id, "Reset", {"type": "Soft"}]
    assert waits(peer)
    assert peer.receive(result(message_id)) == Answer(message_id, ACCEPTED, None, None, late=False)
    assert not waits(peer)


def test_one_call_at_a_time() -> None:
    peer = Peer()
    message_id, _ = peer.call("ClearCache", {})
    with pytest.raises(RuntimeError, match="outstanding"):
        peer.call("ClearCache", {})
    peer.receive(result(message_id))
    peer.call("ClearCache", {})


def test_a_call_error_is_an_answer() -> None:
    peer = Peer()
    message_id, _ = peer.call("ClearCache", {})
    event = peer.receive(f'[4,"{message_id}","NotSupported","no",{{}}]')
    error = CallError(message_id, "NotSupported", "no")
    assert event == Answer(message_id, None, error, None, late=False)
    assert not waits(peer)


def test_a_call_error_that_holds_what_is_not_json_is_an_answer_all_the_same() -> None:
    peer = Peer()
    message_id, _ = peer.call("ClearCache", {})
    event = peer.receive(f'[4,"{message_id}","InternalError","a\\u0000",{{"x":NaN}}]')
    assert isinstance(event, Answer)
    assert not waits(peer)


@pytest.mark.parametrize(
    "payload",
    ['{"status":"Perhaps"}', "{}", '{"status":"Accepted","x":1}', "[]", '{"status":NaN}', "null"],
)
def test_an_answer_that_breaks_its_schema_says_so(payload: str) -> None:
    peer = Peer()
    message_id, _ = peer.call("ClearCache", {})
    event = peer.receive(f'[3,"{message_id}",{payload}]')
    assert isinstance(event, Answer)
    assert event.invalid
    assert not waits(peer)


@pytest.mark.parametrize("depth", [30, 300, 900, 100_000])
def test_an_answer_nested_too_deeply_does_no_harm(depth: int) -> None:
    peer = Peer()
    message_id, _ = peer.call("ClearCache", {})
    event = peer.receive(f'[3,"{message_id}",' + '{"a":' * depth + "1" + "}" * depth + "]")
    if isinstance(event, Answer):
        assert event.invalid
        json.dumps(event.payload)
    else:
        assert isinstance(event, Ignored)


def test_an_answer_to_no_call_is_ignored() -> None:
    peer = Peer()
    message_id, _ = peer.call("ClearCache", {})
    assert peer.receive(result("stranger")) == Ignored("answer to no call of ours")
    assert peer.receive('[4,"stranger","X","",{}]') == Ignored("answer to no call of ours")
    assert waits(peer)
    assert isinstance(peer.receive(result(message_id)), Answer)
    assert peer.receive(result(message_id)) == Ignored("answer to no call of ours")


def test_a_late_answer_goes_to_its_own_call_while_the_next_one_waits() -> None:
    peer = Peer()
    first, _ = peer.call("ClearCache", {})
    peer.expire(first)
    assert not waits(peer)
    second, _ = peer.call("Reset", {"type": "Soft"})
    assert peer.receive(result(first)) == Answer(first, ACCEPTED, None, None, late=True)
    assert waits(peer)
    assert peer.receive(result(second)) == Answer(second, ACCEPTED, None, None, late=False)
    assert peer.receive(result(first)) == Ignored("answer to no call of ours")


def test_a_late_answer_is_checked_against_its_own_schema() -> None:
    peer = Peer()
    first, _ = peer.call("GetConfiguration", {})
    peer.expire(first)
    peer.call("ClearCache", {})
    event = peer.receive(result(first, {"unknownKey": ["a"]}))
    assert isinstance(event, Answer)
    assert (event.invalid, event.late) == (None, True)


def test_expiring_what_is_over_changes_nothing() -> None:
    peer = Peer()
    first, _ = peer.call("ClearCache", {})
    peer.receive(result(first))
    second, _ = peer.call("ClearCache", {})
    peer.expire(first)
    peer.expire("stranger")
    assert waits(peer)
    assert isinstance(peer.receive(result(second)), Answer)


def test_only_the_newest_expired_calls_are_remembered() -> None:
    peer = Peer()
    ids = []
    for _ in range(REMEMBERED_EXPIRED + 1):
        message_id, _ = peer.call("ClearCache", {})
        peer.expire(message_id)
        ids.append(message_id)
    assert isinstance(peer.receive(result(ids[0])), Ignored)
    assert all(isinstance(peer.receive(result(one)), Answer) for one in ids[1:])


@given(
    st.lists(st.tuples(st.sampled_from(["call", "expire", "answer", "stray"]), st.integers(0, 5)))
)
def test_no_answer_ever_reaches_another_call(steps: list[tuple[str, int]]) -> None:
    peer = Peer()
    made: list[str] = []
    outstanding: str | None = None
    expired: list[str] = []
    for step, number in steps:
        if step == "call" and outstanding is None:
            outstanding, _ = peer.call("ClearCache", {})
            made.append(outstanding)
        elif step == "expire" and outstanding is not None:
            peer.expire(outstanding)
            expired.append(outstanding)
            outstanding = None
        elif step == "answer" and made:
            message_id = made[number % len(made)]
            event = peer.receive(result(message_id))
            if message_id == outstanding:
                assert event == Answer(message_id, ACCEPTED, None, None, late=False)
                outstanding = None
            elif message_id in expired:
                assert event == Answer(message_id, ACCEPTED, None, None, late=True)
                expired.remove(message_id)
            else:
                assert isinstance(event, Ignored)
        elif step == "stray":
            assert isinstance(peer.receive(result(f"stray-{number}")), Ignored)
        assert waits(peer) is (outstanding is not None)


def test_the_module_never_waits() -> None:
    assert "trio" not in vars(peer_module)
