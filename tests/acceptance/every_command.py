"""One whole session over the API with every command of a central system, for foreign clients.

The client prints `booted` when it is ready. It accepts whatever it is told, starts a session on
RemoteStartTransaction, sends what the commands make a charge point send, and at Reset prints
`done <transactionId>` and ends.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema

from ocpp_trio.central.handlers import HANDLERS
from ocpp_trio.ocppj.actions import FROM_CENTRAL_SYSTEM, FROM_CHARGE_POINT
from tests.support.certificates import pem, request, root
from tests.support.server import Server
from tests.support.waiting import until

TAG = "RFID123"
PEM = pem(root())
CSR = request("FOREIGN")
LATER = "2030-01-01T00:00:00Z"
SCHEDULE = {
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.1, "numberPhases": 3}],
}
PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": SCHEDULE,
}
HASHES = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "00" * 32,
    "issuerKeyHash": "ff" * 32,
    "serialNumber": "FFF",
}

ANSWERS: dict[str, dict[str, Any]] = {
    **{name: {"status": "Accepted"} for name in FROM_CENTRAL_SYSTEM},
    "GetCompositeSchedule": {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": LATER,
        "chargingSchedule": SCHEDULE,
    },
    "GetConfiguration": {
        "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}],
        "unknownKey": ["Nonsense"],
    },
    "GetDiagnostics": {"fileName": "diagnostics.log"},
    "GetInstalledCertificateIds": {"status": "Accepted", "certificateHashData": [HASHES]},
    "GetLocalListVersion": {"listVersion": 1},
    "UnlockConnector": {"status": "Unlocked"},
    "UpdateFirmware": {},
}
"""What the clients answer to each command; with every optional field, where there are some."""

FOLLOW_UPS = {
    "GetDiagnostics": ("DiagnosticsStatusNotification", {"status": "Uploaded"}),
    "GetLog": ("LogStatusNotification", {"status": "Uploaded", "requestId": 1}),
    "InstallCertificate": (
        "SecurityEventNotification",
        {"type": "SettingSystemTime", "timestamp": LATER, "techInfo": "by hand"},
    ),
    "SignedUpdateFirmware": (
        "SignedFirmwareStatusNotification",
        {"status": "Installed", "requestId": 1},
    ),
    "UpdateFirmware": ("FirmwareStatusNotification", {"status": "Installed"}),
    "DataTransfer": ("DataTransfer", {"vendorId": "Foreign", "messageId": "M", "data": "x"}),
    "ExtendedTriggerMessage": ("SignCertificate", {"csr": CSR}),
    "TriggerMessage": ("Heartbeat", {}),
}
"""What the clients send after a command."""


class Sent(NamedTuple):
    """A command: its own endpoint, and the body without the charge point; or the generic one."""

    action: str
    body: dict[str, Any]
    path: str = ""


BEFORE = (
    Sent("ChangeAvailability", {"connectorId": 1, "type": "Operative"}, "change-availability"),
    Sent(
        "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "300"}, "change-configuration"
    ),
    Sent("ClearCache", {}, "clear-cache"),
    Sent("DataTransfer", {"vendorId": "V", "messageId": "M", "data": "x"}, "data-transfer"),
    Sent("GetConfiguration", {"keys": ["HeartbeatInterval", "Nonsense"]}, "get-configuration"),
    Sent("TriggerMessage", {"requestedMessage": "Heartbeat"}, "trigger-message"),
    Sent(
        "SendLocalList",
        {
            "listVersion": 1,
            "updateType": "Full",
            "localAuthorizationList": [
                {
                    "idTag": TAG,
                    "idTagInfo": {"status": "Accepted", "parentIdTag": "P", "expiryDate": LATER},
                }
            ],
        },
        "send-local-list",
    ),
    Sent("GetLocalListVersion", {}, "get-local-list-version"),
    Sent(
        "ReserveNow",
        {"connectorId": 1, "expiryDate": LATER, "idTag": TAG, "reservationId": 1},
        "reserve-now",
    ),
    Sent("CancelReservation", {"reservationId": 1}, "cancel-reservation"),
    Sent(
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": PROFILE},
        "set-charging-profile",
    ),
    Sent(
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": 60, "chargingRateUnit": "A"},
        "get-composite-schedule",
    ),
    Sent("ClearChargingProfile", {"id": 1, "connectorId": 1}, "clear-charging-profile"),
    Sent(
        "GetDiagnostics",
        {"location": "ftp://files.example/", "retries": 1, "startTime": LATER, "stopTime": LATER},
        "get-diagnostics",
    ),
    Sent(
        "UpdateFirmware",
        {"location": "ftp://files.example/1.bin", "retrieveDate": LATER},
        "update-firmware",
    ),
    Sent(
        "ExtendedTriggerMessage",
        {"requestedMessage": "Heartbeat", "connectorId": 1},
        "extended-trigger-message",
    ),
    Sent(
        "GetLog",
        {
            "logType": "SecurityLog",
            "requestId": 1,
            "remoteLocation": "https://files.example/",
            "oldestTimestamp": LATER,
        },
        "get-log",
    ),
    Sent(
        "InstallCertificate",
        {"certificateType": "CentralSystemRootCertificate", "certificate": PEM},
        "install-certificate",
    ),
    Sent(
        "GetInstalledCertificateIds",
        {"certificateType": "CentralSystemRootCertificate"},
        "get-installed-certificate-ids",
    ),
    Sent("DeleteCertificate", {"certificateHashData": HASHES}, "delete-certificate"),
    Sent("CertificateSigned", {"certificateChain": PEM}, "certificate-signed"),
    Sent(
        "SignedUpdateFirmware",
        {
            "requestId": 1,
            "location": "https://files.example/1.bin",
            "retrieveDateTime": LATER,
            "installDateTime": LATER,
            "signingCertificate": PEM,
            "signature": "c2ln",
        },
        "signed-update-firmware",
    ),
    # The generic way, with a payload as OCPP spells it.
    Sent("ClearCache", {}),
)
DURING = (
    Sent("RemoteStartTransaction", {"connectorId": 1, "idTag": TAG}, "remote-start"),
    Sent("RemoteStopTransaction", {"connectorId": 1, "reason": "Completed"}, "remote-stop"),
)
AFTER = (
    Sent("UnlockConnector", {"connectorId": 1}, "unlock-connector"),
    Sent("Reset", {"type": "Soft"}, "reset"),
)


def taken() -> list[str]:
    """The actions of charge points that the server takes."""
    return sorted(HANDLERS)


@contextmanager
def client(command: Sequence[str], folder: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A client, booted; its settings stand in its standard input as one line of JSON."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder
    )
    with process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            follow_ups = {name: each for name, each in FOLLOW_UPS.items() if each[0] in HANDLERS}
            print(json.dumps({"answers": ANSWERS, "followUps": follow_ups}), file=process.stdin)
            process.stdin.flush()
            assert process.stdout.readline() == "booted\n"
            yield process
        finally:
            process.kill()


def whole_session(server: Server, name: str, process: subprocess.Popen[str]) -> int:
    """Send every command; the client's transaction. Each must succeed, and the client end well."""
    assert server.request("POST", "/api/authorizations", {"idTag": TAG}).status == 201
    for sent in BEFORE:
        _send(server, name, sent)
    _send(server, name, DURING[0])
    of_station = f"/api/transactions?chargePointId={name}"
    # Three meter values of 250 Wh, then the client waits for its end.
    until(lambda: [each["energyDelivered"] for each in server.get(of_station)] == [0.75])
    _send(server, name, DURING[1])
    until(lambda: server.get(f"{of_station}&isComplete=true"))
    for sent in AFTER:
        _send(server, name, sent)
    (transaction,) = server.get(of_station)
    number: int = transaction["transactionId"]
    assert process.stdout is not None
    assert process.stdout.readline() == f"done {number}\n"
    assert process.wait(10) == 0
    assert transaction["idTag"] == TAG
    assert transaction["energyDelivered"] == 0.75
    assert transaction["stopReason"] == "Remote"
    assert transaction["remoteStopReason"] == "Completed"
    return number


