"""This process among those that share the database: its name, and what it knows of the others."""

from __future__ import annotations

import math
import os
import secrets
import socket

import trio

from ocpp_trio.config import Settings
from ocpp_trio.errors import ConfigError
from ocpp_trio.sealing import Seal
from ocpp_trio.settings.nodes import ALL
from ocpp_trio.store.nodes import Member


def check_role(settings: Settings) -> None:
    """Raise ConfigError if the database does not allow for the role."""
    if settings.role != ALL and settings.db_type == "sqlite":
        problem = (
            f"OCPP_ROLE={settings.role} needs PostgreSQL (DB_TYPE=postgres): only one server can"
            " use an SQLite file, and it must do everything"
        )
        raise ConfigError([problem])


class Node:
    """`id` is this process's own, from its start to its end. `place` as in store.nodes.Member."""

    def __init__(self, name: str = "", role: str = ALL, place: str = "") -> None:
        self.id = secrets.token_hex(8)
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.role = role
        self.beats = 0
        self.seal = Seal()
        self._place = place
        # Until when this node leads, by trio's clock: somebody has to do what is done once.
        self._leads_until = math.inf

    @property
    def member(self) -> Member:
        """What the others see of it."""
        return Member(self.id, self.name, self.role, self._place, self.seal.public_key)

    @property
    def leads(self) -> bool:
        """Whether the services that run once run here."""
        return trio.current_time() < self._leads_until

    def lead(self, seconds: float) -> None:
        """Lead for so long from now on; 0: no longer."""
        self._leads_until = trio.current_time() + seconds
