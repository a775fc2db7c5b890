"""Asking charge points for messages that no person ordered (TriggerMessage, OCPP 1.6 section 5.17).

The manners, shared by all services that ask: only who is connected and accepted, and not soon after
a boot; never while a command waits for the station or is on its way; not all at once; and not again
before its next boot if it does not know the request.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

import structlog
import trio

from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.errors import CallErrorReceived, CommandFailed, CommandReplaced, StoreUnavailable
from ocpp_trio.ocppj.frames import Payload

log = structlog.get_logger()

ACTION = "TriggerMessage"
EXTENDED = "ExtendedTriggerMessage"
"""The action for messages of the Security Whitepaper (section 5.5)."""
SIGN_CERTIFICATE = "SignChargePointCertificate"
NOT_KNOWN = frozenset({"NotImplemented", "NotSupported"})
MAX_LOST = 2
"""Connections lost while we asked, one after the other, after which a station is left alone."""


class Question(NamedTuple):
    """Which message of which connector (None: of none), and why. `last_boot` (ms) is the station's
    last one.
    """

    charge_point_id: str
    connector_id: int | None
    message: str
    last_boot: int | None
    why: str

    @property
    def action(self) -> str:
        """The command that asks for it."""
        return EXTENDED if self.message == SIGN_CERTIFICATE else ACTION

    @property
    def payload(self) -> Payload:
        """What is sent."""
        payload: Payload = {"requestedMessage": self.message}
        if self.connector_id is not None:
            payload["connectorId"] = self.connector_id
        return payload


class Asking:
    """Asks, for all services; remembers who refused."""

    def __init__(self, central: Central, commands: Commands) -> None:
        self._central = central
        self._commands = commands
        # Station -> its boot at the time, and what it does not know: a message, or the action.
        self._refused: dict[str, tuple[int | None, set[str]]] = {}
        self._lost: dict[str, int] = {}

    def may_ask(self, question: Question) -> bool:
        """Whether the question may be asked at this moment."""
        session = self._central.hub.get(question.charge_point_id)
        if session is None or not session.accepted or session.carrier.busy:
            return False
        quiet = self._central.settings.asking_quiet
        if trio.current_time() - session.quiet_since < quiet:
            return False
        return not self._gives_up(question) and not self._is_refused(question)

    async def ask(self, service: str, questions: Iterable[Question]) -> None:
        """Ask what may be asked, spread over time; returns when all have answered or failed.

        The questions to one station are asked one after the other.
        """
        by_station: dict[str, list[Question]] = {}
        for question in questions:
            if self.may_ask(question):
                by_station.setdefault(question.charge_point_id, []).append(question)
        settings = self._central.settings
        began = trio.current_time()
        spread = settings.asking_spread
        delays = sorted(random.uniform(0, spread) for _ in by_station)  # noqa: S311 - not a secret
        stations = list(by_station.values())
        random.shuffle(stations)
        slots = trio.Semaphore(settings.asking_at_once)
        async with trio.open_nursery() as nursery:
            for delay, station in zip(delays, stations, strict=True):
                await trio.sleep_until(began + delay)
                await slots.acquire()
                nursery.start_soon(self._ask_station, service, station, slots)

    async def _ask_station(
        self, service: str, questions: list[Question], slots: trio.Semaphore
    ) -> None:
        try:
            for question in questions:
                # Again: much may have happened since it was due.
                if self.may_ask(question):
                    await self._ask_one(service, question)
        finally:
            slots.release()

    async def _ask_one(self, service: str, question: Question) -> None:
        point = question.charge_point_id
        answer, level = "", log.info
        try:
            outcome = await self._commands.execute(
                point, question.action, question.payload, actor=service.replace(" ", "-")
            )
            answer = str(outcome.response.get("status"))
            if answer in NOT_KNOWN:
                self._note_refusal(question, question.message)
        except CommandReplaced as error:
            self._lost[point] = self._lost.get(point, 0) + 1
            answer, level = str(error), log.warning
        except (CommandFailed, StoreUnavailable) as error:
            answer = str(error)
            if isinstance(error, CallErrorReceived) and error.code in NOT_KNOWN:
                self._note_refusal(question, question.action)
        else:
            self._lost.pop(point, None)
        level(
            f"asked for {question.message}",
            source=service,
            charge_point=point,
            connector=question.connector_id,
            why=question.why,
            answer=answer,
            **self._consequence(question),
        )

    def _gives_up(self, question: Question) -> bool:
        """Whether our questions seem to kill the station's connection: stations crash on some."""
        return self._lost.get(question.charge_point_id, 0) >= MAX_LOST

    def _is_refused(self, question: Question) -> bool:
        boot, unknown = self._refused.get(question.charge_point_id, (None, set()))
        return boot == question.last_boot and bool(unknown & {question.action, question.message})

    def _note_refusal(self, question: Question, what: str) -> None:
        boot, unknown = self._refused.get(question.charge_point_id, (None, set()))
        if boot != question.last_boot:
            unknown = set()
        self._refused[question.charge_point_id] = (question.last_boot, unknown | {what})

    def _consequence(self, question: Question) -> dict[str, str]:
        if self._gives_up(question):
            return {"so": "not asked again until the server is restarted"}
        if self._is_refused(question):
            return {"so": "not asked again before its next boot"}
        return {}
