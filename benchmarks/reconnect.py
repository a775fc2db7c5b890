"""What checking keys costs: `python -m benchmarks.reconnect`.

Stations connect again and again, all at the same time, without a key, with a key that the server
made, and with one that a person chose. Printed are the server's CPU seconds for a round of
reconnects, and how long stations that are connected wait for their answers after a restart, when
no chosen key has been checked yet and all are at once.
"""

import asyncio
import base64
import json
import os
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.machine import describe
from benchmarks.processes import accepts_tcp, environment, family_cpu_seconds, free_ports, running
from ocpp_trio.domain.station_keys import SCRYPT, SHA256, hashed

SERVE = (sys.executable, "-m", "ocpp_trio", "serve")
MIGRATE = (sys.executable, "-m", "ocpp_trio", "migrate")
KEY = bytes(range(20))
AT_ONCE = 60
"""Handshakes under way while the keys are checked for the first time: fewer than may wait."""
LIVE = 50
"""Stations that are connected and send heartbeats meanwhile."""
PAUSE = 0.5
"""Seconds between two heartbeats of one."""
KINDS = {"none": None, "made": SHA256, "chosen": SCRYPT}

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Refused(Exception):
    """The server refused a handshake: its status."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class Ports(NamedTuple):
    """Where the server listens."""

    stations: int
    api: int


async def connect(port: int, name: str, key: bytes | None) -> Streams:
    """A WebSocket, opened by hand: a client library would cost more than what is measured."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [
        f"GET /{name} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Protocol: ocpp1.6",
    ]
    if key is not None:
        sent = base64.b64encode(name.encode() + b":" + key).decode()
        lines.append(f"Authorization: Basic {sent}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if status != 101:
        writer.close()
        raise Refused(status)
    return reader, writer


async def persist(port: int, name: str, key: bytes | None) -> Streams:
    """Connect as stations do: refused with 503, a little later again."""
    while True:
        try:
            return await connect(port, name, key)
        except Refused as refused:
            if refused.status != 503:
                raise
        except (asyncio.IncompleteReadError, ConnectionError):
            # Not decided in time: OCPP_HANDSHAKE_TIMEOUT.
            pass
        await asyncio.sleep(0.5)


def prepare(folder: Path, ports: Ports, stations: int) -> dict[str, str]:
    """A database with the stations of each kind; the server's environment."""
    database = folder / "ocpp.db"
    env = environment(
        folder,
        {
            "OCPP_HOST": "127.0.0.1",
            "OCPP_WEBSOCKET_PORT": str(ports.stations),
            "OCPP_API_PORT": str(ports.api),
            "DB_SQLITE_PATH": str(database),
            "OCPP_REPLACEMENTS": "1000000",
            # They come from one address only here.
            "OCPP_MAX_WAITING_PER_ADDRESS": "10000",
            "OCPP_LOG_LEVEL": "warning",
            "OCPP_BACKUP": "false",
        },
    )
    subprocess.run(MIGRATE, env=env, cwd=folder, check=True, capture_output=True)
    with sqlite3.connect(database) as connection:
        for kind, scheme in KINDS.items():
            # One hash for all: checking it costs the same.
            kept = hashed(KEY, scheme) if scheme else (None, None, None)
            connection.executemany(
                "INSERT INTO charge_points (id, registration, created_at, updated_at, last_boot,"
                " key_scheme, key_salt, key_digest) VALUES (?, 'Accepted', 1, 1, 1, ?, ?, ?)",
                [(f"{kind}{number}", *kept) for number in range(stations)],
            )
    connection.close()
    return env


def key_of(kind: str) -> bytes | None:
    return KEY if KINDS[kind] else None


async def all_connect(
    port: int, kind: str, stations: int, at_once: int, before: list[Streams]
) -> list[Streams]:
    """Every station of a kind; what was connected before is closed first."""
    for _, writer in before:
        writer.close()
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> Streams:
        async with gate:
            return await persist(port, f"{kind}{number}", key_of(kind))

    return list(await asyncio.gather(*(one(number) for number in range(stations))))


async def round_of(
    pid: int, port: int, kind: str, stations: int, before: list[Streams]
) -> tuple[float, float, list[Streams]]:
    """Reconnect all; the server's CPU seconds, the seconds it took, the new connections."""
    cpu, began = family_cpu_seconds(pid), time.perf_counter()
    now = await all_connect(port, kind, stations, stations, before)
    # Until the end of the old connections is in the books.
    await asyncio.sleep(1.5)
    return family_cpu_seconds(pid) - cpu, time.perf_counter() - began - 1.5, now


def masked(text: str) -> bytes:
    """A text frame of a client."""
    data, mask = text.encode(), b"\0\0\0\0"
    size = len(data)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + struct.pack("!H", size)
    return head + mask + data


async def beat(port: int, name: str, seconds: list[float], stop: asyncio.Event) -> None:
    """Heartbeats until stopped; how long each was waited for."""
    reader, writer = await connect(port, name, None)
    for number in count():
        if stop.is_set():
            break
        began = time.perf_counter()
        writer.write(masked(json.dumps([2, f"m{number}", "Heartbeat", {}])))
        head = await reader.readexactly(2)
        size = head[1]
        if size == 126:
            size = struct.unpack("!H", await reader.readexactly(2))[0]
        await reader.readexactly(size)
        seconds.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE)
    writer.close()


