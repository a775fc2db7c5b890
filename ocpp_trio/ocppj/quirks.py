"""Known quirks: where stations of a vendor, model and firmware break the schema, and why.

The list is data. Messages about transactions, boots and status are taken from any station wherever
their meaning is clear (ocpp_trio.ocppj.tolerance); an entry here explains such a repair, so that it
is counted without a warning, and may allow one for an action that is otherwise held to its schema.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

STRICT = "strict"
TOLERANT = "tolerant"


class Quirk(NamedTuple):
    """What to expect of a station; vendor, model and firmware are patterns, case does not count."""

    vendor: str
    model: str
    firmware: str
    action: str
    repair: str
    reason: str


QUIRKS: tuple[Quirk, ...] = (
    Quirk(
        "vestel",
        "evc04*",
        "*",
        "MeterValues",
        "empty-list",
        "sends MeterValues whose sampledValue is empty (lbbrhzn/ocpp issue 466)",
    ),
    Quirk(
        "united chargers*",
        "*",
        "*",
        "BootNotification",
        "over-long-text",
        "its chargePointModel has 22 characters, 20 are allowed (lbbrhzn/ocpp issue 899)",
    ),
    Quirk(
        "legrand",
        "*",
        "*",
        "StatusNotification",
        "unknown-value",
        "reports the errorCode Error, which OCPP 1.6 does not know (lbbrhzn/ocpp issue 1248)",
    ),
)


class Tolerance(NamedTuple):
    """What is taken from one station although it breaks the schema.

    `is_strict`: nothing. `known` are (action, repair) that its quirks explain.
    """

    is_strict: bool = False
    known: frozenset[tuple[str, str]] = frozenset()


DEFAULT = Tolerance()


def matching(vendor: str | None, model: str | None, firmware: str | None) -> list[Quirk]:
    """The quirks of a station that introduced itself so."""
    names = [(text or "").casefold() for text in (vendor, model, firmware)]
    return [
        quirk
        for quirk in QUIRKS
        if all(
            fnmatchcase(name, pattern.casefold())
            for name, pattern in zip(names, quirk[:3], strict=True)
        )
    ]


def tolerance(
    vendor: str | None, model: str | None, firmware: str | None, conformance: str | None
) -> Tolerance:
    """The tolerance for a station; `conformance` is strict or tolerant."""
    if conformance == STRICT:
        return Tolerance(is_strict=True)
    known = frozenset((each.action, each.repair) for each in matching(vendor, model, firmware))
    return Tolerance(known=known) if known else DEFAULT
