"""What a station's answer makes of a command."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain.commands import state_of
from ocpp_trio.ocppj.actions import ACTIONS, FROM_CENTRAL_SYSTEM

# The words with which OCPP 1.6 lets a station say yes.
YES = {"Accepted", "AcceptedCanceled", "RebootRequired", "Scheduled", "Unlocked"}


def words(action: str) -> list[str]:
    status: dict[str, Any] = ACTIONS[action].response_schema.get("properties", {}).get("status", {})
    return list(status.get("enum", []))


@pytest.mark.parametrize(
    ("action", "word"),
    [(action, word) for action in sorted(FROM_CENTRAL_SYSTEM) for word in words(action)],
)
def test_every_word_of_every_answer(action: str, word: str) -> None:
    assert state_of({"status": word}) == ("accepted" if word in YES else "refused")


def test_an_answer_without_a_word_is_no_refusal() -> None:
    assert state_of({}) == "accepted"
    assert state_of({"status": None}) == "accepted"
