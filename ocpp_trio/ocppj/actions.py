"""All actions of OCPP 1.6 and its Security Whitepaper, by direction, with their validators.

The schemas are the files inside the `ocpp` package; validators are built once, at import. `format`
is not checked: a timestamp is read by ocpp_trio.domain.times, which never refuses a message for
its clock. A frozen table is looked up before anything is done with an action's name, which never
becomes the name of a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any, NamedTuple

import jsonschema_rs

FROM_CHARGE_POINT = frozenset(
    {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
)

FROM_CENTRAL_SYSTEM = frozenset(
    {
        "CancelReservation",
        "CertificateSigned",
        "ChangeAvailability",
        "ChangeConfiguration",
        "ClearCache",
        "ClearChargingProfile",
        "DataTransfer",
        "DeleteCertificate",
        "ExtendedTriggerMessage",
        "GetCompositeSchedule",
        "GetConfiguration",
        "GetDiagnostics",
        "GetInstalledCertificateIds",
        "GetLocalListVersion",
        "GetLog",
        "InstallCertificate",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "ReserveNow",
        "Reset",
        "SendLocalList",
        "SetChargingProfile",
        "SignedUpdateFirmware",
        "TriggerMessage",
        "UnlockConnector",
        "UpdateFirmware",
    }
)

TRANSACTION_ACTIONS = frozenset({"MeterValues", "StartTransaction", "StopTransaction"})

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)


class Action(NamedTuple):
    """One action: its request and response, each as a schema and as a compiled validator."""

    name: str
    request_schema: dict[str, Any]
    response_schema: dict[str, Any]
    request_is_valid: Callable[[Any], bool]
    response_is_valid: Callable[[Any], bool]
    request_errors: Callable[[Any], Iterator[jsonschema_rs.ValidationError]]
    response_errors: Callable[[Any], Iterator[jsonschema_rs.ValidationError]]


def _bound_integers(node: Any) -> None:
    """Bound every integer of a schema to int64: it is what both databases can store."""
    if isinstance(node, dict):
        if node.get("type") == "integer":
            node.setdefault("minimum", INT64_MIN)
            node.setdefault("maximum", INT64_MAX)
        for child in node.values():
            _bound_integers(child)
    elif isinstance(node, list):
        for child in node:
            _bound_integers(child)


def _load(name: str) -> Action:
    folder = resources.files("ocpp.v16.schemas")
    schemas = []
    for file in (f"{name}.json", f"{name}Response.json"):
        schema = json.loads(folder.joinpath(file).read_text(encoding="utf-8-sig"))
        _bound_integers(schema)
        schemas.append(schema)
    request, response = (
        jsonschema_rs.Draft4Validator(schema, validate_formats=False) for schema in schemas
    )
    return Action(
        name,
        schemas[0],
        schemas[1],
        request.is_valid,
        response.is_valid,
        request.iter_errors,
        response.iter_errors,
    )


ACTIONS: dict[str, Action] = {
    name: _load(name) for name in sorted(FROM_CHARGE_POINT | FROM_CENTRAL_SYSTEM)
}
