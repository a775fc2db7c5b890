"""Sessions that come again, late, refused, or with a wrong clock.

One test per row of the scorecard in docs/reliability.md; after each the server is as before.
"""

from __future__ import annotations

from datetime import datetime

from tests.acceptance.scorecard import (
    PAST,
    meter,
    new_name,
    now,
    result,
    review,
    start,
    stop,
    transactions,
)
from tests.support.server import Server
from tests.support.sync_station import connected
from tests.support.waiting import until


def test_s21_a_start_that_comes_again_is_the_same_across_restart_and_crash(
    well_server: Server,
) -> None:
    name, payload = new_name(), start(idTag="CHANGES")
    with connected(well_server.url, name) as station:
        station.boot()
        first, *others = [result(station, "StartTransaction", payload) for _ in range(3)]
        assert first["idTagInfo"]["status"] == "Accepted"
        assert others == [first, first]
    blocked = {"idTag": "CHANGES", "status": "Blocked"}
    assert well_server.request("POST", "/api/authorizations", blocked).status == 201
    assert well_server.stop() == 0
    well_server.start()
    unread = start(connectorId=2)
    with connected(well_server.url, name) as station:
        # With its first answer, although the tag is blocked by now.
        assert result(station, "StartTransaction", payload) == first
        station.send("StartTransaction", unread)
        stored = until(
            lambda: [row for row in transactions(well_server, name) if row["connectorId"] == 2]
        )
        well_server.kill()
    well_server.start()
    with connected(well_server.url, name) as station:
        assert result(station, "StartTransaction", payload) == first
        again = result(station, "StartTransaction", unread)
    assert [again["transactionId"]] == [row["id"] for row in stored]
    assert len(transactions(well_server, name)) == 2


def test_s23_a_stop_counts_once_and_another_is_kept_beside_it(well_server: Server) -> None:
    name = new_name()
    with connected(well_server.url, name) as station:
        station.boot()
        number = result(station, "StartTransaction", start())["transactionId"]
        for _ in range(2):
            assert result(station, "StopTransaction", stop(number)) == {}
        other = stop(number, meterStop=9000)
        assert result(station, "StopTransaction", other) == {}
    (row,) = transactions(well_server, name)
    assert (row["isComplete"], row["meterStop"], row["energyDelivered"]) == (True, 4000, 4.0)
    (item,) = review(well_server, name)
    assert (item["kind"], item["message"], item["suggestion"]) == ("conflict", other, number)


def test_s24_what_belongs_to_no_transaction_of_the_station_waits_for_a_person(
    well_server: Server,
) -> None:
    name, neighbour = new_name(), new_name()
    with connected(well_server.url, neighbour) as station:
        station.boot()
        foreign = result(station, "StartTransaction", start())["transactionId"]
    sent = [
        (action, make(number))
        for number in (-1, 0, 2**63 - 1, foreign)
        for action, make in (("MeterValues", meter), ("StopTransaction", stop))
    ]
    with connected(well_server.url, name) as station:
        station.boot()
        for action, payload in sent:
            assert result(station, action, payload) == {}
    items = [(item["action"], item["message"]) for item in review(well_server, name)]
    assert sorted(items, key=str) == sorted(sent, key=str)
    assert {item["kind"] for item in review(well_server, name)} == {"unmatched"}
    (row,) = transactions(well_server, neighbour)
    assert (row["isComplete"], row["lastMeterValue"]) == (False, None)
    assert transactions(well_server, name) == []


def test_s26_a_refused_start_has_a_number_and_a_reason(well_server: Server) -> None:
    name = new_name()
    expected = {"BLOCKED": "Blocked", "EXPIRED": "Expired", "NOBODY": "Invalid", "A\0B": "Invalid"}
    with connected(well_server.url, name) as station:
        station.boot()
        for connector, (tag, status) in enumerate(expected.items(), 1):
            payload = start(idTag=tag, connectorId=connector)
            answer = result(station, "StartTransaction", payload)
            assert answer["transactionId"] > 0
            assert answer["idTagInfo"]["status"] == status, tag
            # A station that charges all the same is listened to.
            assert result(station, "MeterValues", meter(answer["transactionId"])) == {}
            assert result(station, "StopTransaction", stop(answer["transactionId"])) == {}
    rows = sorted(transactions(well_server, name), key=lambda row: row["connectorId"])
    assert [row["authorizationStatus"] for row in rows] == list(expected.values())
    assert {row["energyDelivered"] for row in rows} == {4.0}
    assert review(well_server, name) == []
    unknown = well_server.get(f"/api/authorizations/unknown?chargePointId={name}")
    assert "NOBODY" in {tag["idTag"] for tag in unknown}


SPELLINGS = {
    "2024-05-01T08:00:00Z": PAST,
    "2024-05-01T08:00:00.123Z": "2024-05-01T08:00:00.123Z",
    "2024-05-01T08:00:00.123456789Z": "2024-05-01T08:00:00.123Z",
    "2024-05-01T08:00:00,5Z": "2024-05-01T08:00:00.500Z",
    "2024-05-01t08:00:00z": PAST,
    "2024-05-01 08:00:00Z": PAST,
    "2024-05-01T08:00Z": PAST,
    "2024-05-01T08:00:00": PAST,
    "2024-05-01T10:00:00+02:00": PAST,
    "2024-05-01T10:00:00+0200": PAST,
    "2024-05-01T02:30:00-05:30": PAST,
    "2024-05-01T07:59:60Z": PAST,
    "2024-04-30T24:00:00Z": "2024-05-01T00:00:00Z",
    # Not to be believed: when the message came counts.
    "0001-01-01T00:00:00+14:00": None,
    "1970-01-01T00:00:00Z": None,
    "9999-12-31T23:59:59Z": None,
    "2024-02-30T08:00:00Z": None,
    "2024-W18-3T08:00:00Z": None,
    "1714550400": None,
    "": None,
}


def is_between(began: str, moment: str) -> bool:
    """Whether a moment lies between another and now; as texts they sort otherwise."""
    parse = datetime.fromisoformat
    return parse(began) <= parse(moment) <= parse(now())


def test_s27_no_spelling_of_a_time_loses_a_message(well_server: Server) -> None:
    name, began = new_name(), now()
    numbers: dict[str, int] = {}
    with connected(well_server.url, name) as station:
        station.boot()
        for connector, text in enumerate(SPELLINGS, 1):
            payload = start(connectorId=connector, timestamp=text)
            numbers[text] = number = result(station, "StartTransaction", payload)["transactionId"]
            assert result(station, "MeterValues", meter(number, text)) == {}
            assert result(station, "StopTransaction", stop(number, timestamp=text)) == {}
    assert len(set(numbers.values())) == len(SPELLINGS) == 20
    assert len(transactions(well_server, name)) == 20
    for text, expected in SPELLINGS.items():
        row = well_server.get(f"/api/transactions/{numbers[text]}")
        (value,) = well_server.get(f"/api/meter-values?transactionId={numbers[text]}")
        for moment in (row["startTimestamp"], value["timestamp"], row["stopTimestamp"]):
            assert moment == expected or (expected is None and is_between(began, moment)), text
        assert ("implausible-clock" in row["flags"]) is (expected is None), text
        assert (row["isComplete"], row["energyDelivered"]) == (True, 4.0), text
