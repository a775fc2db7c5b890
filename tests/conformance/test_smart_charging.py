"""Cases of the smart charging profile."""

from __future__ import annotations

from tests.conformance.station import Payload, Station, moment, parsed

ACCEPTED = {"status": "Accepted"}


def schedule(unit: str = "A", limit: float = 6.0, **fields: object) -> Payload:
    """A chargingSchedule of one period."""
    period = {"startPeriod": 0, "limit": limit}
    return {"chargingRateUnit": unit, "chargingSchedulePeriod": [period]} | fields


def profile(number: int, purpose: str, kind: str, schedule: Payload, **fields: object) -> Payload:
    """A chargingProfile at stack level 0."""
    return {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
    } | fields


def absolute(
    number: int, purpose: str, unit: str = "A", limit: float = 6.0, **fields: object
) -> Payload:
    """A profile with all its dates and a duration."""
    dates = {"validFrom": moment(-5), "validTo": moment(60)}
    dated = schedule(unit, limit, startSchedule=moment(-5), duration=3600)
    return profile(number, purpose, "Absolute", dated, **dates, **fields)


def set_profile(
    station: Station, connector: int, wanted: Payload, status: str = "Accepted"
) -> Payload:
    """SetChargingProfile as the operator gave it; the profile as it arrived."""
    fields = {"connectorId": connector, "csChargingProfiles": wanted}
    commanded = station.command("set-charging-profile", fields, {"status": status})
    assert commanded.sent["connectorId"] == connector
    arrived: Payload = commanded.sent["csChargingProfiles"]
    assert same(arrived, wanted)
    assert commanded.answer["chargingProfileId"] == wanted["chargingProfileId"]
    return arrived


def same(arrived: Payload, wanted: Payload) -> bool:
    """Whether two profiles are the same, however their times are spelled."""
    return _comparable(arrived) == _comparable(wanted)


def _comparable(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: int(parsed(child).timestamp() * 1000)
            if name in {"validFrom", "validTo", "startSchedule"}
            else _comparable(child)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [_comparable(each) for each in value]
    return value


def installed(station: Station) -> dict[int, Payload]:
    """The profiles that the station has by the server's books, by chargingProfileId."""
    found = station.listed("/api/charging-profiles/installed")
    return {each["chargingProfileId"]: each for each in found}


def test_tc_056_smart_charging_tx_default_profile(station: Station) -> None:
    station.booted()
    for number, unit, limit in ((561, "A", 6.0), (562, "W", 6000.0)):
        wanted = absolute(number, "TxDefaultProfile", unit, limit)
        arrived = set_profile(station, 1, wanted)
        assert {"validFrom", "validTo"} <= arrived.keys()
        assert {"startSchedule", "duration"} <= arrived["chargingSchedule"].keys()
        assert not {"transactionId", "recurrencyKind"} & arrived.keys()
        assert arrived["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == limit
        # The same purpose and stack level: the second takes the place of the first.
        (kept,) = station.listed("/api/charging-profiles/installed")
        assert (kept["chargingProfileId"], kept["connectorId"]) == (number, 1)
        assert (kept["purpose"], kept["transactionId"]) == ("TxDefaultProfile", None)
        assert same(kept["chargingProfile"], wanted)


def test_tc_057_smart_charging_tx_profile(station: Station) -> None:
    station.booted()
    number = station.charging()
    for wanted in (
        absolute(571, "TxProfile", transactionId=number),
        profile(572, "TxProfile", "Relative", schedule(limit=6.5), transactionId=number),
    ):
        arrived = set_profile(station, 1, wanted)
        assert arrived["transactionId"] == number
        assert "recurrencyKind" not in arrived
        assert ("startSchedule" in arrived["chargingSchedule"]) == (
            arrived["chargingProfileKind"] == "Absolute"
        )
        kept = installed(station)
        assert list(kept) == [wanted["chargingProfileId"]]
        assert kept[wanted["chargingProfileId"]]["transactionId"] == number
    assert station.transaction(number)["chargingLimit"]["limit"] == 6.5
    station.is_running(number)
    # The profile of a transaction ends with it.
    station.stop(number, "Local")
    assert installed(station) == {}


def test_tc_059_remote_start_with_profile(station: Station) -> None:
    station.know(station.tag)
    station.booted()
    station.status(1, "Preparing")
    wanted = {
        "idTag": station.tag,
        "connectorId": 1,
        "chargingProfile": profile(591, "TxProfile", "Relative", schedule()),
    }
    sent = station.command("remote-start", wanted, ACCEPTED).sent
    assert sent == wanted
    assert "transactionId" not in sent["chargingProfile"]
    station.authorized()
    number = station.start()
    station.status(1, "Charging")
    station.is_running(number)
    kept = installed(station)[591]
    assert (kept["transactionId"], kept["connectorId"]) == (number, 1)
    assert station.transaction(number)["chargingLimit"]["limit"] == 6.0


def test_tc_066_composite_schedule(station: Station) -> None:
    station.booted()
    set_profile(station, 1, absolute(661, "TxDefaultProfile"))
    response = {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": moment(),
        "chargingSchedule": schedule(duration=300),
    }
    wanted = {"connectorId": 1, "duration": 300, "chargingRateUnit": "A"}
    assert station.command("get-composite-schedule", wanted, response).sent == wanted
    (kept,) = station.listed("/api/composite-schedules")
    assert (kept["connectorId"], kept["requestedDuration"]) == (1, 300)
    assert kept["requestedUnit"] == "A"
    assert kept["chargingSchedule"] == response["chargingSchedule"]
    refused = station.command("get-composite-schedule", wanted, {"status": "Rejected"})
    assert not refused.answer["success"]
    assert len(station.listed("/api/composite-schedules")) == 1


def clear(station: Station, *left: int, **criteria: object) -> None:
    """ClearChargingProfile with exactly these criteria, and what is left then."""
    assert station.command("clear-charging-profile", criteria, ACCEPTED).sent == criteria
    assert set(installed(station)) == set(left)


def test_tc_067_clear_charging_profile(station: Station) -> None:
    station.booted()
    number = station.charging()
    set_profile(station, 0, absolute(671, "ChargePointMaxProfile"))
    set_profile(station, 1, absolute(672, "TxDefaultProfile"))
    set_profile(station, 1, absolute(673, "TxProfile", transactionId=number))
    assert set(installed(station)) == {671, 672, 673}
    clear(station, 671, 673, id=672)
    clear(
        station,
        673,
        connectorId=0,
        chargingProfilePurpose="ChargePointMaxProfile",
        stackLevel=0,
    )
    clear(station)
    station.is_running(number)
