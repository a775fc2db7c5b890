"""All periodic work, in one table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import trio

from ocpp_trio.central.commands import Commands
from ocpp_trio.central.context import Central
from ocpp_trio.central.signing import AUTOMATIC, AutomaticSigning
from ocpp_trio.domain.times import system_now
from ocpp_trio.services.asking import Asking
from ocpp_trio.services.audit_retention import forget_audit
from ocpp_trio.services.certificate_renewal import CertificateRenewal
from ocpp_trio.services.command_queue import tend_queue
from ocpp_trio.services.connection_monitor import ConnectionMonitor
from ocpp_trio.services.data_backup import back_up_when_due
from ocpp_trio.services.idempotency_keys import forget_keys
from ocpp_trio.services.limit_report import LimitReport
from ocpp_trio.services.local_list_sync import LocalListSync
from ocpp_trio.services.meter_backup import back_up_registers
from ocpp_trio.services.meter_collection import collect_meter_values
from ocpp_trio.services.offline_monitor import OfflineMonitor
from ocpp_trio.services.orphan_detection import OrphanDetection
from ocpp_trio.services.remote_starts import expire_remote_starts
from ocpp_trio.services.reservation_expiry import expire_reservations
from ocpp_trio.services.status_refresh import StatusRefresh
from ocpp_trio.supervise import Tick, only_if
from ocpp_trio.tls import Reloading


def periodic(
    central: Central, orders: Commands, reloading: Reloading
) -> Iterator[tuple[float, str, Tick]]:
    """What is switched on: its interval in seconds, its name and its tick."""
    for is_on, seconds, name, tick in _all(central, orders, reloading):
        if is_on:
            yield seconds, name, tick


def _all(
    central: Central, orders: Commands, reloading: Reloading
) -> Iterator[tuple[bool, float, str, Tick]]:
    s, asking = central.settings, Asking(central, orders)
    # Of several servers on one database, one does it. What is not `once` is about the stations that
    # are connected here.
    once = partial(only_if, lambda: central.node.leads)
    collect = partial(collect_meter_values, central, asking)
    back_up = once(partial(back_up_registers, central))
    offline = once(OfflineMonitor(central).tick)
    orphans = OrphanDetection(central).tick
    connections = ConnectionMonitor(central).tick
    refresh = StatusRefresh(central, asking).tick
    expire = once(partial(expire_remote_starts, central))
    reservations = once(partial(expire_reservations, central.database, central.now))
    lists = LocalListSync(central, orders).tick
    renew = CertificateRenewal(central, asking).tick
    sign = AutomaticSigning(central, orders).tick
    reached = LimitReport(central.counts).tick
    copy = partial(back_up_when_due, s, trio.CapacityLimiter(1), system_now)
    yield True, s.tls_reload_interval, "certificate files", reloading.tick
    yield s.meter_collection, s.meter_collection_interval, "meter collection", collect
    yield s.meter_backup, s.meter_backup_interval, "meter backup", back_up
    yield s.offline_monitor, s.offline_monitor_interval, "offline monitor", offline
    yield s.orphan_detection, s.orphan_detection_interval, "orphan detection", orphans
    yield s.connection_monitor, s.connection_monitor_interval, "connection monitor", connections
    yield s.status_refresh, s.status_refresh_interval, "status refresh", refresh
    yield True, s.remote_start_interval, "remote starts", expire
    yield s.reservation_expiry, s.reservation_expiry_interval, "reservation expiry", reservations
    yield s.certificate_renewal, s.certificate_renewal_interval, "certificate renewal", renew
    yield s.local_list_sync, s.local_list_sync_interval, "local list sync", lists
    yield True, s.queue_interval, "command queue", partial(tend_queue, central)
    yield True, s.idempotency_interval, "idempotency keys", once(partial(forget_keys, central))
    yield True, s.audit_interval, "audit retention", once(partial(forget_audit, central))
    yield True, s.limits_interval, "limits", reached
    # Their ticks wait by themselves: for a request, and until a copy is due.
    yield s.sign_certificates == AUTOMATIC, 0, "certificate signing", sign
    yield s.backup and s.db_type == "sqlite", 0, "data backup", copy
