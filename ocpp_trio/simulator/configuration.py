"""The configuration keys of a charge point (OCPP 1.6 chapter 9): those it obeys, and facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.profiles import MAX_INSTALLED, MAX_PERIODS, MAX_STACK_LEVEL

HEARTBEAT = "HeartbeatInterval"
SAMPLE = "MeterValueSampleInterval"
AUTHORIZE_REMOTE = "AuthorizeRemoteTxRequests"
ATTEMPTS = "TransactionMessageAttempts"
RETRY = "TransactionMessageRetryInterval"
CPO_NAME = "CpoName"
KEY = "AuthorizationKey"
PROFILE = "SecurityProfile"
LIST_ENABLED = "LocalAuthListEnabled"
LIST_LENGTH = "LocalAuthListMaxLength"
LIST_SENT = "SendLocalListMaxLength"
OFFLINE = "LocalAuthorizeOffline"
PRE_AUTHORIZE = "LocalPreAuthorize"
SAMPLED = "MeterValuesSampledData"
CERTIFICATES = "CertificateStoreMaxLength"

MAX_NUMBER = 1_000_000


class Key(NamedTuple):
    """A key: its first value, and what a new one must be; None: it cannot be changed.

    A list holds words of the first value. `at_reboot`: a new value counts after the next boot.
    `secret`: its value is never told.
    """

    value: str
    kind: type[int] | type[bool] | type[str] | type[list[str]] | None
    at_reboot: bool = False
    secret: bool = False


# What the charge point would not obey is read-only: Rejected is the honest answer.
KEYS = {
    HEARTBEAT: Key("60", int),
    SAMPLE: Key("10", int),
    AUTHORIZE_REMOTE: Key("false", bool),
    ATTEMPTS: Key("3", int),
    RETRY: Key("2", int),
    # These two are changed by what they stand for, see ocpp_trio.simulator.credentials.
    KEY: Key("", str, secret=True),
    PROFILE: Key("0", int),
    CERTIFICATES: Key("10", None),
    "ChargeProfileMaxStackLevel": Key(str(MAX_STACK_LEVEL), None),
    "ChargingScheduleAllowedChargingRateUnit": Key("Current,Power", None),
    "ChargingScheduleMaxPeriods": Key(str(MAX_PERIODS), None),
    "ConnectorPhaseRotation": Key("1.RST", str, at_reboot=True),
    CPO_NAME: Key("ocpp-trio", str),
    "GetConfigurationMaxKeys": Key("50", None),
    LIST_ENABLED: Key("true", bool),
    LIST_LENGTH: Key("100", None),
    OFFLINE: Key("false", bool),
    PRE_AUTHORIZE: Key("false", bool),
    "MaxChargingProfilesInstalled": Key(str(MAX_INSTALLED), None),
    SAMPLED: Key(
        "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC", list[str]
    ),
    "NumberOfConnectors": Key("1", None),
    "ReserveConnectorZeroSupported": Key("true", None),
    LIST_SENT: Key("20", None),
    "StopTransactionOnInvalidId": Key("true", None),
    "SupportedFeatureProfiles": Key(
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
        None,
    ),
}

_BY_NAME = {name.casefold(): name for name in KEYS}


class Configuration:
    """The keys of one charge point with their values in force."""

    def __init__(self) -> None:
        self._values = {name: key.value for name, key in KEYS.items()}
        self._at_reboot: dict[str, str] = {}

    def number(self, name: str) -> int:
        """The value of a key that holds a number; intervals are in seconds."""
        return int(self._values[name])

    def flag(self, name: str) -> bool:
        """The value of a key that holds true or false."""
        return self._values[name] == "true"

    def text(self, name: str) -> str:
        """The value of any key."""
        return self._values[name]

    def reboot(self) -> None:
        """Let the values count that waited for it."""
        self._values.update(self._at_reboot)
        self._at_reboot.clear()

    def set_number(self, name: str, value: int) -> None:
        """Set a key from inside: no rule applies."""
        self._values[name] = str(value)

    def change(self, name: str, value: str) -> str:
        """Change a key from outside; the status of ChangeConfiguration.conf."""
        known = _BY_NAME.get(name.casefold())
        if known is None:
            return "NotSupported"
        taken = _read(KEYS[known], value)
        if taken is None:
            return "Rejected"
        if KEYS[known].at_reboot:
            self._at_reboot[known] = taken
            return "RebootRequired"
        self._values[known] = taken
        return "Accepted"

    def listed(self, names: Iterable[str]) -> Payload:
        """GetConfiguration.conf: these keys, or all if none is named."""
        keys, unknown = [], []
        for name in list(names) or KEYS:
            known = _BY_NAME.get(name.casefold())
            if known is None:
                unknown.append(name)
            else:
                told = {"key": known, "readonly": KEYS[known].kind is None}
                if not KEYS[known].secret:
                    told["value"] = self._values[known]
                keys.append(told)
        answer: Payload = {"configurationKey": keys}
        if unknown:
            answer["unknownKey"] = unknown
        return answer


def _read(key: Key, value: str) -> str | None:
    """The value as it is kept, None if the key does not take it."""
    if key.kind is bool and value.lower() in {"true", "false"}:
        return value.lower()
    if key.kind is int and value.isascii() and value.isdigit() and len(value) < 10:
        number = int(value)
        return str(number) if number <= MAX_NUMBER else None
    if key.kind is str:
        return value
    if key.kind == list[str]:
        words = [word.strip() for word in value.split(",")]
        return ",".join(words) if set(words) <= set(key.value.split(",")) else None
    return None
