"""Security events that must not go unseen (Security Whitepaper edition 3, list of security events,
column Critical).
"""

from __future__ import annotations

CRITICAL = frozenset(
    {
        "FirmwareUpdated",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
    }
)
"""Types that a charge point must send, and an operator must see."""
