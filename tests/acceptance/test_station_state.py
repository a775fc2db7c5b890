"""Reservations, charging profiles and local lists: one test per action, over real sockets.

A raw station answers; its frames and ours are checked by a validator that the server does not use.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from importlib import resources
from typing import Any

import jsonschema
import pytest

from tests.support.server import Server
from tests.support.sync_station import Payload, SyncStation, connected

POINT = {"chargePointId": "CP001"}


def _exact(node: Any) -> Any:
    """A schema whose multipleOf is no binary fraction."""
    if isinstance(node, dict):
        return {
            key: Decimal(str(value)) if key == "multipleOf" else _exact(value)
            for key, value in node.items()
        }
    return [_exact(each) for each in node] if isinstance(node, list) else node


def decimals(text: str) -> Any:
    """JSON whose fractions are read as they are spelled."""
    return json.loads(text, parse_float=Decimal)


def check(name: str, payload: Any) -> None:
    """Check a payload, its fractions read as decimals, against the official schema."""
    file = resources.files("ocpp.v16.schemas").joinpath(f"{name}.json")
    schema = _exact(json.loads(file.read_text("utf-8-sig")))
    checker = jsonschema.FormatChecker()
    jsonschema.Draft4Validator(schema, format_checker=checker).validate(payload)


class Plug:
    """A station between the server and the test: it answers one command as it is told."""

    def __init__(self, server: Server, station: SyncStation) -> None:
        self.server = server
        self.station = station

    def command(
        self, name: str, body: Payload, *answers: Payload, status: int = 200
    ) -> tuple[Payload, list[tuple[str, Payload]]]:
        """POST a command; the API's answer, and the CALLs that came of it: action and payload."""
        calls: list[tuple[str, Payload]] = []

        def answer() -> None:
            for each in answers:
                text = self.station.websocket.recv(timeout=10)
                assert isinstance(text, str)
                kind, message_id, action, payload = json.loads(text)
                assert kind == 2
                check(action, decimals(text)[3])
                check(f"{action}Response", decimals(json.dumps(each)))
                calls.append((action, payload))
                self.station.websocket.send(json.dumps([3, message_id, each]))

        thread = threading.Thread(target=answer)
        thread.start()
        response = self.server.request("POST", f"/api/commands/{name}", POINT | body)
        thread.join(10)
        assert response.status == status, response
        assert len(calls) == len(answers)
        return response.body, calls

    def call(self, action: str, payload: Payload) -> Payload:
        """A CALL of the station's; the answer's payload."""
        check(action, decimals(json.dumps(payload)))
        frame = self.station.call(action, payload)
        assert frame[0] == 3, frame
        check(f"{action}Response", frame[2])
        answer: Payload = frame[2]
        return answer

    def status(self, status: str, connector: int = 1) -> None:
        """A StatusNotification."""
        payload = {"connectorId": connector, "errorCode": "NoError", "status": status}
        self.call("StatusNotification", payload)

    def start(self, **changes: Any) -> int:
        """A StartTransaction; its id."""
        payload = {
            "connectorId": 1,
            "idTag": "TAG",
            "meterStart": 0,
            "timestamp": "2026-11-23T08:00:00Z",
        }
        number: int = self.call("StartTransaction", payload | changes)["transactionId"]
        return number

    def stop(self, number: int) -> None:
        """A StopTransaction."""
        self.call(
            "StopTransaction",
            {"transactionId": number, "meterStop": 10, "timestamp": "2026-11-23T09:00:00Z"},
        )


@pytest.fixture
def plug(server: Server) -> Iterator[Plug]:
    """A booted station whose connectors are available; the tag TAG is known."""
    tag = {"idTag": "TAG", "parentIdTag": "GROUP"}
    assert server.request("POST", "/api/authorizations", tag).status == 201
    with connected(server.url) as station:
        assert station.boot()["status"] == "Accepted"
        plug = Plug(server, station)
        for connector in (0, 1):
            plug.status("Available", connector)
        yield plug
    assert server.stop() == 0
    assert server.errors() == []


