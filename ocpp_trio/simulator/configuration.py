"""The configuration keys of a charge point (OCPP 1.6 chapter 9): those it obeys, and facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ocpp_trio.ocppj.frames import Payload

HEARTBEAT = "HeartbeatInterval"
SAMPLE = "MeterValueSampleInterval"
AUTHORIZE_REMOTE = "AuthorizeRemoteTxRequests"
ATTEMPTS = "TransactionMessageAttempts"
RETRY = "TransactionMessageRetryInterval"

MAX_NUMBER = 1_000_000


class Key(NamedTuple):
    """A key: its first value, and what a new one must be; None: it cannot be changed."""

    value: str
    kind: type[int] | type[bool] | None


# What the charge point would not obey is read-only: Rejected is the honest answer.
KEYS = {
    HEARTBEAT: Key("60", int),
    SAMPLE: Key("10", int),
    AUTHORIZE_REMOTE: Key("false", bool),
    ATTEMPTS: Key("3", int),
    RETRY: Key("2", int),
    "ConnectorPhaseRotation": Key("1.RST", None),
    "GetConfigurationMaxKeys": Key("50", None),
    "LocalAuthorizeOffline": Key("false", None),
    "MeterValuesSampledData": Key(
        "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC", None
    ),
    "NumberOfConnectors": Key("1", None),
    "StopTransactionOnInvalidId": Key("true", None),
    "SupportedFeatureProfiles": Key("Core,RemoteTrigger", None),
}

_BY_NAME = {name.casefold(): name for name in KEYS}


class Configuration:
    """The keys of one charge point with their values in force."""

    def __init__(self) -> None:
        self._values = {name: key.value for name, key in KEYS.items()}

    def number(self, name: str) -> int:
        """The value of a key that holds a number; intervals are in seconds."""
        return int(self._values[name])

    def flag(self, name: str) -> bool:
        """The value of a key that holds true or false."""
        return self._values[name] == "true"

    def set_number(self, name: str, value: int) -> None:
        """Set a key from inside: no rule applies."""
        self._values[name] = str(value)

    def change(self, name: str, value: str) -> str:
        """Change a key from outside; the status of ChangeConfiguration.conf."""
        known = _BY_NAME.get(name.casefold())
        if known is None:
            return "NotSupported"
        kind = KEYS[known].kind
        if kind is bool and value.lower() in {"true", "false"}:
            self._values[known] = value.lower()
            return "Accepted"
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else -1
        if kind is int and 0 <= number <= MAX_NUMBER:
            self._values[known] = str(number)
            return "Accepted"
        return "Rejected"

    def listed(self, names: Iterable[str]) -> Payload:
        """GetConfiguration.conf: these keys, or all if none is named."""
        keys, unknown = [], []
        for name in list(names) or KEYS:
            known = _BY_NAME.get(name.casefold())
            if known is None:
                unknown.append(name)
            else:
                readonly = KEYS[known].kind is None
                keys.append({"key": known, "readonly": readonly, "value": self._values[known]})
        answer: Payload = {"configurationKey": keys}
        if unknown:
            answer["unknownKey"] = unknown
        return answer
