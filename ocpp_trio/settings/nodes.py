"""The settings of several servers on one database. Part of ocpp_trio.settings."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.values import variable as _var

ALL, API, WEBSOCKET = "all", "api", "websocket"


@dataclass(frozen=True, kw_only=True)
class NodeSettings:
    """Durations are seconds."""

    role: str = _var(
        "OCPP_ROLE",
        "all",
        values.one_of(ALL, API, WEBSOCKET),
        "api: no port for charge points; websocket: no API; both need PostgreSQL",
    )
    node_id: str = _var(
        "OCPP_NODE_ID", "", values.text, "name of this server; empty: host name and process id"
    )
    node_heartbeat: float = _var(
        "OCPP_NODE_HEARTBEAT",
        "5",
        values.seconds(0.05, 60),
        "between signs of life to the other servers on the database",
    )
    node_dead_after: float = _var(
        "OCPP_NODE_DEAD_AFTER",
        "20",
        values.seconds(0.1, 3600),
        "a server without a sign of life for so long is dead; same value on all",
    )
    poll_interval: float = _var(
        "OCPP_POLL_INTERVAL",
        "1",
        values.seconds(0.01, 60),
        "between looks for what other servers left for this one, if nothing wakes it before",
    )
    listen: bool = _var(
        "OCPP_LISTEN",
        "true",
        values.boolean,
        "be woken by PostgreSQL (LISTEN); false: only look every OCPP_POLL_INTERVAL",
    )
