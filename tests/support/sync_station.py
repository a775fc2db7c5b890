"""A charge point for acceptance tests: blocking, real sockets, with the `websockets` client."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

Payload = dict[str, Any]


class SyncStation:
    """One connection."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self._ids = count(1)

    def send(self, action: str, payload: Payload, message_id: str = "") -> str:
        """Send a CALL, under a new id if none is given; its id."""
        sent = message_id or f"m{next(self._ids)}"
        self.websocket.send(json.dumps([2, sent, action, payload]))
        return sent

    def call(self, action: str, payload: Payload, message_id: str = "") -> list[Any]:
        """Send a CALL and wait; the whole frame that answers it."""
        sent = self.send(action, payload, message_id)
        frame: list[Any] = json.loads(self.websocket.recv(timeout=10))
        assert frame[1] == sent, frame
        return frame

    def boot(self) -> Payload:
        """A BootNotification; its answer."""
        frame = self.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        payload: Payload = frame[2]
        return payload


@contextmanager
def connected(
    url: str,
    name: str = "CP001",
    tls: ssl.SSLContext | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    source: str | None = None,
) -> Iterator[SyncStation]:
    """A station that is connected while the block runs. `source` is the address it comes from."""
    more: dict[str, Any] = {} if source is None else {"source_address": (source, 0)}
    with connect(
        f"{url}/{name}",
        subprotocols=[Subprotocol("ocpp1.6")],
        ssl=tls,
        compression=None,
        additional_headers=dict(headers or {}),
        **more,
    ) as websocket:
        yield SyncStation(websocket)


def whole_session(url: str, name: str, tag: str, tls: ssl.SSLContext | None = None) -> int:
    """Boot, start, meter, stop; the transaction's id. Fails if any answer is not right."""
    with connected(url, name, tls) as station:
        assert station.boot()["status"] == "Accepted"
        start = {
            "connectorId": 1,
            "idTag": tag,
            "meterStart": 0,
            "timestamp": "2026-11-23T08:00:00Z",
        }
        kind, _, answer = station.call("StartTransaction", start)
        assert kind == 3
        assert answer["idTagInfo"]["status"] == "Accepted"
        number: int = answer["transactionId"]
        value = {"timestamp": "2026-11-23T08:30:00Z", "sampledValue": [{"value": "500"}]}
        meter = {"connectorId": 1, "transactionId": number, "meterValue": [value]}
        assert station.call("MeterValues", meter)[0] == 3
        stop = {"transactionId": number, "meterStop": 1000, "timestamp": "2026-11-23T09:00:00Z"}
        assert station.call("StopTransaction", stop)[0] == 3
    return number
