"""What every part of the central system shares; built once in app."""

from __future__ import annotations

from dataclasses import dataclass, field

from ocpp_trio.central.authentication import Authentication
from ocpp_trio.central.bell import Bell
from ocpp_trio.central.clocks import Clocks
from ocpp_trio.central.hints import Hints
from ocpp_trio.central.hub import Hub
from ocpp_trio.central.node import Node
from ocpp_trio.central.outcomes import Outcomes
from ocpp_trio.central.poller import Poller
from ocpp_trio.central.presence import Presence
from ocpp_trio.central.queue import Queue
from ocpp_trio.central.replacements import Replacements
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import Now, system_now
from ocpp_trio.limits import Counts
from ocpp_trio.store.batch import Runner
from ocpp_trio.store.database import Database


@dataclass(frozen=True, slots=True)
class Central:
    """The central system's settings, database, clock, who is connected, and what was refused."""

    settings: Settings
    database: Database
    now: Now = system_now
    hub: Hub = field(default_factory=Hub)
    presence: Presence = field(default_factory=Presence)
    hints: Hints = field(default_factory=Hints)
    clocks: Clocks = field(default_factory=Clocks)
    queue: Queue = field(default_factory=Queue)
    node: Node = field(default_factory=Node)
    outcomes: Outcomes = field(default_factory=Outcomes)
    counts: Counts = field(default_factory=Counts)
    poller: Poller = field(default_factory=Poller)
    # Certificate requests that wait to be signed.
    requests_waiting: Bell = field(default_factory=Bell)
    # Runs slow hashes; without it, threads of their own do.
    run_hash: Runner | None = None
    authentication: Authentication = field(init=False)
    replacements: Replacements = field(init=False)

    def __post_init__(self) -> None:
        checks = Authentication(self.settings, self.database, self.now, self.run_hash)
        object.__setattr__(self, "authentication", checks)
        replacements = Replacements(self.settings, self.database, self.now)
        object.__setattr__(self, "replacements", replacements)