async def storm(port: int, stations: int) -> tuple[float, list[float]]:
    """After a restart all stations with chosen keys come at once, while others are connected."""
    waits: list[float] = []
    stop = asyncio.Event()
    live = [asyncio.create_task(beat(port, f"none{number}", waits, stop)) for number in range(LIVE)]
    await asyncio.sleep(1)
    waits.clear()
    began = time.perf_counter()
    connected = await all_connect(port, "chosen", stations, stations, [])
    took = time.perf_counter() - began
    stop.set()
    await asyncio.gather(*live)
    for _, writer in connected:
        writer.close()
    return took, waits


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while not accepts_tcp(port):
        if time.monotonic() > deadline:
            raise click.ClickException("the server did not start")
        time.sleep(0.05)


@click.command()
@click.option("--stations", type=click.IntRange(1, 10_000), default=2000, show_default=True)
@click.option(
    "--rounds", type=click.IntRange(0), default=3, show_default=True, help="0: only the storm."
)
def main(stations: int, rounds: int) -> None:
    """Measure reconnects with and without keys, and a storm after a restart."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        for heading, text in describe(folder).items():
            click.echo(f"{heading}: {text}")
        ports = Ports(*free_ports(2))
        env = prepare(folder, ports, stations)
        if rounds:
            click.echo(f"\n{stations} stations reconnect at once; medians of {rounds} rounds")
            with running(SERVE, env, folder, folder / "server.log") as server:
                wait_for(ports.stations)
                asyncio.run(_rounds(server.pid, ports.stations, stations, rounds))
        with running(SERVE, env, folder, folder / "server.log") as server:
            wait_for(ports.stations)
            cpu = family_cpu_seconds(server.pid)
            took, waits = asyncio.run(storm(ports.stations, stations))
            cpu = family_cpu_seconds(server.pid) - cpu
    waits.sort()
    click.echo(
        f"\nafter a restart, {stations} chosen keys at once: all back in {took:.1f} s,"
        f" {cpu:.1f} s CPU\n{len(waits)} heartbeats of {LIVE} stations meanwhile:"
        f" p50 {waits[len(waits) // 2] * 1000:.1f} ms,"
        f" p99 {waits[len(waits) * 99 // 100] * 1000:.0f} ms, max {waits[-1] * 1000:.0f} ms"
    )


async def _rounds(pid: int, port: int, stations: int, rounds: int) -> None:
    base = None
    for kind in KINDS:
        click.echo(f"connecting: {kind}", err=True)
        connections = await all_connect(port, kind, stations, AT_ONCE, [])
        figures = []
        for number in range(rounds):
            click.echo(f"round {number + 1}: {kind}", err=True)
            cpu, took, connections = await round_of(pid, port, kind, stations, connections)
            figures.append((cpu, took))
        for _, writer in connections:
            writer.close()
        # Their end is no part of the next figure.
        await asyncio.sleep(5)
        cpu, took = (statistics.median(column) for column in zip(*figures, strict=True))
        base = cpu if base is None else base
        click.echo(f"key {kind:7} {cpu:.2f} s CPU ({cpu - base:+.2f} s), {took:.2f} s")


if __name__ == "__main__":
    main()
