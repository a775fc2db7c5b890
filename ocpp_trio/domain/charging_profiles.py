"""Rules about charging profiles that their schema cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def remote_start_faults(profile: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a (valid) profile in a RemoteStartTransaction breaks: (field, rule) for each.

    OCPP 1.6 section 5.11: it is a TxProfile for a transaction that has no id yet, and
    its schedule begins at 0.
    """
    faults = []
    if profile["chargingProfilePurpose"] != "TxProfile":
        faults.append(("chargingProfilePurpose", "must be TxProfile in a remote start"))
    if "transactionId" in profile:
        faults.append(("transactionId", "must be absent: the transaction has no id yet"))
    periods = profile["chargingSchedule"]["chargingSchedulePeriod"]
    if not periods or periods[0]["startPeriod"] != 0:
        place = "chargingSchedule.chargingSchedulePeriod.0.startPeriod"
        faults.append((place, "the first period must start at 0"))
    return faults
