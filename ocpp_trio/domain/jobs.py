"""Jobs of charge points: what the words of their notifications mean for diagnostics, logs and
firmware (OCPP 1.6 sections 7.24, 7.25; Security Whitepaper, FirmwareStatusEnumType and
UploadLogStatusEnumType).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ocpp_trio.domain.commands import Command

DIAGNOSTICS = "diagnostics"
FIRMWARE = "firmware"
LOG = "log"
SIGNED_FIRMWARE = "signed-firmware"

REQUESTED = "requested"
RUNNING = "running"
FINISHED = "finished"
FAILED = "failed"
REFUSED = "refused"
CANCELLED = "cancelled"
STATES = (REQUESTED, RUNNING, FINISHED, FAILED, REFUSED, CANCELLED)

IDLE = "Idle"
"""The answer to a trigger while nothing goes on: it says nothing about a job."""

KINDS: Mapping[str, str] = {
    "GetDiagnostics": DIAGNOSTICS,
    "UpdateFirmware": FIRMWARE,
    "GetLog": LOG,
    "SignedUpdateFirmware": SIGNED_FIRMWARE,
}
"""The kind of job that each command begins."""

NOTIFIED_BY: Mapping[str, str] = {
    "DiagnosticsStatusNotification": DIAGNOSTICS,
    "FirmwareStatusNotification": FIRMWARE,
    "LogStatusNotification": LOG,
    "SignedFirmwareStatusNotification": SIGNED_FIRMWARE,
}
"""The kind of job that each notification is about."""

_PLACES: Mapping[str, tuple[str, ...]] = {
    "GetDiagnostics": ("location",),
    "UpdateFirmware": ("location",),
    "GetLog": ("log", "remoteLocation"),
    "SignedUpdateFirmware": ("firmware", "location"),
}

_SUCCESS = frozenset({"Uploaded", "Installed"})
_FAILURE = frozenset(
    {
        "UploadFailed",
        "DownloadFailed",
        "InstallationFailed",
        "InstallVerificationFailed",
        "InvalidSignature",
        "BadMessage",
        "NotSupportedOperation",
        "PermissionDenied",
        "UploadFailure",
    }
)
_BEGUN = frozenset({"Accepted", "AcceptedCanceled"})


def state_after(status: str) -> str:
    """The state of a job after a notification with this status."""
    if status in _SUCCESS:
        return FINISHED
    return FAILED if status in _FAILURE else RUNNING


def has_begun(command: Command) -> bool:
    """Whether the station took the job on: GetDiagnostics and UpdateFirmware have no status, and a
    GetDiagnostics without fileName says that there is nothing to upload (section 5.9).
    """
    if command.response is None:
        return False
    if command.action == "GetDiagnostics":
        return bool(command.response.get("fileName"))
    return command.action == "UpdateFirmware" or command.status in _BEGUN


def address(action: str, payload: Mapping[str, Any]) -> str:
    """The address in the (valid) payload of a command that begins a job."""
    value: Any = payload
    for name in _PLACES[action]:
        value = value[name]
    return str(value)


def location(action: str, payload: Mapping[str, Any]) -> str:
    """The address without the name and password that it may carry."""
    try:
        parts = urlsplit(address(action, payload))
    except ValueError:
        return ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def place(action: str) -> tuple[str, ...] | None:
    """Where in its payload a command has an address, None if it has none."""
    return _PLACES.get(action)
