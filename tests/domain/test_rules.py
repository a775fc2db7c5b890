"""May this tag charge?"""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain import rules
from ocpp_trio.domain.rules import IdTagInfo
from tests.support.clock import START


def tag(**fields: Any) -> dict[str, Any]:
    return {
        "status": "Accepted",
        "parent_id_tag": None,
        "expiry_date": None,
        "max_active_transactions": None,
    } | fields


@pytest.mark.parametrize(
    ("expiry", "status"), [(None, "Accepted"), (START + 1, "Accepted"), (START, "Expired")]
)
def test_a_tag_expires_at_its_moment(expiry: int | None, status: str) -> None:
    info = rules.check_tag(tag(expiry_date=expiry), START)
    assert info == IdTagInfo(status, None, expiry)


@pytest.mark.parametrize("status", ["Blocked", "Invalid", "Expired"])
def test_what_is_stored_against_a_tag_wins_over_its_expiry(status: str) -> None:
    assert rules.check_tag(tag(status=status, expiry_date=START - 1), START).status == status


def test_an_unknown_tag_is_invalid() -> None:
    assert rules.check_tag(None, START) == IdTagInfo("Invalid")
    assert rules.check_start(None, START, 0) == IdTagInfo("Invalid")


@pytest.mark.parametrize(
    ("limit", "active", "status"),
    [
        (None, 1000, "Accepted"),
        (1, 0, "Accepted"),
        (1, 1, "ConcurrentTx"),
        (2, 1, "Accepted"),
        (2, 3, "ConcurrentTx"),
        (0, 0, "ConcurrentTx"),
    ],
)
def test_a_limit_of_running_transactions(limit: int | None, active: int, status: str) -> None:
    stored = tag(max_active_transactions=limit, parent_id_tag="P", expiry_date=START + 1)
    assert rules.check_start(stored, START, active) == IdTagInfo(status, "P", START + 1)


def test_authorize_knows_no_concurrent_transactions() -> None:
    assert rules.check_tag(tag(max_active_transactions=0), START).status == "Accepted"


def test_a_blocked_tag_is_blocked_however_many_run() -> None:
    stored = tag(status="Blocked", max_active_transactions=0)
    assert rules.check_start(stored, START, 5).status == "Blocked"


@pytest.mark.parametrize(("one", "other"), [("abCD12", "ABcd12"), ("ÄÖ", "äö"), ("", "")])
def test_case_does_not_count(one: str, other: str) -> None:
    assert rules.tag_key(one) == rules.tag_key(other)


def test_spaces_and_length_count() -> None:
    assert len({rules.tag_key(text) for text in ("a", "a ", " a", "aa", "a" * 20, "a" * 21)}) == 6


@pytest.mark.parametrize(
    ("text", "proper"),
    [
        ("04A2B3", True),
        ("a" * 20, True),
        ("a" * 21, False),
        ("", False),
        ("a\tb", False),
        ("A\\u0000B", False),
    ],
)
def test_what_can_be_a_tag_at_all(text: str, proper: bool) -> None:
    assert rules.is_id_tag(text) is proper


@pytest.mark.parametrize(
    ("info", "payload"),
    [
        (IdTagInfo("Accepted"), {"status": "Accepted"}),
        (
            IdTagInfo("Blocked", "PARENT", START),
            {
                "status": "Blocked",
                "parentIdTag": "PARENT",
                "expiryDate": "2026-11-23T08:00:00Z",
            },
        ),
        # An expiry beyond the calendar is left out, not sent as null.
        (IdTagInfo("Accepted", "", 2**63 - 1), {"status": "Accepted"}),
    ],
)
def test_absent_fields_are_left_out_on_the_wire(info: IdTagInfo, payload: dict[str, str]) -> None:
    assert info.payload() == payload


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("FLEET", "fleet", True),
        ("FLEET", "FLEET2", False),
        ("FLEET", None, False),
        (None, None, False),
        ("", "", False),
    ],
)
def test_tags_of_one_parent(one: str | None, other: str | None, same: bool) -> None:
    assert rules.have_same_parent(tag(parent_id_tag=one), tag(parent_id_tag=other)) is same
    assert not rules.have_same_parent(tag(parent_id_tag=one), None)
