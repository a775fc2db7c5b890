"""Secrets, by name and by shape, in whatever they are wrapped; and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.domain.redaction import MASK, is_secret_name, redact, redact_json, redact_text

CANARY = "canary7d3f9b"
OUR_KEY = "ocpp_" + "aB3-_" * 8 + "xyz"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "DB_PASSWORD",
        "api_key",
        "OCPP_API_KEY",
        "X-Api-Key",
        "Authorization",
        "Proxy-Authorization",
        "AuthorizationKey",
        "authorizationkey",
        "client_secret",
        "token",
        "WifiPassword",
        "Set-Cookie",
        "privateKey",
    ],
)
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)
    assert redact({name: CANARY}) == {name: MASK}


@pytest.mark.parametrize("name", ["password", "OCPP_API_KEY", "client-secret", "Token", "passwd"])
@pytest.mark.parametrize("sign", ["=", ": ", " = ", '":"'])
def test_secret_names_in_texts(name: str, sign: str) -> None:
    assert CANARY not in redact_text(f"{name}{sign}{CANARY}, then more")


# Configuration keys of OCPP that sound like it, and words of ours.
@pytest.mark.parametrize(
    "name",
    [
        "AuthorizationCacheEnabled",
        "AuthorizeRemoteTxRequests",
        "LocalAuthListEnabled",
        "LocalPreAuthorize",
        "authorization_status",
        "idTag",
        "charge_point",
        "keys",
        "SecurityProfile",
    ],
)
def test_names_that_are_no_secrets(name: str) -> None:
    assert not is_secret_name(name)
    assert redact({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "value",
    [
        {"key": "HeartbeatInterval", "value": "60"},
        {"key": "HeartbeatInterval", "readonly": True},
        {"key": ["HeartbeatInterval"]},
        {"key": None},
    ],
)
def test_a_configuration_key_is_no_key(value: Any) -> None:
    assert redact(value) == value


WRAPPED: list[Any] = [
    {"key": CANARY},
    {"body": {"key": CANARY, "expires": 5}},
    {"a": [{"b": {"password": CANARY}}]},
    {"password": {"value": CANARY}},
    [{"key": "AuthorizationKey", "value": CANARY}],
    {"configurationKey": [{"key": "WifiPassword", "readonly": False, "value": CANARY}]},
    {"location": f"ftp://user:{CANARY}@files.example/up"},
    {"location": f"ftp://{CANARY}@files.example/up"},
    f"see ftp://user:{CANARY}@files.example/up, it failed",
    f"https://user:{CANARY}/with#odd@chars@files.example/up",
    f"Authorization: Bearer {CANARY}",
    f"authorization: basic {CANARY}==",
    {"headers": [("authorization", f"Bearer {CANARY}")]},
    f"password={CANARY}&x=1",
    json.dumps({"password": CANARY}),
    json.dumps(json.dumps({"api_key": CANARY})),
    f"-----BEGIN EC PRIVATE KEY-----\n{CANARY}\n-----END EC PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{CANARY}",
    {"password": f"{CANARY} with spaces"},
    f'{{"secret": "{CANARY} with spaces"}}',
    f"Bearer {CANARY}".encode(),
    ValueError(f"postgresql://user:{CANARY}@db/name"),
    {"a": (f"token: {CANARY}",)},
]


@pytest.mark.parametrize("value", WRAPPED, ids=range(len(WRAPPED)))
def test_no_wrapping_saves_a_secret(value: Any) -> None:
    redacted = redact(value)
    assert CANARY not in repr(redacted)
    assert MASK in repr(redacted)
    assert redact(redacted) == redacted


def test_a_key_for_our_api_is_known_by_its_shape() -> None:
    assert redact_text(f"made {OUR_KEY} today") == f"made {MASK} today"


PLAIN = [
    "charge point CP001 connected",
    "http://localhost:9001/api/charge-points/CP001",
    "http://host:8080/fw@1.bin",
    "https://files.example/a?b=c#d",
    "to adopt it: curl -H 'Authorization: Bearer <API key>'",
    "Basic authentication failed",
    "ocpp_server-20261123T093245Z.db",
    "ocpp_trio.central.handlers.boot_notification",
    "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
    "tag 04A2B3C4 was refused",
    "",
]


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert redact_text(text) == text


def test_values_of_other_kinds() -> None:
    values = {"a": None, "b": True, "c": 1, "d": 1.5, "password": None, "token": False, "e": ""}
    assert redact(values) == values
    assert redact({"password": 1234}) == {"password": MASK}
    deep: Any = CANARY
    for _ in range(100):
        deep = [deep]
    assert MASK in repr(redact(deep))
    assert CANARY not in repr(redact(deep))


def test_json_texts() -> None:
    kept = '{"key": "HeartbeatInterval", "value": "60"}'
    assert redact_json(kept) is kept
    frame = f'[2,"1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{CANARY}"}}]'
    assert json.loads(redact_json(frame))[3] == {"key": "AuthorizationKey", "value": MASK}
    # Broken JSON cannot be looked through.
    assert redact_json(frame[:-2]) == MASK
    assert redact_json('[2,"1","Heartbeat",') == '[2,"1","Heartbeat",'
    assert redact_json("[" * 100_000) == "[" * 100_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_it_is_total_and_doing_it_twice_changes_nothing(value: Any) -> None:
    once = redact(value)
    assert redact(once) == once
    redact_json(json.dumps(value))


@given(st.text(), st.text())
def test_a_secret_is_gone_whatever_stands_around_it(before: str, after: str) -> None:
    assert CANARY not in redact_text(f"{before} Bearer {CANARY} {after}")
    assert CANARY not in redact_text(f"{before} ftp://u:{CANARY}@h {after}")
