"""The settings of the background services, of what follows from commands, and of clocks.

Part of ocpp_trio.settings. Each service has a switch, an interval and, where it judges, a limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.values import variable as _var

_DAY = 86400
_INTERVAL = values.seconds(0.05, _DAY)
_AGE = values.seconds(0, 10 * _DAY)


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """Durations are seconds."""

    meter_collection: bool = _var(
        "OCPP_METER_COLLECTION",
        "true",
        values.boolean,
        "ask for meter values of running transactions that send none",
    )
    meter_collection_interval: float = _var(
        "OCPP_METER_COLLECTION_INTERVAL", "300", _INTERVAL, "between looks for old readings"
    )
    meter_collection_age: float = _var(
        "OCPP_METER_COLLECTION_AGE",
        "300",
        _AGE,
        "a running transaction whose newest reading is older is asked about",
    )
    meter_backup: bool = _var(
        "OCPP_METER_BACKUP",
        "true",
        values.boolean,
        "keep the newest register of running transactions as a meter value",
    )
    meter_backup_interval: float = _var(
        "OCPP_METER_BACKUP_INTERVAL", "1800", _INTERVAL, "between backups of registers"
    )
    offline_monitor: bool = _var(
        "OCPP_OFFLINE_MONITOR",
        "true",
        values.boolean,
        "watch over running transactions of charge points that are offline",
    )
    offline_monitor_interval: float = _var(
        "OCPP_OFFLINE_MONITOR_INTERVAL", "900", _INTERVAL, "between looks for them"
    )
    offline_warn_after: float = _var(
        "OCPP_OFFLINE_WARN_AFTER",
        "3600",
        _AGE,
        "a charge point that is offline for longer with a running transaction is warned about",
    )
    offline_close_after: float = _var(
        "OCPP_OFFLINE_CLOSE_AFTER",
        "0",
        _AGE,
        "running transactions of a charge point that is offline for longer are closed; 0: never",
    )
    orphan_detection: bool = _var(
        "OCPP_ORPHAN_DETECTION",
        "true",
        values.boolean,
        "find connectors that charge without a transaction, and the reverse",
    )
    orphan_detection_interval: float = _var(
        "OCPP_ORPHAN_DETECTION_INTERVAL", "600", _INTERVAL, "between looks for them"
    )
    orphan_grace: float = _var(
        "OCPP_ORPHAN_GRACE",
        "300",
        _AGE,
        "how long a connector and its transaction may disagree before it is told",
    )
    connection_monitor: bool = _var(
        "OCPP_CONNECTION_MONITOR",
        "true",
        values.boolean,
        "put right charge points marked connected that have no connection",
    )
    connection_monitor_interval: float = _var(
        "OCPP_CONNECTION_MONITOR_INTERVAL", "60", _INTERVAL, "between looks for them"
    )
    status_refresh: bool = _var(
        "OCPP_STATUS_REFRESH", "true", values.boolean, "ask for the status of silent connectors"
    )
    status_refresh_interval: float = _var(
        "OCPP_STATUS_REFRESH_INTERVAL", "600", _INTERVAL, "between looks for silent connectors"
    )
    status_refresh_age: float = _var(
        "OCPP_STATUS_REFRESH_AGE",
        "3600",
        _AGE,
        "a connector silent for longer is asked about",
    )
    # Messages that nobody ordered.
    asking_quiet: float = _var(
        "OCPP_ASKING_QUIET",
        "60",
        _AGE,
        "a charge point that booted or connected is asked nothing for so long, but by people",
    )
    asking_spread: float = _var(
        "OCPP_ASKING_SPREAD",
        "60",
        values.seconds(0, _DAY),
        "the charge points due at one moment are asked over so long",
    )
    asking_at_once: int = _var(
        "OCPP_ASKING_AT_ONCE",
        "20",
        values.integer(1, 10_000),
        "charge points whose answer a service may wait for at the same time",
    )
    # What follows from a remote start; clocks.
    remote_start_expiry: float = _var(
        "OCPP_REMOTE_START_EXPIRY",
        "300",
        values.seconds(1, _DAY),
        "how long a remote start waits for its transaction; longer than any ConnectionTimeOut",
    )
    remote_start_interval: float = _var(
        "OCPP_REMOTE_START_INTERVAL", "10", _INTERVAL, "between marks of expired remote starts"
    )
    clock_skew_warning: float = _var(
        "OCPP_CLOCK_SKEW_WARNING",
        "60",
        values.seconds(0, 10 * _DAY),
        "a charge point whose clock is off by more is warned about",
    )
    backup: bool = _var("OCPP_BACKUP", "true", values.boolean, "copy the SQLite file regularly")
    backup_dir: str = _var(
        "OCPP_BACKUP_DIR", "", values.text, "where copies go; empty: backups/ beside the file"
    )
    backup_interval: float = _var(
        "OCPP_BACKUP_INTERVAL", "86400", values.seconds(1, 31_536_000), "between two copies"
    )
    backup_keep: int = _var(
        "OCPP_BACKUP_KEEP", "7", values.integer(1, 10_000), "newest copies that are kept"
    )
    reservation_expiry: bool = _var(
        "OCPP_RESERVATION_EXPIRY", "true", values.boolean, "end reservations whose time is over"
    )
    reservation_expiry_interval: float = _var(
        "OCPP_RESERVATION_EXPIRY_INTERVAL", "10", values.seconds(0.05, 86400), "between looks"
    )
    local_list_batch: int = _var(
        "OCPP_LOCAL_LIST_BATCH", "100", values.integer(1, 100_000), "entries in one SendLocalList"
    )
    local_list_sync: bool = _var(
        "OCPP_LOCAL_LIST_SYNC", "false", values.boolean, "keep local lists equal to all tags"
    )
    local_list_sync_interval: float = _var(
        "OCPP_LOCAL_LIST_SYNC_INTERVAL", "300", values.seconds(0.05, 86400), "between looks"
    )
