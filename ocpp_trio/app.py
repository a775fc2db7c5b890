"""The task tree, whole; the only composition root.

    trio.run(main)
    `- open_database()            outermost, closed last
       `- services nursery        periodic work, each contained and retried with backoff; commands
          |                       that nobody waits for, batches of them
          `- sessions nursery     one task per charge point
             `- front nursery     a fault here ends the process
                |- http           hypercorn, serving the Starlette app
                `- accepting      charge point listener

A stop leaves it from the inside: nobody new comes in, HTTP drains while the sessions still live (so
that commands in flight get their answers), then the sessions are closed with 1001, then the
services end, then the database.
"""

from __future__ import annotations

import datetime
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog
import trio

from ocpp_trio import authority, limits, logs, network
from ocpp_trio.api.app import build_app
from ocpp_trio.api.context import Context
from ocpp_trio.api.keyring import prepare_keys
from ocpp_trio.api.server import serve_http
from ocpp_trio.central import keepalive
from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.central.hints import Hints
from ocpp_trio.central.listener import Listener
from ocpp_trio.central.node import Node, check_role
from ocpp_trio.central.wakeups import hear_of_others
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import system_now
from ocpp_trio.errors import StoreLost, StoreUnavailable
from ocpp_trio.ports import Ports, listening
from ocpp_trio.services.log_writer import write_logs
from ocpp_trio.services.membership import joined
from ocpp_trio.services.periodic import periodic
from ocpp_trio.store.opening import open_database
from ocpp_trio.supervise import Health, Tick, every
from ocpp_trio.tls import Reloading

log = structlog.get_logger()

EXIT_FAULT = 70
"""The stop hung, or nothing could be stored durably any more."""
GC_THRESHOLD = 20_000
"""Allocations between two looks for cycles; the default of 700 costs 8 % of the time under load."""


@dataclass(frozen=True, slots=True)
class Started:
    """What a started server tells: its ports (None: not bound), whether the API asks for a key, and
    the key it has just made, if any.
    """

    websocket_port: int | None
    wss_port: int | None
    api_port: int | None
    needs_key: bool
    made_key: str | None


