"""Rules of OCPP 1.6 for what a central system sends, beyond the schemas: one table, by action."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ocpp_trio.domain import charging_profiles, rules
from ocpp_trio.domain.charging_profiles import Broken
from ocpp_trio.domain.times import parse_timestamp

Payload = Mapping[str, Any]


def broken_rules(action: str, payload: Payload) -> list[Broken]:
    """The rules that a payload breaks; it fits the schema of its action."""
    check = _CHECKS.get(action)
    return [] if check is None else list(check(payload))


def _under(field: str, broken: Iterator[Broken]) -> Iterator[Broken]:
    return ((f"{field}.{inner}", text) for inner, text in broken)


def _set_charging_profile(payload: Payload) -> Iterator[Broken]:
    profile = payload["csChargingProfiles"]
    purpose = profile["chargingProfilePurpose"]
    yield from charging_profiles.broken_by_connector(payload["connectorId"], purpose)
    yield from _under("csChargingProfiles", charging_profiles.broken_rules(profile))


def _remote_start(payload: Payload) -> Iterator[Broken]:
    profile = payload.get("chargingProfile")
    if profile is not None:
        yield from _under("chargingProfile", charging_profiles.broken_by_remote_start(profile))
        yield from _under("chargingProfile", charging_profiles.broken_rules(profile))


def _get_composite_schedule(payload: Payload) -> Iterator[Broken]:
    for field in ("connectorId", "duration"):
        if payload[field] < 0:
            yield field, "must not be negative (section 6.21)"


def _reserve_now(payload: Payload) -> Iterator[Broken]:
    if payload["connectorId"] < 0:
        yield "connectorId", "must not be negative (section 6.37)"
    if parse_timestamp(payload["expiryDate"]) is None:
        yield "expiryDate", "must be a date and time such as 2030-12-31T23:59:59Z"


def _send_local_list(payload: Payload) -> Iterator[Broken]:
    if payload["listVersion"] <= 0:
        yield "listVersion", "must be greater than 0 (errata 3.52)"
    seen = set()
    for index, entry in enumerate(payload.get("localAuthorizationList", ())):
        place = f"localAuthorizationList.{index}"
        if payload["updateType"] == "Full" and "idTagInfo" not in entry:
            yield f"{place}.idTagInfo", "is required in a Full update (section 7.1)"
        key = rules.tag_key(entry["idTag"])
        if key in seen:
            yield f"{place}.idTag", "is in the list twice (section 6.41)"
        seen.add(key)


_CHECKS: Mapping[str, Callable[[Payload], Iterator[Broken]]] = {
    "GetCompositeSchedule": _get_composite_schedule,
    "RemoteStartTransaction": _remote_start,
    "ReserveNow": _reserve_now,
    "SendLocalList": _send_local_list,
    "SetChargingProfile": _set_charging_profile,
}
