"""Keys of charge points stand in no record."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain import redaction

KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("key", ["AuthorizationKey", "authorizationkey"])
def test_a_key_that_is_sent(key: str) -> None:
    payload = {"key": key, "value": KEY}
    assert redaction.request("ChangeConfiguration", payload) == {"key": key, "value": "********"}
    assert payload["value"] == KEY


def test_a_key_that_a_station_tells() -> None:
    told: dict[str, Any] = {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
            {"key": "AUTHORIZATIONKEY", "readonly": False, "value": KEY},
            {"key": "AuthorizationKey", "readonly": False},
        ],
        "unknownKey": ["Other"],
    }
    shown = redaction.response(told)
    assert KEY not in str(shown)
    assert shown["configurationKey"][0] == told["configurationKey"][0]
    assert shown["configurationKey"][2] == told["configurationKey"][2]
    assert shown["unknownKey"] == ["Other"]


def test_anything_else_stays_as_it_is() -> None:
    other = {"key": "HeartbeatInterval", "value": "60"}
    assert redaction.request("ChangeConfiguration", other) is other
    assert redaction.request("Reset", other) is other
    answer = {"status": "Accepted"}
    assert redaction.response(answer) is answer
    told = {"configurationKey": [other]}
    assert redaction.response(told) is told