def _send(server: Server, name: str, sent: Sent) -> None:
    if sent.path:
        path, body = sent.path, sent.body
    else:
        path, body = "generic", {"action": sent.action, "payload": sent.body}
    answer = server.request("POST", f"/api/commands/{path}", {"chargePointId": name, **body})
    assert answer.status == 200, (sent, answer)
    assert answer.body["success"] is True, (sent, answer)
    assert answer.body["response"] == ANSWERS[sent.action]


def check_frames(frames: Sequence[tuple[str, str]]) -> Counter[str]:
    """Check frames ("in" from the server, "out" to it) by the official schemas; counts by action.

    The validator is `jsonschema`, not the server's own. A CALLERROR fails, whoever sent it.
    """
    seen: Counter[str] = Counter()
    asked: dict[tuple[str, str], str] = {}
    for direction, text in frames:
        frame = json.loads(text)
        kind, message_id = frame[:2]
        assert kind in {2, 3}, text
        if kind == 2:
            assert len(frame) == 4
            asked[direction, message_id] = frame[2]
            _validator(frame[2]).validate(frame[3])
            assert frame[2] in (FROM_CENTRAL_SYSTEM if direction == "in" else FROM_CHARGE_POINT)
        else:
            assert len(frame) == 3
            other = "out" if direction == "in" else "in"
            action = asked.pop((other, message_id))
            _validator(f"{action}Response").validate(frame[2])
            seen[action] += 1
    assert asked == {}
    return seen


def _validator(name: str) -> Any:
    file = resources.files("ocpp.v16.schemas").joinpath(f"{name}.json")
    return jsonschema.Draft4Validator(json.loads(file.read_text(encoding="utf-8-sig")))
