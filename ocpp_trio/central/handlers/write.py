"""A handler whose message is stored by one unit of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.ocppj.peer import Request

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session


@dataclass(frozen=True, slots=True)
class Write:
    """What is done before the unit of work and after its commit. Neither waits: between them no
    task need be woken.
    """

    unit: Callable[[Session, Request], tuple[Any, ...]]
    """The unit, and its arguments after the transaction."""
    answer: Callable[[Session, Request, Any], Payload]
    """The payload of the CALLRESULT, by the unit's result."""

    async def __call__(self, session: Session, request: Request) -> Payload:
        """Both, and the commit between them."""
        unit, *arguments = self.unit(session, request)
        result = await session.central.database.write(unit, *arguments)
        return self.answer(session, request, result)
