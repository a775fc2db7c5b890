"""What a run of simulated charge points is to do, and what its charge points have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from ocpp_trio.domain.times import Now, system_now
from ocpp_trio.simulator.certificates import Own
from ocpp_trio.simulator.endpoint import Endpoint
from ocpp_trio.simulator.ledger import Ledger
from ocpp_trio.simulator.summary import Tally


@dataclass(frozen=True)
class Plan:
    """What is played. Durations in seconds.

    `interval`: between meter values. `give_up`: how long a charge point tries to be connected and
    accepted. `boot_wait`: the longest wait between two boots. `id_tag`: one tag for all, None: each
    its own. `concurrency`: how many connect at the same moment. `key`: what each presents.
    `certificate`: what one proves itself with instead. `ca_file`: authorities to trust instead of
    the system's.
    `faults`: ACTION=KIND, see ocpp_trio.simulator.faults. `job_step`: how long each step of an
    upload or installation takes.
    """

    count: int = 1
    sessions: int = 1
    prefix: str = "SIM"
    id_tag: str | None = None
    meter_values: int = 3
    interval: float = 0.0
    stay: bool = False
    timeout: float = 30.0
    give_up: float = 60.0
    boot_wait: float = 10.0
    concurrency: int = 50
    faults: tuple[str, ...] = ()
    job_step: float = 1.0
    key: bytes | None = None
    certificate: Own | None = None
    ca_file: str | None = None

    def charge_point_id(self, number: int) -> str:
        """The id of a charge point, counted from 1: SIM0001."""
        return f"{self.prefix}{number:04d}"

    def tag(self, number: int) -> str:
        """The tag that a charge point presents: SIM0001TAG, unless one is given for all."""
        return self.id_tag or f"{self.charge_point_id(number)}TAG"

    def tags(self) -> list[str]:
        """Every tag of the run, once."""
        return list(dict.fromkeys(self.tag(number) for number in range(1, self.count + 1)))


@dataclass
class Run:
    """What the charge points of a run have in common. `now` is the clock of their timestamps.

    `tell` is given a line for every command and for what a charge point says because of it.
    """

    plan: Plan
    endpoint: Endpoint
    # Where to go with TLS, with security profile 2 or 3.
    secure_endpoint: Endpoint | None = field(default=None, kw_only=True)
    tally: Tally = field(default_factory=Tally)
    ledger: Ledger = field(default_factory=Ledger)
    now: Now = system_now
    on_session: Callable[[], None] = lambda: None
    tell: Callable[[str], None] | None = None
    gate: trio.Semaphore = field(init=False)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    reached: bool = False
    unreachable: str | None = None

    def __post_init__(self) -> None:
        self.gate = trio.Semaphore(self.plan.concurrency)

    def cannot_connect(self, reason: str) -> None:
        """A charge point did not get through. Before anyone has, that ends the run."""
        if not self.reached:
            self.unreachable = self.unreachable or reason
            self.scope.cancel()
