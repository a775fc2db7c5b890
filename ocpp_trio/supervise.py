"""The only concurrency helpers: one fault barrier for leaf tasks, one way to repeat a tick."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import structlog
import trio

from ocpp_trio.errors import StoreUnavailable

log = structlog.get_logger()

Tick = Callable[[], Awaitable[None]]

MAX_BACKOFF = 60.0


class Health:
    """Which services fail at the moment; read by /readyz."""

    def __init__(self) -> None:
        self.failing: dict[str, str] = {}


async def contained(name: str, work: Tick) -> None:
    """Run `work` once. What it raises is logged and ends with it, not with its neighbours."""
    try:
        await work()
    except Exception:
        log.exception("task failed", source=name)


async def every(seconds: float, name: str, tick: Tick, health: Health) -> None:
    """Run `tick` every so many seconds, for ever, however often it fails.

    A failing tick is logged and tried again after 1 s, then twice as long each time, at most 60 s.
    One that only finds the database failing is neither: that is the database's own trouble.
    """
    failures = 0
    while True:
        try:
            await tick()
            failures = 0
            health.failing.pop(name, None)
            pause = seconds
        except StoreUnavailable as error:
            # The database's trouble is told once, by who writes to it, and not by each service.
            log.debug("service waits for the database", source=name, why=str(error))
            pause = min(max(seconds, 1.0), MAX_BACKOFF)
        except Exception as error:
            failures += 1
            health.failing[name] = f"{type(error).__name__}: {error}"
            # Not a power of all failures: after a day of them it would be no float.
            pause = min(2.0 ** min(failures - 1, 10), MAX_BACKOFF)
            if failures == 1:
                log.exception("service failed", source=name)
            else:
                log.error("service failed again", source=name, failures=failures, error=str(error))
        await trio.sleep(pause)


def only_if(condition: Callable[[], bool], tick: Tick) -> Tick:
    """A tick that does nothing unless the condition holds."""

    async def conditional() -> None:
        if condition():
            await tick()

    return conditional


def jittered(seconds: float, share: float = 0.2) -> float:
    """A duration give or take a share of it, so that thousands do not act at the same moment."""
    return seconds * random.uniform(1 - share, 1 + share)  # noqa: S311 - not a secret
