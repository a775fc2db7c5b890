"""Whose certificate is it? (Security Whitepaper, A00.FR.404, 405 and 511). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def name_problem(common_names: Collection[str], allowed: Iterable[str | None]) -> str | None:
    """What is wrong with the common name of a charge point's certificate, None if nothing is.

    `allowed` are the names of the charge point: its id and its serial numbers, as far as known.
    """
    if len(common_names) != 1:
        return "has no common name" if not common_names else "has more than one common name"
    (name,) = common_names
    if name in allowed:
        return None
    return f"has the common name {name}, which is neither the id nor the serial number"


def organization_problem(organizations: Iterable[str], trusted: Collection[str]) -> str | None:
    """What is wrong with the organization of a certificate. `trusted` empty: any will do."""
    if not trusted or set(organizations) & set(trusted):
        return None
    return f"is not made out to {' or '.join(trusted)} (OCPP_CPO_NAME)"
