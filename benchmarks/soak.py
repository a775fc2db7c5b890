"""A soak: many stations for many minutes, with faults and commands; does anything grow?

Stations charge, drop their connections in the middle of a message, repeat themselves, send rubbish
and what belongs to nobody, and come back; people read lists and send commands meanwhile.
"""

import asyncio
import contextlib
import json
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import picows
import uvloop

from benchmarks.api import ApiClient, ApiError
from benchmarks.machine import describe
from benchmarks.options import (
    announce,
    folder_option,
    json_option,
    progress,
    write_json,
)
from benchmarks.peers import OCPP_TRIO, Place, new_place
from benchmarks.processes import memory_kib, open_files, raise_file_limit
from benchmarks.rounds import RoundFailed, serving
from benchmarks.station import Timestamps
from benchmarks.table import grid

PAUSE = 2.0
"""Seconds between two messages of a station, on average."""
FAULTS = 0.03
"""Of the messages, so many are a fault instead."""
ANSWER_TIMEOUT = 30.0
COMMANDS_PER_SECOND = 10
SAMPLE_INTERVAL = 5.0
READS = (
    "/api/status",
    "/api/charge-points?limit=50",
    "/api/transactions?limit=50",
    "/metrics",
)
RUBBISH = (b"", b"{", b'[2,"x"]', b'[2,"y","Nonsense",{}]', b'[3,"z",{}]', b'"' * 300)


class Counts:
    """What happened so far."""

    def __init__(self) -> None:
        self.answered = self.faults = self.connections = 0
        self.commands = self.refused_commands = self.reads = 0
        self.wrong: list[str] = []
        self.is_over = False


