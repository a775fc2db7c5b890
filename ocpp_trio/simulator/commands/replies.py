"""How the functions of the commands answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.connection import Response

if TYPE_CHECKING:
    from ocpp_trio.simulator.charge_point import ChargePoint

Command = Callable[["ChargePoint", Payload], Response]


def status(word: str, then: Callable[[], None] | None = None) -> Response:
    """An answer that is only a status; `then` is done once it is on its way."""
    return Response({"status": word}, then)


def accepted(then: Callable[[], None] | None = None) -> Response:
    """Accepted."""
    return status("Accepted", then)


def accepted_if(is_so: bool) -> Response:
    """Accepted or Rejected."""
    return status("Accepted" if is_so else "Rejected")


def rejected() -> Response:
    """Rejected."""
    return status("Rejected")
