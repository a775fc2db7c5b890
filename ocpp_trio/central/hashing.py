"""Hashes of keys that people choose, slow by design: in threads of their own, within bounds.

A storm of reconnects must not take the threads that anything else waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

from ocpp_trio.config import Settings
from ocpp_trio.domain.station_keys import SCRYPT, SHA256, KeyHash, fits, hashed
from ocpp_trio.errors import TooManyChecks
from ocpp_trio.store.batch import Runner

T = TypeVar("T")


class Hashing:
    """Makes and checks hashes; the slow ones raise TooManyChecks beyond the bound."""

    def __init__(self, settings: Settings, run: Runner | None = None) -> None:
        """`run` runs a function elsewhere; without it, in threads of its own."""
        self._limiter = trio.CapacityLimiter(settings.hashing_threads)
        self._threads = settings.hashing_threads
        self._most = settings.hashing_threads + settings.hashing_queue
        self._under_way = 0
        self._run: Runner = run or self._in_thread

    @property
    def is_busy(self) -> bool:
        """Whether a slow one would have to wait."""
        return self._under_way >= self._threads

    async def make(self, key: bytes, *, is_random: bool) -> KeyHash:
        """What to keep of a key; `is_random`: one of `station_keys.generate`."""
        if is_random:
            return hashed(key, SHA256)
        return await self._slowly(hashed, key, SCRYPT)

    async def fits(self, key: bytes, kept: KeyHash) -> bool:
        """Whether this is the key."""
        if kept.scheme == SHA256:
            return fits(key, kept)
        return await self._slowly(fits, key, kept)

    async def _slowly(self, function: Callable[..., T], *arguments: object) -> T:
        if self._under_way >= self._most:
            raise TooManyChecks("too many keys wait to be checked")
        self._under_way += 1
        try:
            result: T = await self._run(function, *arguments)
            return result
        finally:
            self._under_way -= 1

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await trio.to_thread.run_sync(function, *arguments, limiter=self._limiter)
