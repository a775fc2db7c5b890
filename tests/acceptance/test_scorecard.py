"""What charge points send that cannot be used.

One test per row of the scorecard in docs/reliability.md; after each the server is as before.
"""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed

from tests.acceptance.scorecard import meter, new_name, result, review, start, transactions
from tests.support.server import Server
from tests.support.sync_station import connected

UNANSWERABLE = ("[" * 100_000, '{"a":1}', '"text"', "[]", '[9,"x"]')


def test_s16_what_has_no_id_is_not_answered_and_ten_of_it_end_the_connection(
    well_server: Server,
) -> None:
    with connected(well_server.url, new_name()) as station:
        station.boot()
        for text in UNANSWERABLE:
            station.websocket.send(text)
            # Nothing comes before this answer.
            assert station.call("Heartbeat", {})[0] == 3
        for text in UNANSWERABLE:
            station.websocket.send(text)
        with pytest.raises(ConnectionClosed):
            station.websocket.recv(timeout=5)
        assert station.websocket.close_code == 1007


def _call(action: str, payload: str, message_id: str = "bad") -> str:
    return f'[2,"{message_id}","{action}",{payload}]'


STATUS = '"errorCode":"NoError","status":"Available"'
FORMATION, PROPERTY = "FormationViolation", "PropertyConstraintViolation"
REFUSED = {
    "tag too long": (_call("Authorize", '{"idTag":"123456789012345678901"}'), PROPERTY),
    "id too long": (_call("Heartbeat", "{}", "i" * 40), FORMATION),
    "id of a megabyte": (_call("Heartbeat", "{}", "i" * 1_000_000), FORMATION),
    "unknown action": (_call("Nonsense", "{}"), "NotImplemented"),
    "action as a path": (_call("../../v201/schemas/Heartbeat", "{}"), "NotImplemented"),
    "action of the other side": (_call("Reset", '{"type":"Soft"}'), "NotSupported"),
    "missing field": (_call("Authorize", "{}"), "OccurenceConstraintViolation"),
    "wrong type": (_call("Authorize", '{"idTag":[]}'), "TypeConstraintViolation"),
    "too deep": (_call("Heartbeat", '{"a":' + "[" * 500 + "]" * 500 + "}"), FORMATION),
    "not a number": (_call("StatusNotification", '{"connectorId":NaN}'), FORMATION),
    "half a character": (_call("Authorize", '{"idTag":"\\ud800"}'), FORMATION),
    "huge number": (_call("MeterValues", f'{{"connectorId":1{"0" * 30}}}'), PROPERTY),
}


def test_s18_each_mistake_has_its_code_in_a_short_answer(well_server: Server) -> None:
    with connected(well_server.url, new_name()) as station:
        station.boot()
        for name, (text, code) in REFUSED.items():
            station.websocket.send(text)
            answer = station.websocket.recv(timeout=5)
            assert len(answer) < 200, name
            kind, message_id, said, description, details = json.loads(answer)
            assert (kind, message_id, said) == (4, json.loads(text)[1][:36], code), name
            assert "/" not in description, name
            assert details == {}, name


def test_s20_before_its_first_boot_a_station_may_not_start(well_server: Server) -> None:
    name = new_name()
    with connected(well_server.url, name) as station:
        kind, _, code, *_ = station.call("StartTransaction", start())
        assert (kind, code) == (4, "SecurityError")
        assert transactions(well_server, name) == []
        # Refused, but not forgotten.
        (item,) = review(well_server, name)
        assert (item["action"], item["message"]) == ("StartTransaction", start())
        assert station.boot()["status"] == "Accepted"
    with connected(well_server.url, name) as station:
        # It has booted before: no other boot is needed.
        answer = result(station, "StartTransaction", start(meterStart=7))
        assert answer["idTagInfo"]["status"] == "Accepted"
    assert [row["meterStart"] for row in transactions(well_server, name)] == [7]


def test_t20_a_value_that_is_no_number_is_kept_as_text(well_server: Server) -> None:
    texts = ["NaN", "Infinity", "1e999", "\uff11\uff12", "1_000", "", "A\0B", "12.50"]
    with connected(well_server.url, new_name()) as station:
        station.boot()
        number = result(station, "StartTransaction", start())["transactionId"]
        for text in texts:
            assert result(station, "MeterValues", meter(number, value=text)) == {}
    stored = well_server.get(f"/api/meter-values?transactionId={number}")
    numbers = {row["value"]: row["number"] for row in stored}
    assert numbers.pop("12.50") == 12.5
    # No database may be given a NUL: its escape is stored.
    assert numbers == dict.fromkeys(text.replace("\0", "\\u0000") for text in texts[:-1])
