"""Local lists over the API: versions, full and differential updates, batches, resynchronising."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio import errors
from ocpp_trio.store import id_tags
from tests.api.conftest import OpenApi
from tests.api.support import Api, Station, assert_problem

SEND = "/api/commands/send-local-list"
VERSION = "/api/commands/get-local-list-version"
POINT = {"chargePointId": "CP001"}
ACCEPTED = {"status": "Accepted"}


def entry(tag: str, status: str = "Accepted") -> dict[str, Any]:
    return {"idTag": tag, "idTagInfo": {"status": status}}


def sent(station: Station) -> list[tuple[int, str, list[str]]]:
    """Version, type and tags of each list; a removed one with a minus."""
    return [
        (
            payload["listVersion"],
            payload["updateType"],
            [
                each["idTag"] if "idTagInfo" in each else "-" + each["idTag"]
                for each in payload.get("localAuthorizationList", [])
            ],
        )
        for action, payload in station.received
        if action == "SendLocalList"
    ]


@pytest.mark.parametrize(("version", "success"), [(-1, False), (0, True), (7, True)])
async def test_the_version_of_a_list(api: Api, version: int, success: bool) -> None:
    station = await api.connect()
    station.answers.append({"listVersion": version})
    shown = (await api.post(VERSION, POINT)).json()
    assert (shown["success"], shown["listVersion"]) == (success, version)
    (one,) = (await api.get("/api/local-lists")).json()
    assert one["state"] == {-1: "not-supported", 0: "accepted", 7: "mismatch"}[version]
    assert one["version"] == (version if version <= 0 else None)
    assert one["checkedAt"] == "2026-11-23T08:00:00Z"


async def test_auto_sends_everything_then_what_changed_then_nothing(api: Api) -> None:
    station = await api.connect()
    for tag in ("A", "B"):
        await api.tag(tag)
    station.answers += [{"listVersion": 0}, ACCEPTED]
    first = (await api.post(SEND, POINT)).json()
    assert (first["updateType"], first["listVersion"], first["entries"]) == ("Full", 1, 2)
    assert first["commandIds"] == [1, 2]
    station.answers.append({"listVersion": 1})
    nothing = (await api.post(SEND, POINT)).json()
    assert (nothing["success"], nothing["updateType"], nothing["entries"]) == (True, None, 0)
    assert "nothing to send" in nothing["message"]
    await api.tag("B", status="Blocked")
    await api.tag("C")
    await api.database.write(id_tags.delete, "A")
    found = (await api.get("/api/local-lists/CP001")).json()
    assert found["pendingChanges"] == 3
    station.answers += [{"listVersion": 1}, ACCEPTED]
    second = (await api.post(SEND, POINT | {"updateType": "auto"})).json()
    assert (second["updateType"], second["listVersion"]) == ("Differential", 2)
    assert sent(station) == [(1, "Full", ["A", "B"]), (2, "Differential", ["B", "C", "-A"])]
    found = (await api.get("/api/local-lists/CP001")).json()
    assert found == {
        "chargePointId": "CP001",
        "version": 2,
        "lastVersion": 2,
        "state": "accepted",
        "status": "Accepted",
        "entries": 2,
        "commandId": second["commandId"],
        "synchronisedAt": "2026-11-23T08:00:00Z",
        "checkedAt": "2026-11-23T08:00:00Z",
        "updatedAt": "2026-11-23T08:00:00Z",
        "pendingChanges": 0,
        "tags": [
            {"idTag": "B", "status": "Blocked", "parentIdTag": None, "expiryDate": None},
            {"idTag": "C", "status": "Accepted", "parentIdTag": None, "expiryDate": None},
        ],
    }


async def test_another_version_than_expected_is_answered_with_everything(api: Api) -> None:
    station = await api.connect()
    await api.tag("A")
    station.answers += [{"listVersion": 0}, ACCEPTED, {"listVersion": 9}, ACCEPTED]
    await api.post(SEND, POINT)
    await api.tag("B")
    await api.post(SEND, POINT)
    assert sent(station) == [(1, "Full", ["A"]), (10, "Full", ["A", "B"])]


@pytest.mark.parametrize("word", ["VersionMismatch", "Failed"])
async def test_a_differential_update_that_fails_is_followed_by_a_full_one(
    api: Api, word: str
) -> None:
    station = await api.connect()
    await api.tag("A")
    station.answers += [{"listVersion": 0}, ACCEPTED]
    await api.post(SEND, POINT)
    await api.tag("B")
    station.answers += [{"status": word}, ACCEPTED]
    shown = (await api.post(SEND, POINT | {"updateType": "Differential"})).json()
    assert (shown["success"], shown["updateType"], shown["listVersion"]) == (True, "Full", 3)
    assert sent(station)[1:] == [(2, "Differential", ["B"]), (3, "Full", ["A", "B"])]
    assert (await api.get("/api/local-lists")).json()[0]["state"] == "accepted"


@pytest.mark.parametrize(
    ("word", "state"), [("NotSupported", "not-supported"), ("Failed", "failed")]
)
async def test_a_full_update_that_is_refused(api: Api, word: str, state: str) -> None:
    station = await api.connect()
    await api.tag("A")
    station.answers.append({"status": word})
    shown = (await api.post(SEND, POINT | {"updateType": "Full"})).json()
    assert (shown["success"], shown["status"]) == (False, word)
    assert len(station.received) == 1
    (one,) = (await api.get(f"/api/local-lists?state={state}")).json()
    assert (one["status"], one["version"], one["entries"]) == (word, None, 0)


async def test_a_station_without_lists_is_sent_none(api: Api) -> None:
    station = await api.connect()
    station.answers.append({"listVersion": -1})
    shown = (await api.post(SEND, POINT)).json()
    assert (shown["success"], shown["listVersion"], shown["updateType"]) == (False, -1, None)
    assert sent(station) == []


async def test_a_long_list_goes_in_batches(open_api: OpenApi) -> None:
    async with open_api(OCPP_LOCAL_LIST_BATCH="2") as api:
        station = await api.connect()
        for tag in "ABCDE":
            await api.tag(tag)
        shown = (await api.post(SEND, POINT | {"updateType": "Full"})).json()
        assert (shown["entries"], len(shown["commandIds"])) == (5, 3)
        assert sent(station) == [
            (1, "Full", ["A", "B"]),
            (2, "Differential", ["C", "D"]),
            (3, "Differential", ["E"]),
        ]
        # What the station said counts more than the setting.
        key = {"key": "SendLocalListMaxLength", "readonly": True, "value": "4"}
        station.answers.append({"configurationKey": [key]})
        await api.get("/api/commands/get-configuration?chargePointId=CP001")
        await api.post(SEND, POINT | {"updateType": "Full"})
        assert sent(station)[3:] == [
            (4, "Full", ["A", "B", "C", "D"]),
            (5, "Differential", ["E"]),
        ]
        # A refusal in the middle ends it, and the next time everything is sent.
        station.answers += [ACCEPTED, {"status": "Failed"}]
        shown = (await api.post(SEND, POINT | {"updateType": "Full"})).json()
        assert (shown["success"], shown["status"]) == (False, "Failed")
        station.answers.append({"listVersion": 6})
        await api.post(SEND, POINT)
        assert [kind for _, kind, _ in sent(station)[7:]] == ["Differential"]


async def test_without_tags_a_full_list_is_empty(api: Api) -> None:
    station = await api.connect()
    await api.post(SEND, POINT | {"updateType": "Full"})
    assert station.received == [("SendLocalList", {"listVersion": 1, "updateType": "Full"})]


async def test_only_some_tags(api: Api) -> None:
    station = await api.connect()
    for tag in ("A", "B", "C"):
        await api.tag(tag)
    await api.post(SEND, POINT | {"updateType": "Full", "idTags": ["b", "C"]})
    await api.post(SEND, POINT | {"updateType": "Differential", "idTags": ["X", "A"]})
    assert sent(station) == [(1, "Full", ["B", "C"]), (2, "Differential", ["-X", "A"])]


async def test_a_list_of_ones_own(api: Api) -> None:
    station = await api.connect()
    info = {"status": "Accepted", "expiryDate": "2030-01-01T00:00:00+01:00", "parentIdTag": "P"}
    own = [{"idTag": "A", "idTagInfo": info}]
    await api.post(SEND, POINT | {"listVersion": 5, "localAuthorizationList": own})
    assert station.received[0] == (
        "SendLocalList",
        {
            "listVersion": 5,
            "updateType": "Full",
            "localAuthorizationList": [
                {"idTag": "A", "idTagInfo": info | {"expiryDate": "2029-12-31T23:00:00Z"}}
            ],
        },
    )
    more = {"updateType": "Differential", "localAuthorizationList": [entry("B"), {"idTag": "A"}]}
    shown = (await api.post(SEND, POINT | more)).json()
    assert (shown["listVersion"], shown["updateType"]) == (6, "Differential")
    found = (await api.get("/api/local-lists/CP001")).json()
    assert [each["idTag"] for each in found["tags"]] == ["B"]
    # One CALL, whatever the answer.
    station.answers.append({"status": "VersionMismatch"})
    shown = (await api.post(SEND, POINT | more)).json()
    assert (shown["success"], len(shown["commandIds"])) == (False, 1)


@pytest.mark.parametrize(
    ("wrong", "status", "field"),
    [
        ({"listVersion": 3}, 400, "listVersion"),
        ({"idTags": ["A", "a"]}, 400, "idTags"),
        ({"idTags": ["A"], "localAuthorizationList": []}, 400, "idTags"),
        ({"updateType": "auto", "localAuthorizationList": []}, 400, "updateType"),
        ({"updateType": "Some"}, 400, "updateType"),
        ({"localAuthorizationList": [{"idTag": "A", "note": 1}]}, 400, None),
        (
            {
                "localAuthorizationList": [
                    {"idTag": "A", "idTagInfo": {"status": "Accepted", "expiryDate": "soon"}}
                ]
            },
            400,
            "localAuthorizationList.0.idTagInfo.expiryDate",
        ),
        ({"listVersion": 0, "localAuthorizationList": []}, 422, "listVersion"),
        ({"localAuthorizationList": [{"idTag": "A"}]}, 422, "localAuthorizationList.0.idTagInfo"),
        (
            {"localAuthorizationList": [entry("A"), entry("a")]},
            422,
            "localAuthorizationList.1.idTag",
        ),
    ],
)
async def test_bad_requests_name_the_field(
    api: Api, wrong: dict[str, Any], status: int, field: str | None
) -> None:
    station = await api.connect()
    kind = {400: "invalid-request", 422: "command-rule"}[status]
    problem = assert_problem(await api.post(SEND, POINT | wrong), status, kind)
    if field is not None:
        assert problem["errors"][0]["field"] == field
    assert station.received == []
    assert (await api.get("/api/local-lists")).json() == []


async def test_it_cannot_be_left_waiting(api: Api) -> None:
    await api.connect()
    problem = assert_problem(await api.post(f"{SEND}?wait=0", POINT), 400, "invalid-request")
    assert problem["errors"][0]["field"] == "wait"


async def test_offline_and_unknown(api: Api) -> None:
    await api.register()
    assert_problem(await api.post(SEND, POINT), 503, "charge-point-offline")
    stranger = await api.post(SEND, {"chargePointId": "CP9", "updateType": "Full"})
    assert_problem(stranger, 404, "charge-point-unknown")
    assert_problem(await api.get("/api/local-lists/CP9"), 404, "not-found")


async def test_no_answer_in_the_middle(api: Api) -> None:
    station = await api.connect()
    await api.tag("A")
    station.answers.append(errors.CommandTimedOut("no answer"))
    response = await api.post(SEND, POINT | {"updateType": "Full"})
    assert_problem(response, 504, "command-timeout")
    (one,) = (await api.get("/api/local-lists")).json()
    assert (one["state"], one["version"], one["lastVersion"]) == ("unknown", None, 1)
