"""Tags: list, create or replace, remove."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.api import listing
from tests.api.support import Api, assert_problem
from tests.support.clock import MINUTE

URL = "/api/authorizations"


async def test_create_with_defaults_then_replace(api: Api) -> None:
    created = await api.post(URL, {"idTag": "RFID123", "unknown": 1})
    assert created.status_code == 201
    tag = created.json()
    assert tag == {
        "id": tag["id"],
        "idTag": "RFID123",
        "status": "Accepted",
        "expiryDate": None,
        "parentIdTag": None,
        "maxActiveTransactions": None,
        "note": None,
        "createdAt": "2026-11-23T08:00:00Z",
        "updatedAt": "2026-11-23T08:00:00Z",
    }
    api.now.ms += MINUTE
    body = {
        "idTag": "rfid123",
        "status": "Blocked",
        "expiryDate": "2030-12-31T23:59:59+01:00",
        "parentIdTag": "FLEET",
        "maxActiveTransactions": 2,
        "note": "lost",
    }
    replaced = await api.post(URL, body)
    assert replaced.status_code == 201
    shown = replaced.json()
    assert shown == shown | body | {
        "id": tag["id"],
        "expiryDate": "2030-12-31T22:59:59Z",
        "createdAt": "2026-11-23T08:00:00Z",
        "updatedAt": "2026-11-23T08:01:00Z",
    }
    assert (await api.get(URL)).json() == [shown]


@pytest.mark.parametrize("date", [None, "", "0001-01-01T00:00:00Z"])
async def test_no_date_is_no_expiry(api: Api, date: str | None) -> None:
    response = await api.post(URL, {"idTag": "A", "expiryDate": date, "parentIdTag": ""})
    assert response.status_code == 201
    assert (response.json()["expiryDate"], response.json()["parentIdTag"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "idTag"),
        ({"idTag": ""}, "idTag"),
        ({"idTag": "x" * 21}, "idTag"),
        ({"idTag": "a\nb"}, "idTag"),
        ({"idTag": "a\u0000b"}, "idTag"),
        ({"idTag": 5}, "idTag"),
        ({"idTag": "A", "parentIdTag": "x" * 21}, "parentIdTag"),
        ({"idTag": "A", "status": "ConcurrentTx"}, "status"),
        ({"idTag": "A", "status": "accepted"}, "status"),
        ({"idTag": "A", "expiryDate": "tomorrow"}, "expiryDate"),
        ({"idTag": "A", "expiryDate": 5}, "expiryDate"),
        ({"idTag": "A", "maxActiveTransactions": -1}, "maxActiveTransactions"),
        ({"idTag": "A", "maxActiveTransactions": True}, "maxActiveTransactions"),
        ({"idTag": "A", "maxActiveTransactions": 10**30}, "maxActiveTransactions"),
    ],
)
async def test_bad_tags_name_the_field(api: Api, body: dict[str, Any], field: str) -> None:
    problem = assert_problem(await api.post(URL, body), 400, "invalid-request")
    assert problem["errors"][0]["field"] == field
    assert (await api.get(URL)).json() == []


async def test_one_tag(api: Api) -> None:
    await api.tag("RFID123")
    shown = (await api.get(f"{URL}?idTag=rfid123")).json()
    assert shown["idTag"] == "RFID123"
    assert_problem(await api.get(f"{URL}?idTag=other"), 404, "not-found")


async def test_remove(api: Api) -> None:
    await api.tag("A B")
    response = await api.client.delete(f"{URL}?idTag=a%20b")
    assert (response.status_code, response.content) == (204, b"")
    assert_problem(await api.client.delete(f"{URL}?idTag=a%20b"), 404, "not-found")
    problem = assert_problem(await api.client.delete(URL), 400, "invalid-request")
    assert problem["errors"] == [{"field": "idTag", "message": "is required"}]


async def test_list_is_newest_first_and_streamed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        await api.tag(f"T{number}")
    names = ["T4", "T3", "T2", "T1", "T0"]
    page = await api.get(f"{URL}?limit=2&offset=2")
    assert [each["idTag"] for each in page.json()] == names[2:4]
    assert page.headers["x-total-count"] == "5"
    monkeypatch.setattr(listing, "PAGE", 2)
    assert [each["idTag"] for each in (await api.get(URL)).json()] == names