ACCEPTED = {"status": "Accepted"}
RESERVE = {"connectorId": 1, "idTag": "TAG", "parentIdTag": "GROUP", "expiresIn": 600}


def test_reserve_now_is_used_by_a_transaction(plug: Plug) -> None:
    shown, calls = plug.command("reserve-now", RESERVE, ACCEPTED)
    assert calls[0][0] == "ReserveNow"
    assert calls[0][1]["parentIdTag"] == "GROUP"
    plug.status("Reserved")
    number = plug.start(reservationId=shown["reservationId"])
    (one,) = plug.server.get("/api/reservations?state=used")
    assert one["transactionId"] == number
    plug.stop(number)
    # Refused with the station's word, and the whole station.
    for word in ("Faulted", "Occupied", "Unavailable", "Rejected"):
        plug.command("reserve-now", RESERVE | {"connectorId": 0}, {"status": word})
        assert plug.server.get("/api/reservations?limit=1")[0]["status"] == word


def test_cancel_reservation(plug: Plug) -> None:
    shown, _ = plug.command("reserve-now", RESERVE, ACCEPTED)
    plug.status("Reserved")
    body = {"reservationId": shown["reservationId"]}
    _, calls = plug.command("cancel-reservation", body, ACCEPTED)
    assert calls == [("CancelReservation", body)]
    plug.status("Available")
    found = plug.server.get(f"/api/reservations/{shown['id']}")
    assert [each["state"] for each in found["history"]] == ["requested", "accepted", "cancelled"]
    # TC_052: one that nobody knows is sent, and refused by the station.
    answer, _ = plug.command("cancel-reservation", {"reservationId": 987}, {"status": "Rejected"})
    assert (answer["success"], answer["status"]) == (False, "Rejected")


@pytest.mark.slow
def test_a_reservation_expires(server: Server, plug: Plug) -> None:
    plug.command("reserve-now", RESERVE | {"expiresIn": 1}, ACCEPTED)
    assert server.stop() == 0
    # The look of the next start comes at once.
    server.start(lambda: server.request("GET", "/api/reservations?state=expired").body != [])
    (one,) = server.get("/api/reservations")
    assert one["state"] == "expired"


def profile(number: int, purpose: str, limit: float = 6.0, **changes: Any) -> Payload:
    return {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "validFrom": "2026-01-01T00:00:00Z",
        "validTo": "2099-01-01T00:00:00Z",
        "chargingSchedule": {
            "duration": 2_000_000_000,
            "startSchedule": "2026-01-01T00:00:00Z",
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit, "numberPhases": 3}],
        },
    } | changes


def installed(plug: Plug) -> set[int]:
    shown = plug.server.get("/api/charging-profiles/installed")
    return {each["chargingProfileId"] for each in shown}


def test_set_charging_profile(plug: Plug) -> None:
    number = plug.start()
    for connector, given in (
        (1, profile(1, "TxDefaultProfile")),
        (1, profile(2, "TxProfile", 21.4, transactionId=number)),
        (0, profile(3, "ChargePointMaxProfile", 1.1)),
    ):
        body = {"connectorId": connector, "csChargingProfiles": given}
        _, calls = plug.command("set-charging-profile", body, ACCEPTED)
        assert calls == [("SetChargingProfile", body)]
    assert installed(plug) == {1, 2, 3}
    (running,) = plug.server.get("/api/transactions")
    assert running["chargingLimit"]["limit"] == 1.1
    assert running["chargingLimit"]["chargingProfileId"] == 3
    # 4.11 is refused before it is sent.
    bad = {"connectorId": 1, "csChargingProfiles": profile(9, "TxDefaultProfile", 4.11)}
    answer, _ = plug.command("set-charging-profile", bad, status=422)
    assert answer["type"] == "charging-profile-rule"
    # So is it by any other door.
    generic = {"action": "SetChargingProfile", "payload": bad}
    plug.command("generic", generic, status=400)
    plug.stop(number)
    assert installed(plug) == {1, 3}