class SoakStation(picows.WSListener):
    """One connection: sends a CALL and waits for its answer; accepts every command."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[list[Any]] | None = None
        self.gone = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type is not picows.WSMsgType.TEXT:
            return
        message = json.loads(frame.get_payload_as_bytes())
        if message[0] == 2:
            answer = json.dumps([3, message[1], {"status": "Accepted"}])
            transport.send(picows.WSMsgType.TEXT, answer.encode())
        elif self.answer is not None and not self.answer.done():
            self.answer.set_result(message)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionError("disconnected"))
        if not self.gone.done():
            self.gone.set_result(None)

    async def send(self, text: str) -> list[Any]:
        """The answer to a CALL. Raises ConnectionError, TimeoutError."""
        if self.gone.done():
            raise ConnectionError("disconnected")
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.send(picows.WSMsgType.TEXT, text.encode())
        return await asyncio.wait_for(self.answer, ANSWER_TIMEOUT)


class Driver:
    """What one station does all the time."""

    def __init__(self, number: int, port: int, counts: Counts) -> None:
        self._identity = f"SOAK-{number:04d}"
        self._port, self._counts = port, counts
        self._chance = random.Random(number)
        self._timestamp = Timestamps()
        self._sent = 0
        self._meter = 1_000_000
        self._transaction: int | None = None

    async def run(self) -> None:
        """Connect, talk, be cut off, connect again, until cancelled."""
        # A cancelled handshake may come out as an error of the handshake.
        while not self._counts.is_over:
            await asyncio.sleep(self._chance.uniform(0, 2 * PAUSE))
            with contextlib.suppress(ConnectionError, picows.WSError, OSError):
                transport, station = await picows.ws_connect(
                    SoakStation,
                    f"ws://127.0.0.1:{self._port}/{self._identity}",
                    extra_headers={"Sec-WebSocket-Protocol": "ocpp1.6"},
                )
                self._counts.connections += 1
                try:
                    assert isinstance(station, SoakStation)
                    await self._talk(station)
                finally:
                    transport.disconnect(graceful=self._chance.random() < 0.5)

    async def _talk(self, station: SoakStation) -> None:
        await self._call(
            station,
            "BootNotification",
            {"chargePointVendor": "B", "chargePointModel": "Soak"},
        )
        while True:
            await asyncio.sleep(self._chance.uniform(0, 2 * PAUSE))
            if self._chance.random() < FAULTS and await self._fault(station):
                return
            await self._next(station)

    async def _next(self, station: SoakStation) -> None:
        """The next message of a life of sessions."""
        now = self._timestamp(time.time()).decode()
        if self._transaction is None:
            start = {"connectorId": 1, "idTag": "BENCH", "meterStart": self._meter}
            answer = await self._call(station, "StartTransaction", start | {"timestamp": now})
            self._transaction = answer.get("transactionId")
        elif self._chance.random() < 0.1:
            stop = {"transactionId": self._transaction, "meterStop": self._meter}
            await self._call(station, "StopTransaction", stop | {"timestamp": now})
            self._transaction = None
        elif self._chance.random() < 0.2:
            status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
            await self._call(station, "StatusNotification", status)
        elif self._chance.random() < 0.2:
            await self._call(station, "Heartbeat", {})
        else:
            self._meter += 10
            sampled = [
                {"value": str(self._meter)},
                {"value": "230", "measurand": "Voltage"},
            ]
            value = {"timestamp": now, "sampledValue": sampled}
            values = {
                "connectorId": 1,
                "transactionId": self._transaction,
                "meterValue": [value],
            }
            await self._call(station, "MeterValues", values)

    async def _fault(self, station: SoakStation) -> bool:
        """Something that should not happen; whether the connection is to end."""
        self._counts.faults += 1
        kind = self._chance.randrange(4)
        if kind == 0:
            # Rubbish is refused or ignored; at worst it ends the connection.
            station.transport.send(picows.WSMsgType.TEXT, self._chance.choice(RUBBISH))
            return False
        if kind == 1:
            # What belongs to nobody is answered, and kept for a person.
            value = {
                "timestamp": "2026-01-01T00:00:00Z",
                "sampledValue": [{"value": "1"}],
            }
            values = {
                "connectorId": 1,
                "transactionId": 2**31 - 1,
                "meterValue": [value],
            }
            await self._call(station, "MeterValues", values)
            return False
        if kind == 2:
            # A message whose answer nobody waits for.
            text = json.dumps([2, self._next_id(), "Heartbeat", {}])
            station.transport.send(picows.WSMsgType.TEXT, text.encode())
        return True

    def _next_id(self) -> str:
        self._sent += 1
        return f"{self._identity}.{self._sent}"

    async def _call(
        self, station: SoakStation, action: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        unique_id = self._next_id()
        try:
            answer = await station.send(json.dumps([2, unique_id, action, payload]))
        except TimeoutError:
            self._counts.wrong.append(f"{self._identity}: {action} was not answered")
            raise ConnectionError("no answer") from None
        if answer[0] == 3 and answer[1] == unique_id:
            self._counts.answered += 1
            return dict(answer[2])
        if answer[1] == unique_id:
            self._counts.wrong.append(f"{self._identity}: {action}: {answer}")
        # The answer to what was sent as a fault: this one's comes behind it, and is not waited for.
        return {}


async def command(port: int, stations: int, counts: Counts) -> None:
    """Send commands to stations, connected or not, until cancelled."""
    chance = random.Random(0)
    async with ApiClient(port) as client:
        while True:
            await asyncio.sleep(1 / COMMANDS_PER_SECOND)
            point = f"SOAK-{chance.randrange(stations):04d}"
            body = {"chargePointId": point, "requestedMessage": "Heartbeat"}
            try:
                path = "/api/commands/trigger-message"
                await client.request("POST", path, json.dumps(body).encode())
                counts.commands += 1
            except ApiError:
                counts.refused_commands += 1


async def read(port: int, counts: Counts) -> None:
    """Read lists, until cancelled."""
    async with ApiClient(port) as client:
        while True:
            for path in READS:
                with contextlib.suppress(ApiError):
                    await client.request("GET", path)
                    counts.reads += 1
            await asyncio.sleep(1)


async def soak(
    place: Place, pid: int, stations: int, minutes: float, counts: Counts
) -> list[dict[str, float]]:
    """The samples: seconds, messages answered, KiB, descriptors."""
    tasks = [
        asyncio.create_task(Driver(number, place.websocket_port, counts).run())
        for number in range(stations)
    ]
    tasks.append(asyncio.create_task(command(place.api_port, stations, counts)))
    tasks.append(asyncio.create_task(read(place.api_port, counts)))
    samples = []
    began = time.perf_counter()
    try:
        while (elapsed := time.perf_counter() - began) < minutes * 60:
            await asyncio.sleep(SAMPLE_INTERVAL)
            sample = {"seconds": elapsed, "answered": counts.answered}
            samples.append(sample | {"kib": memory_kib(pid), "files": open_files(pid)})
            for task in tasks:
                if task.done():
                    task.result()
            if len(samples) % 12 == 0:
                progress(
                    f"{elapsed:.0f} s: {counts.answered:,} answered, {counts.faults:,} faults,"
                    f" {samples[-1]['kib'] / 1024:.1f} MiB, {samples[-1]['files']} descriptors"
                )
    finally:
        # Also when it is told to end sooner.
        counts.is_over = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return samples


@click.command("soak", short_help="many stations for many minutes, with faults and commands")
@click.option("--minutes", type=click.FloatRange(0.5), default=15.0, show_default=True)
@click.option("--stations", type=click.IntRange(1), default=1_000, show_default=True)
@folder_option
@json_option
def main(minutes: float, stations: int, folder: Path, json_file: Path | None) -> None:
    """Stations that charge, fail and come back, commands and reads, for some minutes; memory and
    descriptors of the server must not grow. Fails if a message is refused or not answered.
    """
    raise_file_limit(stations)
    machine = describe(folder)
    announce(f"soak: {stations} stations for {minutes:g} minutes", machine)
    counts = Counts()
    with tempfile.TemporaryDirectory(prefix="ocpp-bench-", dir=folder) as name:
        place = new_place(Path(name))
        with serving(OCPP_TRIO, place) as server:
            samples = uvloop.run(soak(place, server.pid, stations, minutes, counts))
    fifth = max(1, len(samples) // 5)
    rows = [["part", "answered", "MiB", "descriptors"]]
    for part in range(5):
        of_part = samples[part * fifth : (part + 1) * fifth] or samples[-1:]
        kib = statistics.mean(each["kib"] for each in of_part)
        files = statistics.mean(each["files"] for each in of_part)
        rows.append(
            [
                f"{part + 1}/5",
                f"{of_part[-1]['answered']:,.0f}",
                f"{kib / 1024:.1f}",
                f"{files:.0f}",
            ]
        )
    click.echo(grid(rows))
    click.echo(
        f"{counts.connections:,} connections, {counts.answered:,} messages answered,"
        f" {counts.faults:,} faults, {counts.commands:,} commands answered,"
        f" {counts.refused_commands:,} not (station gone), {counts.reads:,} reads"
    )
    write_json(json_file, {"scenario": "soak", "machine": machine, "samples": samples})
    if counts.wrong:
        raise RoundFailed("\n  ".join([f"{len(counts.wrong)} went wrong:", *counts.wrong[:20]]))
