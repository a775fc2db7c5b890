"""Commands: what goes to the charge point, what comes back, and every way to fail."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio import config, errors
from ocpp_trio.api.problems import Problem
from ocpp_trio.api.sending import check
from ocpp_trio.store import charge_points, commands
from tests.api.support import Api, assert_problem

Body = dict[str, Any]

SETTINGS = config.load({})


def profile(limit: float = 1.1, **changes: Any) -> Body:
    """A charging profile for a remote start."""
    periods = [{"startPeriod": 0, "limit": limit}]
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods},
    } | changes


def path(name: str) -> str:
    return f"/api/commands/{name}"


@pytest.mark.parametrize(
    ("name", "body", "action", "payload"),
    [
        (
            "remote-start",
            {"idTag": "T", "connectorId": 1},
            "RemoteStartTransaction",
            {"idTag": "T", "connectorId": 1},
        ),
        ("remote-start", {"idTag": "T"}, "RemoteStartTransaction", {"idTag": "T"}),
        (
            "remote-start",
            {"idTag": "T", "connectorId": 0},
            "RemoteStartTransaction",
            {"idTag": "T"},
        ),
        ("remote-stop", {"transactionId": 7}, "RemoteStopTransaction", {"transactionId": 7}),
        ("reset", {"type": "Hard"}, "Reset", {"type": "Hard"}),
        ("unlock-connector", {"connectorId": 2}, "UnlockConnector", {"connectorId": 2}),
        ("get-configuration", {"keys": ["a", "b", "a"]}, "GetConfiguration", {"key": ["a", "b"]}),
        ("get-configuration", {}, "GetConfiguration", {}),
        (
            "change-configuration",
            {"key": "k", "value": ""},
            "ChangeConfiguration",
            {"key": "k", "value": ""},
        ),
        ("clear-cache", {}, "ClearCache", {}),
        (
            "trigger-message",
            {"requestedMessage": "MeterValues", "connectorId": 1},
            "TriggerMessage",
            {"requestedMessage": "MeterValues", "connectorId": 1},
        ),
        (
            "trigger-message",
            {"requestedMessage": "Heartbeat", "connectorId": 0},
            "TriggerMessage",
            {"requestedMessage": "Heartbeat"},
        ),
        ("unlock-connector", {"connectorId": 99}, "UnlockConnector", {"connectorId": 99}),
        ("unlock-connector", {"connectorId": 0}, "UnlockConnector", {"connectorId": 0}),
        (
            "change-availability",
            {"connectorId": 0, "type": "Operative"},
            "ChangeAvailability",
            {"connectorId": 0, "type": "Operative"},
        ),
        ("data-transfer", {"vendorId": "v"}, "DataTransfer", {"vendorId": "v"}),
        (
            "data-transfer",
            {"vendorId": "v", "messageId": "m", "data": ""},
            "DataTransfer",
            {"vendorId": "v", "messageId": "m", "data": ""},
        ),
        (
            "extended-trigger-message",
            {"requestedMessage": "SignChargePointCertificate"},
            "ExtendedTriggerMessage",
            {"requestedMessage": "SignChargePointCertificate"},
        ),
        (
            "extended-trigger-message",
            {"requestedMessage": "StatusNotification", "connectorId": 0},
            "ExtendedTriggerMessage",
            {"requestedMessage": "StatusNotification", "connectorId": 0},
        ),
        (
            "remote-start",
            {"idTag": "T", "chargingProfile": profile()},
            "RemoteStartTransaction",
            {"idTag": "T", "chargingProfile": profile()},
        ),
        (
            "generic",
            {"action": "CancelReservation", "payload": {"reservationId": 4711}},
            "CancelReservation",
            {"reservationId": 4711},
        ),
        ("generic", {"action": "ClearCache"}, "ClearCache", {}),
        ("generic", {"action": "ClearCache", "payload": None}, "ClearCache", {}),
        (
            "generic",
            {
                "action": "GetDiagnostics",
                "payload": {"location": "ftp://example.com/diagnostics", "retries": 3},
            },
            "GetDiagnostics",
            {"location": "ftp://example.com/diagnostics", "retries": 3},
        ),
    ],
)
async def test_what_is_sent(
    api: Api, name: str, body: Body, action: str, payload: dict[str, Any]
) -> None:
    station = await api.connect()
    response = await api.post(path(name), {"chargePointId": "CP001", **body, "unknown": 1})
    assert response.status_code == 200, response.text
    assert station.received == [(action, payload)]
    shown = response.json()
    assert shown["success"] is True
    assert shown["status"] == "Accepted"
    assert shown["response"] == {"status": "Accepted"}
    assert shown["message"] == "charge point CP001 answered Accepted"
    record = (await api.get(path(str(shown["commandId"])))).json()
    assert record["action"] == action
    assert record["payload"] == payload
    assert record["actor"] == "local"


@pytest.mark.parametrize(
    ("answer", "success", "status"),
    [
        ({"status": "Rejected"}, False, "Rejected"),
        ({"status": "Unlocked"}, True, "Unlocked"),
        ({"status": "UnlockFailed"}, False, "UnlockFailed"),
        ({"status": "RebootRequired"}, False, "RebootRequired"),
        ({"fileName": "diagnostics.zip"}, True, None),
        ({}, True, None),
    ],
)
async def test_success_is_the_stations_word(
    api: Api, answer: dict[str, Any], success: bool, status: str | None
) -> None:
    station = await api.connect()
    station.answers.append(answer)
    shown = (await api.post(path("clear-cache"), {"chargePointId": "CP001"})).json()
    assert (shown["success"], shown["status"], shown["response"]) == (success, status, answer)


async def test_get_configuration_by_get(api: Api) -> None:
    station = await api.connect("DE*A:1 x")
    known = [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]
    station.answers += [{"configurationKey": known, "unknownKey": ["b"]}, {}]
    query = {"chargePointId": "DE*A:1 x", "keys": "HeartbeatInterval, b,"}
    shown = (await api.get(path("get-configuration"), params=query)).json()
    assert station.received[0] == ("GetConfiguration", {"key": ["HeartbeatInterval", "b"]})
    assert shown["success"] is True
    assert shown["configurationKey"] == known
    assert shown["unknownKey"] == ["b"]
    every = (await api.get(path("get-configuration"), params={"chargePointId": "DE*A:1 x"})).json()
    assert station.received[1] == ("GetConfiguration", {})
    assert (every["configurationKey"], every["unknownKey"]) == ([], [])
    missing = await api.get(path("get-configuration"))
    assert_problem(missing, 400, "invalid-request")


async def test_remote_stop_by_connector_takes_the_newest_running(api: Api) -> None:
    station = await api.connect()
    await api.start(connector_id=1, timestamp="2026-11-23T06:00:00Z")
    newest = await api.start(connector_id=1)
    await api.start(connector_id=2)
    body = {"chargePointId": "CP001", "connectorId": 1, "reason": "Completed"}
    shown = (await api.post(path("remote-stop"), body)).json()
    assert station.received == [("RemoteStopTransaction", {"transactionId": newest})]
    assert shown["transactionId"] == newest
    stored = (await api.get(f"/api/transactions?transactionId={newest}")).json()[0]
    assert stored["remoteStopReason"] == "Completed"


async def test_remote_stop_with_both_takes_the_transaction(api: Api) -> None:
    station = await api.connect()
    first = await api.start(connector_id=1)
    await api.start(connector_id=2)
    body = {"chargePointId": "CP001", "transactionId": first, "connectorId": 2}
    assert (await api.post(path("remote-stop"), body)).json()["transactionId"] == first
    zero = {"chargePointId": "CP001", "transactionId": 0, "connectorId": 1}
    assert (await api.post(path("remote-stop"), zero)).json()["transactionId"] == first
    assert [payload["transactionId"] for _, payload in station.received] == [first, first]


async def test_remote_stop_of_a_transaction_nobody_knows_is_sent(api: Api) -> None:
    station = await api.connect()
    body = {"chargePointId": "CP001", "transactionId": 4711, "reason": "Completed"}
    assert (await api.post(path("remote-stop"), body)).json()["transactionId"] == 4711
    assert station.received == [("RemoteStopTransaction", {"transactionId": 4711})]


async def test_remote_stop_keeps_no_reason_that_was_refused_or_is_anothers(api: Api) -> None:
    station = await api.connect()
    mine = await api.start()
    other = await api.start("CP002")
    station.answers.append({"status": "Rejected"})
    for number in (mine, other):
        body = {"chargePointId": "CP001", "transactionId": number, "reason": "Completed"}
        assert (await api.post(path("remote-stop"), body)).status_code == 200
    reasons = [each["remoteStopReason"] for each in (await api.get("/api/transactions")).json()]
    assert reasons == [None, None]


async def test_a_command_that_was_carried_out_is_answered_whatever_the_database_does(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.connect()
    number = await api.start()
    write = api.database.write

    async def fail(unit: Any, *arguments: Any) -> Any:
        if unit is commands.finish:
            raise errors.StoreUnavailable("disk full")
        return await write(unit, *arguments)

    monkeypatch.setattr(api.database, "write", fail)
    body = {"chargePointId": "CP001", "transactionId": number, "reason": "Completed"}
    assert (await api.post(path("remote-stop"), body)).json()["success"] is True


async def test_remote_stop_of_nothing(api: Api) -> None:
    station = await api.connect()
    body: Body = {"chargePointId": "CP001"}
    problem = assert_problem(await api.post(path("remote-stop"), body), 400, "invalid-request")
    assert [each["field"] for each in problem["errors"]] == ["transactionId", "connectorId"]
    response = await api.post(path("remote-stop"), body | {"connectorId": 9})
    assert_problem(response, 404, "not-found")
    assert station.received == []


@pytest.mark.parametrize("name", ["change-configuration", "generic"])
@pytest.mark.parametrize(
    ("status", "value", "stored"),
    [
        ("Accepted", "300", 300),
        ("RebootRequired", "300", 300),
        ("Rejected", "300", 60),
        ("Accepted", "soon", 60),
        ("Accepted", "0", 60),
        ("Accepted", "\uff19", 60),
        ("Accepted", "9" * 400, 60),
    ],
)
async def test_an_interval_that_was_taken_is_kept(
    api: Api, name: str, status: str, value: str, stored: int
) -> None:
    station = await api.connect()
    station.answers.append({"status": status})
    change = {"key": "heartbeatinterval", "value": value}
    if name == "generic":
        change = {"action": "ChangeConfiguration", "payload": change}  # type: ignore[dict-item]
    response = await api.post(path(name), {"chargePointId": "CP001", **change})
    assert response.status_code == 200
    assert (await api.get("/api/charge-points/CP001")).json()["heartbeatInterval"] == stored
    row = await api.database.read(charge_points.find, "CP001")
    assert row is not None
    assert row["heartbeat_interval"] == (None if stored == 60 else stored)


@pytest.mark.parametrize("key", ["AuthorizationKey", "authorizationkey", "SecurityProfile"])
async def test_keys_that_no_command_changes(api: Api, key: str) -> None:
    station = await api.connect()
    change = {"key": key, "value": "00112233445566778899"}
    for name, body in (
        ("change-configuration", change),
        ("generic", {"action": "ChangeConfiguration", "payload": change}),
    ):
        response = await api.post(path(name), {"chargePointId": "CP001", **body})
        problem = assert_problem(response, 403, "forbidden")
        assert "key/rotate or /security-profile" in problem["detail"]
    assert station.received == []


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("remote-start", {}, "idTag"),
        ("remote-start", {"idTag": ""}, "idTag"),
        ("remote-start", {"idTag": "x" * 21}, "idTag"),
        ("remote-start", {"idTag": "T", "connectorId": -1}, "connectorId"),
        ("remote-start", {"idTag": "T", "connectorId": "1"}, "connectorId"),
        ("remote-stop", {"transactionId": 1.5}, "transactionId"),
        ("remote-stop", {"transactionId": 10**30}, "transactionId"),
        ("reset", {}, "type"),
        ("reset", {"type": "soft"}, "type"),
        ("unlock-connector", {}, "connectorId"),
        ("unlock-connector", {"connectorId": -1}, "connectorId"),
        ("get-configuration", {"keys": "a"}, "keys"),
        ("get-configuration", {"keys": ["a", 1]}, "keys[1]"),
        ("get-configuration", {"keys": ["x" * 51]}, "key.0"),
        ("change-configuration", {"key": "a"}, "value"),
        ("change-configuration", {"key": "a", "value": 60}, "value"),
        ("change-configuration", {"key": "", "value": "60"}, "key"),
        ("change-configuration", {"key": "a", "value": "x" * 501}, "value"),
        ("trigger-message", {"requestedMessage": "LogStatusNotification"}, "requestedMessage"),
        ("change-availability", {"type": "Operative"}, "connectorId"),
        ("change-availability", {"connectorId": 1, "type": "Off"}, "type"),
        ("data-transfer", {}, "vendorId"),
        ("data-transfer", {"vendorId": "x" * 256}, "vendorId"),
        ("data-transfer", {"vendorId": "v", "messageId": "x" * 51}, "messageId"),
        ("data-transfer", {"vendorId": "v", "data": {"a": 1}}, "data"),
        (
            "extended-trigger-message",
            {"requestedMessage": "DiagnosticsStatusNotification"},
            "requestedMessage",
        ),
        ("remote-start", {"idTag": "T", "chargingProfile": []}, "chargingProfile"),
        (
            "remote-start",
            {"idTag": "T", "chargingProfile": profile(limit=4.11)},
            "chargingProfile.chargingSchedule.chargingSchedulePeriod.0.limit",
        ),
        ("remote-start", {"idTag": "T", "chargingProfile": profile(extra=1)}, "chargingProfile"),
        ("generic", {}, "action"),
        ("generic", {"action": "StartTransaction"}, "action"),
        ("generic", {"action": "../../v201/Reset"}, "action"),
        ("generic", {"action": "Reset", "payload": {"type": "Warm"}}, "type"),
        ("generic", {"action": "Reset", "payload": []}, "payload"),
        (
            "generic",
            {"action": "UnlockConnector", "payload": {"connectorId": 10**20}},
            "connectorId",
        ),
        (
            "generic",
            {"action": "DataTransfer", "payload": {"vendorId": "a\u0000"}},
            "payload.vendorId",
        ),
    ],
)
async def test_bad_bodies_name_the_field_and_send_nothing(
    api: Api, name: str, body: Body, field: str
) -> None:
    station = await api.connect()
    response = await api.post(path(name), {"chargePointId": "CP001", **body})
    problem = assert_problem(response, 400, "invalid-request")
    assert problem["errors"][0]["field"] == field
    assert station.received == []


@pytest.mark.parametrize("name", ["remote-start", "generic"])
async def test_a_profile_against_the_rules_names_each(api: Api, name: str) -> None:
    station = await api.connect()
    wrong = profile(chargingProfilePurpose="TxDefaultProfile", transactionId=1)
    body: Body = {"idTag": "T", "chargingProfile": wrong}
    if name == "generic":
        body = {"action": "RemoteStartTransaction", "payload": body}
    response = await api.post(path(name), {"chargePointId": "CP001", **body})
    problem = assert_problem(response, 422, "charging-profile-rule")
    assert {each["field"] for each in problem["errors"]} == {
        "chargingProfile.chargingProfilePurpose",
        "chargingProfile.transactionId",
    }
    assert station.received == []


@pytest.mark.parametrize(
    ("action", "why"),
    [("StartTransaction", "sent by charge points only"), ("Nonsense", "not an action of OCPP 1.6")],
)
async def test_an_action_that_is_none_of_ours_is_refused_with_the_reason(
    api: Api, action: str, why: str
) -> None:
    await api.connect()
    body = {"chargePointId": "CP001", "action": action}
    assert (
        why
        in assert_problem(await api.post(path("generic"), body), 400, "invalid-request")["detail"]
    )


@given(tenths=st.integers(0, 10**9))
def test_every_multiple_of_a_tenth_is_one(tenths: int) -> None:
    payload = {"connectorId": 1, "csChargingProfiles": profile(limit=tenths / 10)}
    check("SetChargingProfile", payload, SETTINGS)


@pytest.mark.parametrize("limit", [4.11, 0.05, 1e-9, 32.05])
def test_what_is_no_multiple_of_a_tenth_is_refused(limit: float) -> None:
    payload = {"connectorId": 1, "csChargingProfiles": profile(limit=limit)}
    with pytest.raises(Problem) as refused:
        check("SetChargingProfile", payload, SETTINGS)
    assert refused.value.errors[0][0].endswith(".limit")


async def test_data_that_comes_back(api: Api) -> None:
    station = await api.connect()
    station.answers += [{"status": "Accepted", "data": "pong"}, {"status": "UnknownVendorId"}]
    body = {"chargePointId": "CP001", "vendorId": "v"}
    shown = (await api.post(path("data-transfer"), body)).json()
    assert (shown["success"], shown["data"]) == (True, "pong")
    shown = (await api.post(path("data-transfer"), body)).json()
    assert (shown["success"], shown["status"], shown["data"]) == (False, "UnknownVendorId", None)


@pytest.mark.parametrize(
    "name",
    [
        "change-availability",
        "data-transfer",
        "extended-trigger-message",
        "remote-start",
        "remote-stop",
        "reset",
        "unlock-connector",
        "get-configuration",
        "change-configuration",
        "clear-cache",
        "trigger-message",
        "generic",
    ],
)
async def test_the_charge_point_must_be_named(api: Api, name: str) -> None:
    problem = assert_problem(await api.post(path(name), {}), 400, "invalid-request")
    assert "chargePointId" in problem["errors"][0]["field"]


@pytest.mark.parametrize(
    ("error", "status", "kind", "members"),
    [
        (errors.TooManyWaiting("16 wait"), 429, "too-many-commands", {}),
        (errors.CommandTimedOut("no answer"), 504, "command-timeout", {"outcome": "unknown"}),
        (errors.CommandReplaced("gone"), 504, "command-replaced", {"outcome": "unknown"}),
        (
            errors.CallErrorReceived("NotSupported", "no such thing"),
            502,
            "call-error",
            {"code": "NotSupported", "description": "no such thing"},
        ),
        (errors.InvalidAnswer("status is missing"), 502, "invalid-answer", {}),
        (errors.ChargePointOffline("gone before"), 503, "charge-point-offline", {}),
        (errors.CommandFailed("something else"), 502, "command-failed", {}),
    ],
)
async def test_every_way_to_fail(
    api: Api, error: errors.CommandFailed, status: int, kind: str, members: dict[str, str]
) -> None:
    station = await api.connect()
    station.answers.append(error)
    response = await api.post(path("clear-cache"), {"chargePointId": "CP001"})
    problem = assert_problem(response, status, kind)
    assert problem == problem | members
    assert ("outcome" in problem) == (status == 504)
    assert (response.headers.get("retry-after") is not None) == (status == 429)
    record = (await api.get(path(str(problem["commandId"])))).json()
    assert record["state"] == error.state


async def test_unknown_offline_and_not_accepted(api: Api) -> None:
    unknown = await api.post(path("clear-cache"), {"chargePointId": "nobody"})
    assert "commandId" not in assert_problem(unknown, 404, "charge-point-unknown")
    await api.register("CP009")
    offline = await api.post(path("clear-cache"), {"chargePointId": "CP009"})
    assert assert_problem(offline, 503, "charge-point-offline")["commandId"] > 0
    await api.connect(accepted=False)
    body = {"chargePointId": "CP001", "idTag": "T"}
    pending = await api.post(path("remote-start"), body)
    assert_problem(pending, 409, "charge-point-not-accepted")


async def test_too_many_wait(api: Api) -> None:
    await api.connect(waiting=16)
    response = await api.post(path("clear-cache"), {"chargePointId": "CP001"})
    assert_problem(response, 429, "too-many-commands")


async def test_timeout(api: Api) -> None:
    station = await api.connect()
    for url in (path("clear-cache"), path("clear-cache") + "?timeout=2.5&other=1"):
        assert (await api.post(url, {"chargePointId": "CP001"})).status_code == 200
    assert station.timeouts == [30, 2.5]
    for bad in ("0", "-1", "601", "nan", "inf", "soon"):
        url = f"{path('clear-cache')}?timeout={bad}"
        problem = assert_problem(
            await api.post(url, {"chargePointId": "CP001"}), 400, "invalid-request"
        )
        assert problem["errors"][0]["field"] == "timeout"


async def test_a_caller_who_leaves_does_not_hold_others_up(api: Api) -> None:
    await api.connect()
    with trio.CancelScope() as scope:
        scope.cancel()
        await api.post(path("clear-cache"), {"chargePointId": "CP001"})
    response = await api.post(path("clear-cache"), {"chargePointId": "CP001"})
    assert response.status_code == 200


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "9" * 30, "\uff11"])
async def test_unknown_command(api: Api, number: str) -> None:
    assert_problem(await api.get(path(number)), 404, "not-found")


async def test_a_command_has_all_its_fields(api: Api) -> None:
    await api.connect()
    shown = (await api.post(path("reset"), {"chargePointId": "CP001", "type": "Soft"})).json()
    record = (await api.get(path(str(shown["commandId"])))).json()
    assert record == {
        "id": shown["commandId"],
        "chargePointId": "CP001",
        "action": "Reset",
        "payload": {"type": "Soft"},
        "actor": "local",
        "state": "accepted",
        "createdAt": "2026-11-23T08:00:00Z",
        "sentAt": "2026-11-23T08:00:00Z",
        "answeredAt": "2026-11-23T08:00:00Z",
        "expiresAt": None,
        "response": {"status": "Accepted"},
        "error": None,
        "transactionId": None,
        "reason": None,
        "batchId": None,
    }
    problem = assert_problem(
        await api.get(path(f"{shown['commandId']}?verbose=1")), 400, "invalid-request"
    )
    assert problem["errors"][0]["field"] == "verbose"
