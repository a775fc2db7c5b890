"""What every endpoint may use; built once, where the server is put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpp_trio.central.authentication import Authentication
from ocpp_trio.central.commands import Commands
from ocpp_trio.central.hub import Hub
from ocpp_trio.central.node import Node
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import Now
from ocpp_trio.limits import Counts
from ocpp_trio.store.database import Database
from ocpp_trio.supervise import Health

if TYPE_CHECKING:
    from ocpp_trio.api.keyring import Keys


@dataclass(frozen=True, slots=True)
class Context:
    """`now` is the clock for stored timestamps (ms), `started` is trio.current_time() at start."""

    settings: Settings
    database: Database
    hub: Hub
    commands: Commands
    health: Health
    keys: Keys
    authentication: Authentication
    now: Now
    started: float
    node: Node
    counts: Counts
