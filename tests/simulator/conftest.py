"""A central system in memory, and charge points that connect to it; time jumps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from ocpp_trio.simulator import fleet
from ocpp_trio.simulator.ledger import Ledger
from ocpp_trio.simulator.plan import Plan, Run
from ocpp_trio.simulator.summary import Tally
from tests.simulator.central import Central
from tests.support.clock import START

PlayFleet = Callable[..., AbstractAsyncContextManager[Run]]
Present = Callable[[str], Awaitable[str]]


@pytest.fixture
async def central(nursery: trio.Nursery) -> Central:
    """A central system that accepts everything; the test must ask for autojump_clock itself."""
    return Central(nursery.start_soon)


@pytest.fixture
def said() -> list[str]:
    """The lines that a run said to a person."""
    return []


@pytest.fixture
def make_run(central: Central, said: list[str]) -> Callable[..., Run]:
    """A run against `central` whose wall clock goes with the test's clock."""

    def make(ledger: Path | None = None, **plan: Any) -> Run:
        return Run(
            Plan(**plan),
            central.endpoint,
            tally=Tally(said.append),
            ledger=Ledger(ledger),
            now=lambda: START + round(trio.current_time() * 1000),
        )

    return make


@pytest.fixture
def staying(make_run: Callable[..., Run]) -> PlayFleet:
    """Charge points that stay while the block runs; by default without sessions of their own."""

    @asynccontextmanager
    async def stay(**plan: Any) -> AsyncIterator[Run]:
        run = make_run(**{"sessions": 0, "stay": True, **plan})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fleet.play, run)
            yield run
            nursery.cancel_scope.cancel()

    return stay


@pytest.fixture
def idle(central: Central, staying: PlayFleet) -> PlayFleet:
    """As `staying`, once the charge point is accepted and has said that it is Available."""

    @asynccontextmanager
    async def stay(**plan: Any) -> AsyncIterator[Run]:
        async with staying(**plan) as run:
            await central.until("1 Available")
            await trio.testing.wait_all_tasks_blocked()
            central.received.clear()
            yield run

    return stay


@pytest.fixture
def present(central: Central) -> Present:
    """A person presents a tag at the charge point; whether anything follows from it."""

    async def do(id_tag: str) -> str:
        return await central.status(
            "DataTransfer", vendorId="ocpp-trio.simulator", messageId="present", data=id_tag
        )

    return do