def run(settings: Settings, announce: Callable[[Started], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigError or StoreError if it cannot start."""
    logs.configure(settings.log_level, settings.log_format)
    settings, shortage = limits.within_open_files(settings, network.raise_file_limit())
    if shortage:
        log.warning(shortage)
    # Modules and schemas live as long as the process: they need not be looked at again. Messages
    # make few cycles, and most objects die young by their reference count.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    trio.run(main, settings, announce)


async def main(settings: Settings, announce: Callable[[Started], None]) -> None:
    """The server. `announce` is called once, when its ports answer."""
    check_role(settings)
    authority.prepare(settings, datetime.datetime.now(datetime.UTC))
    with listening(settings) as ports:
        await _serve(settings, announce, ports)


async def _serve(
    settings: Settings,
    announce: Callable[[Started], None],
    ports: Ports,
) -> None:
    """The tree of the module's docstring, on sockets that listen already."""
    api_port = network.port_of(ports.api) if ports.api else settings.api_port
    scheme = "https" if ports.api_tls else "http"
    reloading = Reloading(ports.tls)
    async with open_database(settings, as_server=True, crash=_crash) as database:
        keys, made_key = await prepare_keys(database, settings, system_now, make=bool(ports.api))
        needs_key = bool(keys) and settings.api_auth == "on"
        hints = Hints(f"{scheme}://localhost:{api_port}", needs_key=needs_key)
        node = Node(settings.node_id, settings.role, network.place(ports.sockets))
        central = Central(settings, database, hints=hints, node=node)
        network.count_failed_accepts(central.counts)
        membership = await joined(central)
        orders = Commands(central)
        health = Health()
        context = Context(
            settings=settings,
            database=database,
            hub=central.hub,
            commands=orders,
            health=health,
            keys=keys,
            authentication=central.authentication,
            now=system_now,
            started=trio.current_time(),
            node=node,
            counts=central.counts,
        )
        stopping = trio.Event()
        drain = settings.shutdown_timeout / 3
        # What gathers in memory; written once more at the end.
        gathering: list[tuple[float, str, Tick]] = [
            (settings.presence_interval, "presence", partial(central.presence.write, database)),
            (settings.api_keys_interval, "API keys", partial(keys.refresh, database)),
            (settings.log_interval, "log writer", partial(write_logs, database, logs.ENTRIES)),
        ]
        async with trio.open_nursery() as services:
            alive: Tick = partial(membership.tick, orders)
            services.start_soon(
                every, settings.node_heartbeat, "membership", alive, health, name="membership"
            )
            for seconds, name, tick in (*gathering, *periodic(central, orders, reloading)):
                services.start_soon(every, seconds, name, tick, health, name=name)
            services.start_soon(central.poller.run, name="poller")
            services.start_soon(keepalive.watch, central, name="keepalive")
            await services.start(orders.run, name="commands")
            if not membership.alone:
                services.start_soon(hear_of_others, central, orders.serve, name="wakeups")
            async with trio.open_nursery() as sessions:
                async with trio.open_nursery() as front:
                    if ports.api:
                        app, counts = build_app(context), central.counts
                        serve = partial(serve_http, app, settings, counts, ports.api, ports.api_tls)
                        front.start_soon(serve, stopping, drain, name="http")
                    async with trio.open_nursery() as accepting:
                        # Also where no charge point comes in, a stop begins here.
                        accepting.start_soon(trio.sleep_forever)
                        listener = Listener(central)
                        for doors, tls in ports.for_stations:
                            serve = partial(listener.serve, doors, sessions, tls)
                            accepting.start_soon(serve, name="charge point listener")
                        await services.start(
                            _watch_signals,
                            accepting.cancel_scope,
                            services.cancel_scope,
                            reloading.now,
                        )
                        announce(_started(ports, needs_key, made_key))
                    _start_watchdog(settings.shutdown_timeout)
                    log.info("stopping", connected=len(central.hub))
                    stopping.set()
                    orders.drain(drain / 2)
                central.hub.end_all(1001, "the server is stopping")
                sessions.cancel_scope.deadline = trio.current_time() + drain
            log.info("stopped")
            # Failing here, they fail as they did before: the stop goes on.
            with suppress(StoreUnavailable):
                for _, _, tick in gathering:
                    await tick()
            services.cancel_scope.cancel()
        with suppress(StoreUnavailable):
            await membership.leave()


def _started(ports: Ports, needs_key: bool, made_key: str | None) -> Started:
    bound = (ports.websocket, ports.wss, ports.api)
    websocket, wss, api = (network.port_of(each) if each else None for each in bound)
    return Started(websocket, wss, api, needs_key, made_key)


async def _watch_signals(
    accepting: trio.CancelScope,
    everything: trio.CancelScope,
    reload: Tick,
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """The first SIGINT or SIGTERM begins an ordered stop, a second one ends it at once. SIGHUP
    reads the certificates again, or is a stop if it says that our terminal is gone.
    """
    terminals = [stream.fileno() for stream in (sys.stdout, sys.stderr) if stream.isatty()]
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGHUP:
                if all(os.isatty(each) for each in terminals):
                    await reload()
                    continue
                _leave(terminals)
            if accepting.cancel_called:
                everything.cancel()
            accepting.cancel()


def _leave(terminals: list[int]) -> None:
    """What is written to a terminal that is gone fails: from now on it goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for each in terminals:
        os.dup2(nowhere, each)
    os.close(nowhere)


def _start_watchdog(seconds: float) -> None:
    """End the process if the ordered stop takes longer: whoever started it waits no longer."""

    def watch() -> None:
        time.sleep(seconds)
        log.error("the stop took too long; ending the process", seconds=seconds)
        os._exit(EXIT_FAULT)

    threading.Thread(target=watch, daemon=True, name="watchdog").start()


def _crash(error: BaseException) -> None:
    """End the process at once: without its writer it could only give answers that are not kept.

    No ordered stop: whoever got an answer has what it says on disk, and nobody may get another.
    """
    if isinstance(error, StoreLost):
        why = str(error)
    else:
        why = f"the writer failed: {error!r}"
        log.critical("the writer failed", source="store", exc_info=error)
    log.critical(f"{why}; ending the process", source="store", code=EXIT_FAULT)
    os._exit(EXIT_FAULT)
