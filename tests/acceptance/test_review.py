"""A stray stop from the wire to the books, by the interfaces that people use."""

from __future__ import annotations

from typing import Any

from tests.support.server import Server
from tests.support.sync_station import connected
from tests.support.waiting import until


def decide(server: Server, item: dict[str, Any], verb: str, **body: Any) -> tuple[int, Any]:
    answer = server.request("POST", f"/api/review/{item['id']}/{verb}", body)
    return answer.status, answer.body


def test_a_stray_stop_is_attached_and_survives_a_crash(server: Server) -> None:
    server.request("POST", "/api/authorizations", {"idTag": "TAG"})
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2024-05-01T08:00:00Z"}
    stop = {"transactionId": -1, "meterStop": 4000, "timestamp": "2024-05-01T09:00:00Z"}
    with connected(server.url) as station:
        station.boot()
        number = station.call("StartTransaction", start)[2]["transactionId"]
        lost = station.call("StartTransaction", start | {"idTag": "LOST", "connectorId": 2})[2]
        assert lost["idTagInfo"]["status"] == "Invalid"
        # The station has forgotten its transaction, as some do over a power cut.
        for _ in range(2):
            assert station.call("StopTransaction", stop)[2] == {}
    (item,) = server.get("/api/review")
    assert (item["times"], item["message"]) == (2, stop)
    assert server.get("/api/status")["reviewItemsOpen"] == 1
    status, attached = decide(server, item, "attach", transactionId=number, note="seen on site")
    assert (status, attached["resolution"]) == (200, "attached")
    until(
        lambda: any("review item attached" in each["message"] for each in server.get("/api/logs")),
        10,
    )
    server.kill()
    server.start()
    (transaction,) = server.get(f"/api/transactions?transactionId={number}")
    assert (transaction["isComplete"], transaction["energyDelivered"]) == (True, 4.0)
    assert server.get(f"/api/review/{item['id']}") == attached
    assert decide(server, item, "discard")[0] == 409
    assert [tag["idTag"] for tag in server.get("/api/authorizations/unknown")] == ["LOST"]
    assert server.stop() == 0
    assert server.errors() == []
