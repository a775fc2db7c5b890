"""The local authorization list."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.simulator.local_list import LocalList
from tests.support.clock import START


def entry(id_tag: str, status: str | None = "Accepted", **info: str) -> dict[str, Any]:
    return (
        {"idTag": id_tag}
        if status is None
        else {
            "idTag": id_tag,
            "idTagInfo": {"status": status, **info},
        }
    )


def update(kind: str, version: int, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"updateType": kind, "listVersion": version, "localAuthorizationList": list(entries)}


@pytest.fixture
def tags() -> LocalList:
    """A list of version 3 with the tags A and B; room for three, three at once."""
    tags = LocalList(3, 3)
    assert tags.update(update("Full", 3, entry("A"), entry("B"))) == "Accepted"
    return tags


def test_a_full_list_replaces_whatever_its_version(tags: LocalList) -> None:
    assert tags.update(update("Full", 2, entry("C"))) == "Accepted"
    assert (tags.version, len(tags)) == (2, 1)
    assert tags.info("A", START) is None


def test_a_differential_update_changes_adds_and_removes(tags: LocalList) -> None:
    changes = update("Differential", 4, entry("a", None), entry("B", "Blocked"), entry("C"))
    assert tags.update(changes) == "Accepted"
    assert (tags.version, len(tags)) == (4, 2)
    assert tags.info("A", START) is None
    assert tags.info("B", START) is None
    assert tags.info("c", START) == {"status": "Accepted"}


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (update("Differential", 3, entry("C")), "VersionMismatch"),
        (update("Differential", 4, entry("C"), entry("D")), "Failed"),
        (update("Full", 4, *(entry(tag) for tag in "CDEF")), "Failed"),
        (update("Full", 4, entry("C"), entry("c")), "Failed"),
        (update("Full", 4, entry("C", None)), "Failed"),
        (update("Full", 0, entry("C")), "Failed"),
        (update("Full", -1, entry("C")), "Failed"),
    ],
)
def test_what_is_not_taken_changes_nothing(
    tags: LocalList, request_: dict[str, Any], status: str
) -> None:
    assert tags.update(request_) == status
    assert (tags.version, len(tags)) == (3, 2)
    assert tags.info("A", START) is not None


def test_an_expired_tag_does_not_charge() -> None:
    tags = LocalList(3, 3)
    tags.update(update("Full", 1, entry("A", expiryDate="2026-11-23T09:00:00Z")))
    assert tags.info("A", START) is not None
    assert tags.info("A", START + 3_600_000) is None
