"""The queue of a charge point that was offline for days, with retries and in disorder."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ocpp_trio.domain.times import DAY_MS, format_timestamp

DAYS = 3
CONNECTORS = 4
TAGS = ("TAG", "tag2", "Tag3")
REGISTER, POWER = "Energy.Active.Import.Register", "Power.Active.Import"
RETRIES = 0.25
"""The share of a queue that was sent before."""

SAME_ID = 0.3
"""The share of retries under the message id of the first sending."""

Payload = dict[str, Any]
Message = tuple["Session", str, int]
"""Session, action, number of the meter value."""


class Sample(NamedTuple):
    """A stored meter value, as the API shows it."""

    transaction_id: int
    timestamp: str
    measurand: str
    value: str
    source: str


@dataclass(eq=False)
class Session:
    """A charging session as its charge point knows it; energies in Wh, times in ms."""

    connector: int
    tag: str
    meter_start: int
    started_at: int
    stopped_at: int
    readings: list[tuple[int, int]]
    """(time, register) of each MeterValues."""
    energy: int
    has_data: bool
    """Whether its stop brings transactionData as well."""
    transaction_id: int = 0
    """What the server answered to the start."""

    def start(self) -> Payload:
        """StartTransaction."""
        return {
            "connectorId": self.connector,
            "idTag": self.tag,
            "meterStart": self.meter_start,
            "timestamp": format_timestamp(self.started_at),
        }

    def meter(self, number: int) -> Payload:
        """The MeterValues with that number."""
        moment, register = self.readings[number]
        return {
            "connectorId": self.connector,
            "transactionId": self.transaction_id,
            "meterValue": [_meter_value(moment, register, "Sample.Periodic")],
        }

    def stop(self) -> Payload:
        """StopTransaction."""
        data = [
            _meter_value(self.started_at, self.meter_start, "Transaction.Begin"),
            _meter_value(self.stopped_at, self.meter_stop, "Transaction.End"),
        ]
        return {
            "transactionId": self.transaction_id,
            "idTag": self.tag,
            "meterStop": self.meter_stop,
            "timestamp": format_timestamp(self.stopped_at),
            "reason": "EVDisconnected",
        } | ({"transactionData": data} if self.has_data else {})

    @property
    def meter_stop(self) -> int:
        """The register at the end."""
        return self.meter_start + self.energy

    def samples(self) -> list[Sample]:
        """Every sampled value that must be stored, once."""
        made: list[Sample] = []
        messages = [(self.meter(number), "MeterValues") for number in range(len(self.readings))]
        stop = self.stop()
        messages.append(({"meterValue": stop.get("transactionData", [])}, "TransactionData"))
        for payload, source in messages:
            for value in payload["meterValue"]:
                for sampled in value["sampledValue"]:
                    made.append(
                        Sample(
                            self.transaction_id,
                            value["timestamp"],
                            sampled["measurand"],
                            sampled["value"],
                            source,
                        )
                    )
        return made


class Queued(NamedTuple):
    """A message of a queue. `is_retry`: it was sent before; `is_same_id`: under the same id."""

    session: Session
    action: str
    number: int
    is_retry: bool
    is_same_id: bool

    def payload(self) -> Payload:
        """What is sent; all but a start need the answer to the start."""
        if self.action == "StartTransaction":
            return self.session.start()
        assert self.session.transaction_id, "sent before the start was answered"
        if self.action == "StopTransaction":
            return self.session.stop()
        return self.session.meter(self.number)


def _meter_value(moment: int, register: int, context: str) -> Payload:
    sampled = [{"value": str(register), "measurand": REGISTER, "unit": "Wh", "context": context}]
    if context == "Sample.Periodic":
        sampled.append({"value": str(register % 22_000), "measurand": POWER, "unit": "W"})
    return {"timestamp": format_timestamp(moment), "sampledValue": sampled}


def make_queue(messages: int, now: int, seed: int) -> tuple[list[Session], list[Queued]]:
    """The sessions of the last three days before `now`, and so many messages about them, shuffled.

    Of each session the start comes first: without its answer nothing else can be sent.
    """
    chance = random.Random(seed)
    sessions = _sessions(_sizes(messages - round(messages * RETRIES), chance), now, chance)
    once = [each for session in sessions for each in _messages_of(session)]
    shuffled = once + chance.choices(once, k=messages - len(once))
    chance.shuffle(shuffled)
    started: set[Session] = set()
    for place, (session, action, _) in enumerate(shuffled):
        if session not in started:
            started.add(session)
            if action != "StartTransaction":
                start = shuffled.index((session, "StartTransaction", 0), place)
                shuffled[place], shuffled[start] = shuffled[start], shuffled[place]
    seen: set[Message] = set()
    queue: list[Queued] = []
    for each in shuffled:
        queue.append(Queued(*each, each in seen, chance.random() < SAME_ID))
        seen.add(each)
    return sessions, queue


def _sizes(messages: int, chance: random.Random) -> list[int]:
    """How many messages each session has, so many in all; two at least."""
    sizes: list[int] = []
    while messages > 0:
        size = min(chance.randint(2, 12), messages)
        sizes.append(messages if messages - size < 2 else size)
        messages -= sizes[-1]
    return sizes


def _sessions(sizes: Sequence[int], now: int, chance: random.Random) -> list[Session]:
    """One session per size, one after the other on each connector."""
    made: list[Session] = []
    for connector in range(1, CONNECTORS + 1):
        mine = sizes[connector - 1 :: CONNECTORS]
        if not mine:
            continue
        room = DAYS * DAY_MS // len(mine)
        register = chance.randrange(10_000_000)
        for place, size in enumerate(mine):
            began = now - DAYS * DAY_MS + place * room
            length = round(room * chance.uniform(0.5, 0.95))
            readings = []
            energy = 0
            for number in range(1, size - 1):
                energy += chance.randint(1, 3_000)
                readings.append((began + length * number // (size - 1), register + energy))
            session = Session(
                connector,
                chance.choice(TAGS),
                register,
                began,
                began + length,
                readings,
                energy + chance.randint(0, 500),
                chance.random() < 0.3,
            )
            register = session.meter_stop
            made.append(session)
    return made


def _messages_of(session: Session) -> list[Message]:
    meters = [(session, "MeterValues", number) for number in range(len(session.readings))]
    return [(session, "StartTransaction", 0), *meters, (session, "StopTransaction", 0)]
