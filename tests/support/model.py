"""What the books must say: a small model of transactions, with rules of its own.

It shares no code with the server. Feed it what a charge point sent and what it was told; `view` is
what the database must hold then, and `read_view` what it does hold.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg

Payload = dict[str, Any]
View = dict[str, Any]

TRANSACTION_ACTIONS = ("StartTransaction", "StopTransaction", "MeterValues")
REFUSED = "SecurityError"
DAY = 86_400_000
MINUTE = 60_000
YEAR_2010 = 1_262_304_000_000


class Moment(NamedTuple):
    """A time as a station spells it; `ms` is None if nobody could read it."""

    text: str
    ms: int | None

    def believed(self, now: int) -> int:
        """The moment that counts when this arrives at `now`."""
        return now if self.ms is None or not YEAR_2010 <= self.ms <= now + DAY else self.ms

    def is_believed(self, now: int) -> bool:
        return self.ms is not None and self.believed(now) == self.ms


@dataclass
class Tag:
    """A registered tag."""

    status: str = "Accepted"
    limit: int | None = None


@dataclass
class Transaction:
    """One transaction; `stop` is the payload that ended it."""

    station: str
    start: Payload
    identity: tuple[Any, ...]
    has_clock: bool
    started_at: int
    answer: Payload
    stop: Payload | None = None
    stopped_at: int | None = None
    readings: list[tuple[int, int, bool]] = field(default_factory=list)

    def row(self) -> tuple[Any, ...]:
        stop = self.stop or {}
        return (
            self.station,
            self.start["connectorId"],
            self.start["idTag"],
            self.start["meterStart"],
            self.start["timestamp"],
            self.started_at,
            self.answer["idTagInfo"]["status"],
            int(self.stop is not None),
            stop.get("meterStop"),
            stop.get("timestamp"),
            self.stopped_at,
            stop.get("reason", "Local") if self.stop else None,
            stop.get("idTag"),
        )


class Books:
    """Everything that was sent, as it must be stored."""

    def __init__(self, tags: dict[str, Tag]) -> None:
        self.tags = tags
        self.booted: set[str] = set()
        self.transactions: dict[int, Transaction] = {}
        self.values: Counter[tuple[Any, ...]] = Counter()
        self.messages: set[tuple[Any, ...]] = set()
        self.review: dict[tuple[str, str, str], list[Any]] = {}

    def handle(
        self,
        station: str,
        action: str,
        payload: Payload,
        moments: dict[str, Moment],
        now: int,
        new_id: int | None,
    ) -> Payload | str:
        """Book a message; what its station must be told. `new_id`: the id of a start, if it is new.

        `moments`: what the times in the payload mean, by their spelling.
        """
        if station not in self.booted and action != "BootNotification":
            if action in TRANSACTION_ACTIONS:
                self._keep("unmatched", station, action, payload)
            return REFUSED
        if action == "BootNotification":
            self.booted.add(station)
            return {"status": "Accepted"}
        if action == "Authorize":
            return {"idTagInfo": {"status": self._status(payload["idTag"])}}
        if action == "StartTransaction":
            return self._start(station, payload, moments[payload["timestamp"]], now, new_id)
        if action == "MeterValues":
            return self._meter(station, payload, moments, now)
        assert action == "StopTransaction"
        return self._stop(station, payload, moments, now)

    def _status(self, id_tag: str) -> str:
        tag = self.tags.get(id_tag.upper())
        return "Invalid" if tag is None else tag.status

    def _start(
        self, station: str, payload: Payload, moment: Moment, now: int, new_id: int | None
    ) -> Payload:
        id_tag, connector = payload["idTag"], payload["connectorId"]
        when = moment.text if moment.ms is None else moment.ms
        identity = (station, connector, id_tag.upper(), when, payload["meterStart"])
        for known in self.transactions.values():
            # A station without a clock begins every session at the same moment.
            if known.identity == identity and (known.has_clock or known.stop is None):
                return known.answer
        status = self._status(id_tag)
        if status == "Accepted":
            limit = self.tags[id_tag.upper()].limit
            if limit is not None and self._active(id_tag.upper()) >= limit:
                status = "ConcurrentTx"
        if connector <= 0:
            status = "Invalid"
            self._keep("absurd", station, "StartTransaction", payload)
        assert new_id is not None, "a new start has no id"
        assert 0 < new_id < 2**31
        assert new_id > max(self.transactions, default=0), "an id was used again"
        answer = {"transactionId": new_id, "idTagInfo": {"status": status}}
        self.transactions[new_id] = Transaction(
            station, payload, identity, moment.is_believed(now), moment.believed(now), answer
        )
        return answer

    def _active(self, tag: str) -> int:
        return sum(
            known.start["idTag"].upper() == tag
            and known.stop is None
            and known.answer["idTagInfo"]["status"] == "Accepted"
            for known in self.transactions.values()
        )

    def _meter(
        self, station: str, payload: Payload, moments: dict[str, Moment], now: int
    ) -> Payload:
        number = payload.get("transactionId")
        if number is not None and not self._owns(station, number):
            self._keep("unmatched", station, "MeterValues", payload)
            return {}
        self._read(station, payload["connectorId"], number, payload, "meterValue", moments, now)
        return {}

    def _read(
        self,
        station: str,
        connector: int,
        number: int | None,
        payload: Payload,
        part: str,
        moments: dict[str, Moment],
        now: int,
    ) -> None:
        message = (station, number, json.dumps(payload, sort_keys=True))
        if message in self.messages:
            return
        self.messages.add(message)
        source = "MeterValues" if part == "meterValue" else "TransactionData"
        for value in payload.get(part, ()):
            moment = moments[value["timestamp"]]
            at = moment.believed(now)
            for sampled in value["sampledValue"]:
                wh = sampled["value"]
                self.values[station, connector, number or 0, wh, at, source] += 1
                if number is not None:
                    reading = (at, int(wh), moment.is_believed(now))
                    self.transactions[number].readings.append(reading)

    def _stop(
        self, station: str, payload: Payload, moments: dict[str, Moment], now: int
    ) -> Payload:
        answer: Payload = {}
        if "idTag" in payload:
            answer = {"idTagInfo": {"status": self._status(payload["idTag"])}}
        number = payload["transactionId"]
        if not self._owns(station, number):
            self._keep("unmatched", station, "StopTransaction", payload)
            return answer
        known = self.transactions[number]
        if known.stop is not None:
            if _without_data(known.stop) != _without_data(payload):
                self._keep("conflict", station, "StopTransaction", payload)
            return answer
        moment = moments[payload["timestamp"]]
        known.stop, known.stopped_at = payload, moment.believed(now)
        self._read(
            station, known.start["connectorId"], number, payload, "transactionData", moments, now
        )
        energy = payload["meterStop"] - known.start["meterStart"]
        if (
            not 0 <= energy <= 10_000_000
            or not moment.is_believed(now)
            or known.stopped_at < known.started_at - 5 * MINUTE
        ):
            self._keep("absurd", station, "StopTransaction", payload)
        return answer

    def _owns(self, station: str, number: int) -> bool:
        known = self.transactions.get(number)
        return known is not None and known.station == station

    def _keep(self, kind: str, station: str, action: str, payload: Payload) -> None:
        item = self.review.setdefault(
            (station, action, json.dumps(payload, sort_keys=True)), [kind, 0]
        )
        item[1] += 1

    def view(self) -> View:
        """What the database must hold."""
        return {
            "booted": set(self.booted),
            "transactions": {number: known.row() for number, known in self.transactions.items()},
            "values": dict(self.values),
            "review": {key: tuple(item) for key, item in self.review.items()},
        }

    def check_registers(self, registers: dict[int, int | None]) -> None:
        """A running transaction shows its newest register; by whichever time, one that was sent."""
        for number, known in self.transactions.items():
            if known.stop is not None:
                continue
            shown = registers[number]
            if not known.readings:
                assert shown is None, number
                continue
            assert shown in {wh for _, wh, _ in known.readings}, number
            newest = max(known.readings)
            if all(timed for _, _, timed in known.readings) and (
                sum(at == newest[0] for at, _, _ in known.readings) == 1
            ):
                assert shown == newest[1], number


def _without_data(stop: Payload) -> tuple[Any, ...]:
    return (
        stop["meterStop"],
        stop["timestamp"],
        stop.get("reason", "Local"),
        stop.get("idTag"),
    )


def read_view(
    connection: sqlite3.Connection | psycopg.Connection[Any],
) -> tuple[View, dict[int, int | None]]:
    """What the database does hold, and the newest registers by transaction."""
    booted = connection.execute("SELECT id FROM charge_points WHERE last_boot IS NOT NULL")
    transactions = connection.execute(
        "SELECT id, charge_point_id, connector_id, id_tag, meter_start, start_text, started_at,"
        " authorization_status, is_complete, meter_stop, stop_text, stopped_at, stop_reason,"
        " stop_id_tag, register_wh FROM transactions"
    ).fetchall()
    values = connection.execute(
        "SELECT charge_point_id, connector_id, transaction_id, value, timestamp, source"
        " FROM meter_values"
    )
    review = connection.execute(
        "SELECT charge_point_id, action, message, kind, times FROM review_items"
    )
    return {
        "booted": {row[0] for row in booted},
        "transactions": {row[0]: tuple(row[1:-1]) for row in transactions},
        "values": dict(Counter(map(tuple, values))),
        "review": {
            (station, action, json.dumps(json.loads(message), sort_keys=True)): (kind, times)
            for station, action, message, kind, times in review
        },
    }, {row[0]: row[-1] for row in transactions}
