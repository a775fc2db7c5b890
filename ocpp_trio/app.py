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

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog
import trio

from ocpp_trio import limits, logs, network
from ocpp_trio.api.app import build_app
from ocpp_trio.api.context import Context
from ocpp_trio.api.keyring import prepare_keys
from ocpp_trio.api.server import serve_http
from ocpp_trio.central import keepalive
from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.central.hints import Hints
from ocpp_trio.central.listener import Listener
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import system_now
from ocpp_trio.errors import StoreLost, StoreUnavailable
from ocpp_trio.ports import Ports, listening
from ocpp_trio.services.asking import Asking
from ocpp_trio.services.audit_retention import forget_audit
from ocpp_trio.services.command_queue import tend_queue
from ocpp_trio.services.connection_monitor import ConnectionMonitor
from ocpp_trio.services.data_backup import back_up_when_due
from ocpp_trio.services.idempotency_keys import forget_keys
from ocpp_trio.services.limit_report import LimitReport
from ocpp_trio.services.local_list_sync import LocalListSync
from ocpp_trio.services.log_writer import write_logs
from ocpp_trio.services.meter_backup import back_up_registers
from ocpp_trio.services.meter_collection import collect_meter_values
from ocpp_trio.services.offline_monitor import OfflineMonitor
from ocpp_trio.services.orphan_detection import OrphanDetection
from ocpp_trio.services.remote_starts import expire_remote_starts
from ocpp_trio.services.reservation_expiry import expire_reservations
from ocpp_trio.services.status_refresh import StatusRefresh
from ocpp_trio.store import charge_points, commands
from ocpp_trio.store.database import Database
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
    """What a started server tells: its ports, whether the API asks for a key, and the key it has
    just made, if any.
    """

    websocket_port: int
    wss_port: int | None
    api_port: int
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
    """The server. `announce` is called once, when both ports answer."""
    with listening(settings) as ports:
        await _serve(settings, announce, ports)


async def _serve(
    settings: Settings,
    announce: Callable[[Started], None],
    ports: Ports,
) -> None:
    """The tree of the module's docstring, on sockets that listen already."""
    api_port = network.port_of(ports.api)
    scheme = "https" if ports.api_tls else "http"
    reloading = Reloading(ports.tls)
    async with open_database(settings, crash=_crash) as database:
        await _clean_up(database)
        keys, made_key = await prepare_keys(database, settings, system_now)
        needs_key = bool(keys) and settings.api_auth == "on"
        hints = Hints(f"{scheme}://localhost:{api_port}", needs_key=needs_key)
        central = Central(settings, database, hints=hints)
        network.count_failed_accepts(central.counts)
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
            counts=central.counts,
        )
        app = build_app(context)
        stopping = trio.Event()
        drain = settings.shutdown_timeout / 3
        async with trio.open_nursery() as services:
            presence = partial(central.presence.write, database)
            log_writer = partial(write_logs, database, logs.ENTRIES)
            refresh = partial(keys.refresh, database)
            services.start_soon(
                every, settings.api_keys_interval, "API keys", refresh, health, name="API keys"
            )
            for is_on, seconds, name, tick in _periodic(
                central, orders, presence, log_writer, reloading
            ):
                if is_on:
                    services.start_soon(every, seconds, name, tick, health, name=name)
            services.start_soon(keepalive.watch, central, name="keepalive")
            await services.start(orders.run, name="commands")
            async with trio.open_nursery() as sessions:
                async with trio.open_nursery() as front:
                    front.start_soon(
                        partial(
                            serve_http, app, settings, central.counts, ports.api, ports.api_tls
                        ),
                        stopping,
                        drain,
                        name="http",
                    )
                    async with trio.open_nursery() as accepting:
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
                await presence()
                await refresh()
                await log_writer()
            services.cancel_scope.cancel()


def _started(ports: Ports, needs_key: bool, made_key: str | None) -> Started:
    wss = network.port_of(ports.wss) if ports.wss else None
    here, api = network.port_of(ports.websocket), network.port_of(ports.api)
    return Started(here, wss, api, needs_key, made_key)


def _periodic(
    central: Central, orders: Commands, presence: Tick, log_writer: Tick, reloading: Reloading
) -> Iterator[tuple[bool, float, str, Tick]]:
    """All periodic work: whether it is on, its interval, its name and its tick."""
    s, asking = central.settings, Asking(central, orders)
    collect = partial(collect_meter_values, central, asking)
    back_up = partial(back_up_registers, central)
    offline = OfflineMonitor(central).tick
    orphans = OrphanDetection(central).tick
    connections = ConnectionMonitor(central).tick
    refresh = StatusRefresh(central, asking).tick
    expire = partial(expire_remote_starts, central)
    reservations = partial(expire_reservations, central.database, central.now)
    lists = LocalListSync(central, orders).tick
    reached = LimitReport(central.counts).tick
    copy = partial(back_up_when_due, s, trio.CapacityLimiter(1), system_now)
    yield True, s.presence_interval, "presence", presence
    yield True, s.log_interval, "log writer", log_writer
    yield True, s.tls_reload_interval, "certificate files", reloading.tick
    yield s.meter_collection, s.meter_collection_interval, "meter collection", collect
    yield s.meter_backup, s.meter_backup_interval, "meter backup", back_up
    yield s.offline_monitor, s.offline_monitor_interval, "offline monitor", offline
    yield s.orphan_detection, s.orphan_detection_interval, "orphan detection", orphans
    yield s.connection_monitor, s.connection_monitor_interval, "connection monitor", connections
    yield s.status_refresh, s.status_refresh_interval, "status refresh", refresh
    yield True, s.remote_start_interval, "remote starts", expire
    yield s.reservation_expiry, s.reservation_expiry_interval, "reservation expiry", reservations
    yield s.local_list_sync, s.local_list_sync_interval, "local list sync", lists
    yield True, s.queue_interval, "command queue", partial(tend_queue, central)
    yield True, s.idempotency_interval, "idempotency keys", partial(forget_keys, central)
    yield True, s.audit_interval, "audit retention", partial(forget_audit, central)
    yield True, s.limits_interval, "limits", reached
    # Its tick waits by itself until a copy is due.
    yield s.backup, 0, "data backup", copy


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
    has_terminal = sys.stderr.isatty()
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGHUP and (not has_terminal or sys.stderr.isatty()):
                await reload()
                continue
            if accepting.cancel_called:
                everything.cancel()
            accepting.cancel()


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


async def _clean_up(database: Database) -> None:
    """What the last process left behind, if it was killed."""
    now = system_now()
    left = await database.write(charge_points.disconnect_all, "the server was restarted", now)
    open_commands = await database.write(commands.abandon, now)
    if left or open_commands:
        log.info("put right after a crash", connections=left, commands=open_commands)