def test_clear_charging_profile(plug: Plug) -> None:
    number = plug.start()
    for connector, given in (
        (0, profile(1, "ChargePointMaxProfile")),
        (1, profile(2, "TxDefaultProfile")),
        (1, profile(3, "TxProfile", transactionId=number)),
    ):
        body = {"connectorId": connector, "csChargingProfiles": given}
        plug.command("set-charging-profile", body, ACCEPTED)
    left = []
    for criteria in (
        {"id": 1},
        {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0},
        {},
    ):
        _, calls = plug.command("clear-charging-profile", criteria, ACCEPTED)
        assert calls == [("ClearChargingProfile", criteria)]
        left.append(installed(plug))
    assert left == [{2, 3}, {3}, set()]
    plug.command("clear-charging-profile", {"id": 1}, {"status": "Unknown"})


def test_get_composite_schedule(plug: Plug) -> None:
    for limit, duration in ((21.4, 600), (-1, 8638204643667)):
        schedule = {
            "duration": duration,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit, "numberPhases": -1}],
        }
        answer = ACCEPTED | {
            "connectorId": 1,
            "scheduleStart": "2026-11-23T08:00:00Z",
            "chargingSchedule": schedule,
        }
        body = {"connectorId": 1, "duration": 600, "chargingRateUnit": "A"}
        _, calls = plug.command("get-composite-schedule", body, answer)
        assert calls == [("GetCompositeSchedule", body)]
    kept = plug.server.get("/api/composite-schedules?chargePointId=CP001")
    limits = [each["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] for each in kept]
    assert limits == [-1, 21.4]
    (newest,) = plug.server.get("/api/composite-schedules?latest=true")
    assert newest["chargingSchedule"]["duration"] == 8638204643667


def test_a_remote_start_with_a_profile(plug: Plug) -> None:
    given = profile(8, "TxProfile")
    payload = {"idTag": "TAG", "connectorId": 1, "chargingProfile": given}
    body = {"action": "RemoteStartTransaction", "payload": payload}
    _, calls = plug.command("generic", body, ACCEPTED)
    assert calls == [("RemoteStartTransaction", payload)]
    shown = plug.server.get("/api/charging-profiles/installed?state=all")
    assert [each["chargingProfileId"] for each in shown] == [8]


def test_get_local_list_version(plug: Plug) -> None:
    for version, state in ((-1, "not-supported"), (0, "accepted")):
        shown, calls = plug.command("get-local-list-version", {}, {"listVersion": version})
        assert calls == [("GetLocalListVersion", {})]
        assert shown["listVersion"] == version
        assert plug.server.get("/api/local-lists/CP001")["state"] == state


def test_send_local_list(plug: Plug) -> None:
    for word, state in (("NotSupported", "not-supported"), ("Failed", "failed")):
        plug.command("send-local-list", {"updateType": "Full"}, {"status": word})
        assert plug.server.get("/api/local-lists/CP001")["state"] == state
    shown, calls = plug.command("send-local-list", {"updateType": "Full"}, ACCEPTED)
    full = calls[0][1]
    assert full["updateType"] == "Full"
    assert all("idTagInfo" in each for each in full["localAuthorizationList"])
    plug.server.request("POST", "/api/authorizations", {"idTag": "NEW"})
    shown, calls = plug.command("send-local-list", {"updateType": "Differential"}, ACCEPTED)
    assert calls[0][1] == {
        "listVersion": full["listVersion"] + 1,
        "updateType": "Differential",
        "localAuthorizationList": [{"idTag": "NEW", "idTagInfo": {"status": "Accepted"}}],
    }
    assert shown["listVersion"] == full["listVersion"] + 1
    # Another version than expected: everything, higher than both.
    shown, calls = plug.command("send-local-list", {}, {"listVersion": 50}, ACCEPTED)
    assert [action for action, _ in calls] == ["GetLocalListVersion", "SendLocalList"]
    assert (shown["updateType"], shown["listVersion"], shown["entries"]) == ("Full", 51, 2)
    found = plug.server.get("/api/local-lists/CP001")
    assert (found["state"], found["version"], found["pendingChanges"]) == ("accepted", 51, 0)
    assert [each["idTag"] for each in found["tags"]] == ["NEW", "TAG"]
