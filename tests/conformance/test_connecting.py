"""The case of the WebSocket handshake."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from tests.conformance.station import Station


def test_tc_088_subprotocol_negotiation(station: Station) -> None:
    with pytest.raises(InvalidStatus) as refused:
        station.connect("ocpp0.1")
    assert refused.value.response.status_code == 400
    assert station.server.request("GET", f"/api/charge-points/{station.name}").status == 404
    assert station.connect("ocpp0.1", "ocpp1.6") == "ocpp1.6"
    station.boot()
    assert station.shown()["subprotocol"] == "ocpp1.6"
