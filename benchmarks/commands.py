"""P5: a command over the whole path, beside a plain question to the same HTTP API.

A station answers each CALL at once; POST /api/commands/trigger-message and GET /api/status take
turns on one connection. A command is two durable records and a message to the station and back.
"""

import asyncio
import json
import tempfile
from pathlib import Path

import click
import picows
import uvloop

from benchmarks.api import ApiClient
from benchmarks.machine import describe
from benchmarks.measurement import percentile
from benchmarks.options import announce, folder_option, json_option, write_json
from benchmarks.peers import OCPP_TRIO, Place, new_place
from benchmarks.rounds import serving
from benchmarks.station import start_charging
from benchmarks.table import grid

COUNT, QUICK_COUNT = 2_000, 300
WARMUP = 50
IDENTITY = "BENCH-0001"
GOAL = 3.0


class ReadyStation(picows.WSListener):
    """Boots, then answers each CALL with Accepted, at once."""

    def __init__(self) -> None:
        self.booted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begin = start_charging(IDENTITY, 0)

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        transport.send(picows.WSMsgType.TEXT, next(self._begin).frame)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type is not picows.WSMsgType.TEXT:
            return
        text = frame.get_payload_as_bytes()
        kind, unique_id, *_ = json.loads(text)
        if kind == 2:
            answer = json.dumps([3, unique_id, {"status": "Accepted"}]).encode()
            transport.send(picows.WSMsgType.TEXT, answer)
        else:
            try:
                transport.send(picows.WSMsgType.TEXT, self._begin.send(text).frame)
            except StopIteration:
                self.booted.set_result(None)


async def measure(place: Place, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each question and of each command, both ascending."""
    path = f"ws://127.0.0.1:{place.websocket_port}/{IDENTITY}"
    headers = {"Sec-WebSocket-Protocol": "ocpp1.6"}
    transport, station = await picows.ws_connect(ReadyStation, path, extra_headers=headers)
    assert isinstance(station, ReadyStation)
    await asyncio.wait_for(station.booted, 10)
    body = json.dumps({"chargePointId": IDENTITY, "requestedMessage": "Heartbeat"}).encode()
    questions, commands = [], []
    async with ApiClient(place.api_port) as client:
        for number in range(WARMUP + count):
            question, _ = await client.request("GET", "/api/status")
            command, _ = await client.request("POST", "/api/commands/trigger-message", body)
            if number >= WARMUP:
                questions.append(question)
                commands.append(command)
    transport.disconnect()
    return sorted(questions), sorted(commands)


@click.command("p5", short_help="a command over the whole path, beside GET /api/status")
@click.option("--count", type=click.IntRange(1), help=f"Of each.  [default: {COUNT}]")
@click.option("--quick", is_flag=True, help=f"{QUICK_COUNT} of each, for a first look.")
@folder_option
@json_option
def main(count: int | None, quick: bool, folder: Path, json_file: Path | None) -> None:
    """A command over the whole path, beside GET /api/status: one after the other, in turn."""
    count = count or (QUICK_COUNT if quick else COUNT)
    machine = describe(folder)
    announce(f"p5: {count} commands to a station that answers at once, in turn", machine)
    with tempfile.TemporaryDirectory(prefix="ocpp-bench-", dir=folder) as name:
        place = new_place(Path(name))
        with serving(OCPP_TRIO, place):
            questions, commands = uvloop.run(measure(place, count))
    figures = {}
    rows = [["request", "p50 ms", "p99 ms", "max ms", "x GET"]]
    for title, took in (("GET /api/status", questions), ("POST a command", commands)):
        p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
        multiple = p50 / percentile(questions, 0.5)
        figures[title] = {"p50": p50, "p99": p99, "max": took[-1], "multiple": multiple}
        rows.append([title, f"{p50:.2f}", f"{p99:.2f}", f"{took[-1]:.2f}", f"{multiple:.2f}"])
    click.echo(grid(rows))
    click.echo(f"goal: at most {GOAL:g} x GET")
    write_json(json_file, {"scenario": "p5", "machine": machine, "count": count, **figures})
