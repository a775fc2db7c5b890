"""The charging profiles installed in a charge point (OCPP 1.6 sections 5.5 and 5.16). Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

from ocpp_trio.domain.times import parse_timestamp
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.schedule import (
    RECURRENCE,
    STATION_LIMIT,
    TRANSACTION,
    Installed,
)

MAX_STACK_LEVEL = 10
MAX_PERIODS = 24
MAX_INSTALLED = 10

# The unit in a schedule, and its name in ChargingScheduleAllowedChargingRateUnit.
UNITS = {"A": "Current", "W": "Power"}


class Running(Protocol):
    """The transaction that a TxProfile would be for; `id` is None until its start is answered."""

    id: int | None


class ChargingProfiles:
    """What is installed, in the order of installation."""

    def __init__(self) -> None:
        self.installed: list[Installed] = []

    def set(self, connector_id: int, profile: Payload, now: int, running: Running | None) -> bool:
        """Install a profile; False if it breaks a rule of section 3.13 or does not fit.

        It replaces the one with its id, and the one with its purpose and stack level on the
        connector.
        """
        purpose = profile["chargingProfilePurpose"]
        if purpose == TRANSACTION:
            wanted = profile.get("transactionId")
            if running is None or wanted not in {None, running.id}:
                return False
        if (purpose == STATION_LIMIT) != (connector_id == 0) and purpose != "TxDefaultProfile":
            return False
        if not is_playable(profile):
            return False
        place = (connector_id, purpose, profile["stackLevel"])

        def stays(each: Installed) -> bool:
            other = each.profile
            level, number = other["stackLevel"], other["chargingProfileId"]
            taken = (each.connector_id, other["chargingProfilePurpose"], level)
            return number != profile["chargingProfileId"] and taken != place

        kept = [each for each in self.installed if stays(each)]
        if len(kept) >= MAX_INSTALLED:
            return False
        self.installed = [*kept, Installed(connector_id, profile, now)]
        return True

    def clear(self, request: Payload) -> bool:
        """Remove what a ClearChargingProfile.req is about; whether there was any.

        With an id that one; otherwise those that fit all that is named.
        """
        wanted = {
            "chargingProfileId": request.get("id"),
            "chargingProfilePurpose": request.get("chargingProfilePurpose"),
            "stackLevel": request.get("stackLevel"),
        }
        if wanted["chargingProfileId"] is not None:
            wanted = {"chargingProfileId": wanted["chargingProfileId"]}
            connector_id = None
        else:
            connector_id = request.get("connectorId")
        kept = [
            each
            for each in self.installed
            if connector_id not in {None, each.connector_id}
            or any(value not in {None, each.profile[name]} for name, value in wanted.items())
        ]
        found = len(kept) < len(self.installed)
        self.installed = kept
        return found

    def end_transaction(self) -> None:
        """Remove the profiles of the transaction that has ended."""
        self.clear({"chargingProfilePurpose": TRANSACTION})


def is_playable(profile: Payload) -> bool:
    """Whether a profile is whole in itself and within what the charge point can."""
    schedule = profile["chargingSchedule"]
    starts = [period["startPeriod"] for period in schedule["chargingSchedulePeriod"]]
    kind = profile["chargingProfileKind"]
    begin = parse_timestamp(schedule.get("startSchedule"))
    if kind == "Recurring" and (profile.get("recurrencyKind") not in RECURRENCE or begin is None):
        return False
    if kind == "Relative" and "startSchedule" in schedule:
        return False
    rising = all(earlier < later for earlier, later in pairwise(starts))
    return (
        0 <= profile["stackLevel"] <= MAX_STACK_LEVEL
        and 0 < len(starts) <= MAX_PERIODS
        and starts[0] == 0
        and rising
        and all(
            period["limit"] >= 0 and period.get("numberPhases", 1) > 0
            for period in schedule["chargingSchedulePeriod"]
        )
    )
