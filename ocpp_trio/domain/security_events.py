"""Security events that must not go unseen (Security Whitepaper edition 3, list of security events,
column Critical).
"""

from __future__ import annotations

REPLACED = "ConnectionReplacedTooOften"
"""Of our own: more than one device seems to use the id of a charge point."""

NOT_AUTHENTICATED = "FailedToAuthenticateAtCentralSystem"
"""What a charge point proved itself with was refused; noted here, not told by it."""

CRITICAL = frozenset(
    {
        REPLACED,
        "FirmwareUpdated",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
    }
)
"""Types that an operator must see."""
