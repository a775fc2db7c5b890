"""Parts of requests that many resources have: moments, numbers in paths, periods of time."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from ocpp_trio.api.listing import ListQuery
from ocpp_trio.api.operation import Call
from ocpp_trio.api.params import INT64_MAX
from ocpp_trio.api.problems import Problem, invalid
from ocpp_trio.domain.times import parse_timestamp

Moment = Annotated[str, Meta(description="ISO 8601; UTC without a zone")]


class PeriodQuery(ListQuery, forbid_unknown_fields=True):
    """A list that can be asked about a period of time."""

    since: Annotated[str, Meta(description="then or later")] | None = field(
        default=None, name="from"
    )
    until: Annotated[str, Meta(description="before then")] | None = field(default=None, name="to")


def moment(name: str, text: str | None) -> int | None:
    """A time of a request in ms; None for None."""
    if text is None:
        return None
    found = parse_timestamp(text)
    if found is None:
        raise invalid(name, "must be a date and time such as 2030-12-31T23:59:59Z")
    return found


def number_in_path(call: Call[Any, Any], what: str) -> int:
    """The number in the path; 404 if it can be none."""
    text = call.id
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    if not 0 < number <= INT64_MAX:
        raise missing(call, what)
    return number


def missing(call: Call[Any, Any], what: str) -> Problem:
    """404: there is no such thing."""
    return Problem("not-found", f"there is no {what} {call.id}")
