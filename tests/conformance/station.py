"""The charge point of the certification cases: real sockets, every frame checked twice.

What it sends is scripted by the case; what the server sends must fit the official schemas. The
operator beside it has the HTTP API and nothing else.
"""

from __future__ import annotations

import base64
import json
import ssl
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support import official_schemas
from tests.support.server import Answer, Server
from tests.support.waiting import until

Payload = dict[str, Any]

LIMIT = 10.0
VENDOR, MODEL = "Example", "Test station"
SUCCESS = {None, "Accepted", "Unlocked"}
TAKEN = SUCCESS | {"AcceptedCanceled", "RebootRequired", "Scheduled"}
LONGER_NAMES = {
    "remote-start": "RemoteStartTransaction",
    "remote-stop": "RemoteStopTransaction",
}


def moment(minutes: float = 0) -> str:
    """Now, or so many minutes from now, as stations spell it."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parsed(text: str) -> datetime:
    """A moment of the wire or of the API."""
    return datetime.fromisoformat(text)


class Commanded(NamedTuple):
    """A command: the payload that arrived, and what the operator was answered."""

    sent: Payload
    answer: Payload


class Station:
    """A charge point with an id of its own, and the operator who looks after it."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name
        self.tag = f"TAG {name}"
        # What it presents, and where it goes with TLS, if it does.
        self.key: bytes | None = None
        self.tls: tuple[str, ssl.SSLContext] | None = None
        self._ids = count(1)
        self._line: ClientConnection | None = None
        self._closing = ExitStack()

    # The connection.

    def connect(self, *subprotocols: str) -> str | None:
        """Connect; the subprotocol that the server chose. What was connected before is closed."""
        self.disconnect()
        offered = [Subprotocol(each) for each in subprotocols or ("ocpp1.6",)]
        url, context = self.tls or (self.server.url, None)
        headers = {}
        if self.key is not None:
            sent = base64.b64encode(f"{self.name}:".encode() + self.key).decode()
            headers["Authorization"] = f"Basic {sent}"
        self._line = self._closing.enter_context(
            connect(
                f"{url}/{self.name}", subprotocols=offered, additional_headers=headers, ssl=context
            )
        )
        return self._line.subprotocol

    def refused_connection(self) -> int:
        """Connect, which the server must refuse; the HTTP status."""
        self.disconnect()
        try:
            self.connect()
        except InvalidStatus as error:
            return error.response.status_code
        raise AssertionError("the connection was accepted")

    def disconnect(self) -> None:
        """Go away, and wait until the server knows."""
        if self._line is not None:
            self._line = None
            self._closing.close()
            until(lambda: not self.shown()["isConnected"])

    # What the charge point says.

    def call(self, action: str, payload: Payload | None = None) -> Payload:
        """Send a CALL; the payload of its CALLRESULT. A CALLERROR fails the case."""
        kind, *rest = self._exchange(action, payload or {})
        assert kind == 3, rest
        (response,) = rest
        official_schemas.check_response(action, response)
        return dict(response)

    def refused(self, action: str, payload: Payload) -> str:
        """Send a CALL that must be answered with a CALLERROR; its code."""
        kind, code, _, details = self._exchange(action, payload)
        assert (kind, details) == (4, {})
        return str(code)

    def _exchange(self, action: str, payload: Payload) -> list[Any]:
        """Send a CALL; what answers it, without the message id."""
        assert self._line is not None
        official_schemas.check_request(action, payload)
        sent = f"{self.name}-{next(self._ids)}"
        self._line.send(json.dumps([2, sent, action, payload]))
        kind, answered, *rest = json.loads(self._line.recv(timeout=LIMIT))
        assert answered == sent
        return [kind, *rest]

    def boot(self, **fields: Any) -> Payload:
        """A BootNotification, which must be accepted."""
        payload = {"chargePointVendor": VENDOR, "chargePointModel": MODEL} | fields
        answer = self.call("BootNotification", payload)
        assert answer["status"] == "Accepted"
        assert answer["interval"] > 0
        assert abs(parsed(answer["currentTime"]) - datetime.now(UTC)) < timedelta(seconds=5)
        return answer

    def status(self, connector: int, status: str, error: str = "NoError") -> None:
        """A StatusNotification, which must be on record as the connector's newest."""
        payload = {
            "connectorId": connector,
            "status": status,
            "errorCode": error,
            "timestamp": moment(),
        }
        assert self.call("StatusNotification", payload) == {}
        assert self.connector(connector) == (status, error)

    def authorize(self, tag: str) -> Payload:
        """An Authorize; its idTagInfo."""
        info: Payload = self.call("Authorize", {"idTag": tag})["idTagInfo"]
        return info

    def start(self, tag: str | None = None, **fields: Any) -> int:
        """A StartTransaction on connector 1 that must be accepted; its id."""
        number, info = self.start_any(tag or self.tag, **fields)
        assert info["status"] == "Accepted"
        return number

    def start_any(self, tag: str, **fields: Any) -> tuple[int, Payload]:
        """A StartTransaction on connector 1; its id and idTagInfo."""
        payload = {"connectorId": 1, "idTag": tag, "meterStart": 1000, "timestamp": moment()}
        answer = self.call("StartTransaction", payload | fields)
        assert answer["transactionId"] > 0
        return answer["transactionId"], answer["idTagInfo"]

    def stop(self, number: int, reason: str, **fields: Any) -> None:
        """A StopTransaction, which must be on record with its reason."""
        payload = {
            "transactionId": number,
            "meterStop": 3500,
            "timestamp": moment(),
            "reason": reason,
        } | fields
        info = self.call("StopTransaction", payload).get("idTagInfo", {"status": "Accepted"})
        assert info["status"] == "Accepted"
        shown = self.transaction(number)
        assert (shown["isComplete"], shown["stopReason"]) == (True, reason)
        assert (shown["meterStop"], shown["energyDelivered"]) == (3500, 2.5)
        assert shown["stopTimestamp"] is not None

    # The reusable states.

    def booted(self, connectors: int = 1, **fields: Any) -> Payload:
        """Connected, booted, Available; the answer to the boot."""
        self.connect()
        answer = self.boot(**fields)
        for connector in range(connectors + 1):
            self.status(connector, "Available")
        shown = self.shown()
        assert (shown["vendor"], shown["model"]) == (VENDOR, MODEL)
        assert (shown["registration"], shown["isConnected"]) == ("Accepted", True)
        return answer

    def authorized(self, tag: str | None = None) -> None:
        """The tag is known to the server, which accepts it."""
        self.know(tag or self.tag)
        assert self.authorize(tag or self.tag)["status"] == "Accepted"

    def charging(self) -> int:
        """Authorized and charging on connector 1; the transaction's id."""
        self.authorized()
        self.status(1, "Preparing")
        number = self.start()
        self.status(1, "Charging")
        self.is_running(number)
        return number

    # What the operator does and sees.

    def know(self, tag: str, **fields: Any) -> None:
        """Store a tag."""
        answer = self.server.request("POST", "/api/authorizations", {"idTag": tag} | fields)
        assert answer.status == 201, answer

    def command(self, name: str, fields: Payload, response: Payload) -> Commanded:
        """A command of the operator, which the charge point answers with `response`.

        Whatever that says, it is a normal outcome, and the command's record tells it as well.
        """
        body = {"chargePointId": self.name} | fields
        action, sent, answer = self._commanded(f"/api/commands/{name}", body, response)
        wanted = "".join(part.capitalize() for part in name.split("-"))
        assert action == LONGER_NAMES.get(name, wanted)
        self._check_outcome(action, sent, response, answer)
        return Commanded(sent, answer)

    def configured(self, name: str, fields: Payload, response: Payload) -> Commanded:
        """The operator changes the charge point's key or profile; it answers with `response`."""
        path = f"/api/charge-points/{self.name}/{name}"
        action, sent, answer = self._commanded(path, fields, response)
        assert action == "ChangeConfiguration"
        assert answer["status"] == response["status"]
        return Commanded(sent, answer)

    def _commanded(
        self, path: str, body: Payload, response: Payload
    ) -> tuple[str, Payload, Payload]:
        """What arrived: its action and payload; and what the operator was answered."""
        with ThreadPoolExecutor(1) as operator:
            asked = operator.submit(self.server.request, "POST", path, body)
            action, sent = self._obey(asked, response)
            answer = asked.result(LIMIT)
        assert answer.status == 200, answer
        return action, sent, answer.body

    def _obey(self, asked: Future[Answer], response: Payload) -> tuple[str, Payload]:
        """Wait for the CALL, check it and answer; its action and payload."""
        assert self._line is not None
        while True:
            try:
                kind, message_id, action, sent = json.loads(self._line.recv(timeout=0.2))
                break
            except TimeoutError:
                assert not asked.done(), asked.result()
        assert kind == 2
        official_schemas.check_request(action, sent)
        official_schemas.check_response(action, response)
        self._line.send(json.dumps([3, message_id, response]))
        return action, sent

    def _check_outcome(self, action: str, sent: Payload, response: Payload, body: Payload) -> None:
        word = response.get("status")
        assert (body["status"], body["response"]) == (word, response)
        assert body["success"] == (word in SUCCESS and response.get("listVersion") != -1)
        assert word is None or word in body["message"]
        record = self.get(f"/api/commands/{body['commandId']}")
        assert (record["action"], record["payload"]) == (action, sent)
        assert record["response"] == response
        assert record["state"] == ("accepted" if word in TAKEN else "refused")

    def get(self, path: str) -> Any:
        """What the API has there."""
        return self.server.get(path)

    def listed(self, path: str, **filters: object) -> list[Payload]:
        """What the API lists of this charge point, newest first."""
        query = "".join(f"&{name}={value}" for name, value in filters.items())
        found: list[Payload] = self.get(f"{path}?chargePointId={self.name}{query}")
        return found

    def shown(self) -> Payload:
        """The charge point as the API shows it."""
        found: Payload = self.get(f"/api/charge-points/{self.name}")
        return found

    def connector(self, number: int) -> tuple[str, str]:
        """Stored status and error code of a connector."""
        (found,) = (
            each for each in self.listed("/api/connectors") if each["connectorId"] == number
        )
        return found["status"], found["errorCode"]

    def transactions(self) -> list[Payload]:
        """All transactions of this charge point."""
        return self.listed("/api/transactions")

    def transaction(self, number: int) -> Payload:
        """One transaction of this charge point."""
        (found,) = self.listed("/api/transactions", transactionId=number)
        return found

    def is_running(self, number: int) -> None:
        """The transaction is on record as this station's own, with its tag, and is not over."""
        shown = self.transaction(number)
        assert (shown["idTag"], shown["connectorId"]) == (self.tag, 1)
        assert shown["authorizationStatus"] == "Accepted"
        assert (shown["meterStart"], shown["isComplete"]) == (1000, False)
        assert (shown["stopReason"], shown["stopTimestamp"]) == (None, None)
