"""Who a charge point is (Security Whitepaper, security profiles 0 to 3): decided before the upgrade
to a WebSocket, on raw bytes, and without writing anything.
"""

from __future__ import annotations

import hmac
import math
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from ocpp_trio.central.failures import Failures
from ocpp_trio.central.hashing import Hashing
from ocpp_trio.config import Settings
from ocpp_trio.domain import station_keys as keys
from ocpp_trio.domain.station_keys import SCRYPT, KeyHash
from ocpp_trio.domain.times import Now
from ocpp_trio.errors import TooManyChecks
from ocpp_trio.proxies import Origin
from ocpp_trio.store import station_keys
from ocpp_trio.store.batch import Runner
from ocpp_trio.store.database import Database
from ocpp_trio.store.station_keys import Known, Proof

BUSY_RETRY = 5.0
"""Seconds after which a check that could not be made may be tried again."""


class Visitor(NamedTuple):
    """Who wants to come in. `has_certificate`: it showed a certificate that is its own.

    `authorization` is the header of this name, None without one; `policy` is for an id that nobody
    registered: accept, pending or reject.
    """

    charge_point_id: str
    origin: Origin
    authorization: bytes | None = None
    has_certificate: bool = False
    policy: str = "accept"


class Refusal(Exception):
    """A charge point is not let in: the HTTP status, why (for the log only), and after how many
    seconds it may try again.
    """

    def __init__(self, status: int, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.retry_after = retry_after

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that go with the status."""
        if self.status == 401:
            return [(b"WWW-Authenticate", b'Basic realm="OCPP"')]
        if self.retry_after is not None:
            return [(b"Retry-After", b"%d" % max(1, math.ceil(self.retry_after)))]
        return []


class Authentication:
    """Checks charge points."""

    def __init__(
        self, settings: Settings, database: Database, now: Now, run_hash: Runner | None = None
    ) -> None:
        self._settings = settings
        self._database = database
        self._now = now
        self.hashing = Hashing(settings, run_hash)
        self.failures = Failures(settings)
        # Keys that people chose and that were right: id -> the hash they fit, and their own hash
        # with a key that lives as long as this process.
        self._right: OrderedDict[str, tuple[KeyHash, bytes]] = OrderedDict()
        self._process_key = secrets.token_bytes(32)

    async def check(self, visitor: Visitor) -> Proof:
        """How a charge point comes in. Raises Refusal, or StoreUnavailable."""
        known = await self._database.look_up(station_keys.known, visitor.charge_point_id)
        minimum = self._settings.min_security_profile
        if known is None:
            if visitor.policy == "reject":
                raise self.unknown(visitor)
            if minimum and not visitor.has_certificate:
                raise self.unknown(visitor, 401)
            return Proof(3 if visitor.has_certificate else 0)
        blocked = (known.blocked_until or 0) - self._now()
        if blocked > 0:
            raise Refusal(
                429, "it is blocked: it replaced its connection too often", blocked / 1000
            )
        minimum = max(minimum, known.minimum_profile)
        if minimum >= 2 and not visitor.origin.is_secure:
            raise Refusal(401, f"it has to use security profile {minimum}, and came without TLS")
        if visitor.has_certificate:
            return Proof(3)
        if minimum == 3:
            raise Refusal(
                401, "it has to use security profile 3, and has no certificate of its own"
            )
        return await self._by_key(visitor, known, minimum)

    def unknown(self, visitor: Visitor, status: int = 404) -> Refusal:
        """The refusal of an id that nobody registered; it counts as a failure of its address."""
        return self._failed(visitor, status, "nobody registered it")

    def bad_certificate(self, visitor: Visitor, problem: str) -> Refusal:
        """The refusal of a client certificate; it counts as a failure of its address."""
        return self._failed(visitor, 403, f"its certificate {problem}")

    def _failed(self, visitor: Visitor, status: int, why: str) -> Refusal:
        wait = self.failures.wait_at(visitor.origin.address)
        self.failures.count_at(visitor.origin.address)
        if wait:
            return Refusal(429, "too many wrong keys and unknown ids from its address", wait)
        return Refusal(status, why)

    async def _by_key(self, visitor: Visitor, known: Known, minimum: int) -> Proof:
        """Profiles 0 to 2. Without a key in force, one that was sent counts, but is not needed."""
        is_open = bool(known.pending)
        is_free = known.key is None and minimum == 0
        if visitor.authorization is not None and (is_open or known.key is not None):
            key = await self._try_key(visitor, known, is_free=is_free)
            if key is not None:
                return Proof(2 if visitor.origin.is_secure else 1, key, is_open)
            if not is_free:
                raise self._failed(visitor, 401, "it presents a wrong key")
        if is_free:
            return Proof(is_open=is_open)
        if known.key is None:
            raise Refusal(401, "it has to present a key, and none is set for it")
        raise Refusal(401, "it presents no key")

    async def _try_key(self, visitor: Visitor, known: Known, *, is_free: bool) -> KeyHash | None:
        """The key that the charge point turns out to have; a wrong one counts as a failure."""
        point, address = visitor.charge_point_id, visitor.origin.address
        wait = self.failures.wait(address, point)
        if wait:
            raise Refusal(429, "too many wrong keys for it from its address", wait)
        self.failures.begin(address, point)
        key = None
        is_checked = False
        try:
            key = await self._find(visitor, [*known.pending, *([known.key] if known.key else [])])
            is_checked = True
        finally:
            if key is not None or is_free or not is_checked:
                self.failures.forgive(address, point)
        return key

    async def _find(self, visitor: Visitor, kept: Iterable[KeyHash]) -> KeyHash | None:
        """The one of the keys that was presented. Quick checks come first."""
        point = visitor.charge_point_id
        assert visitor.authorization is not None
        sent = keys.presented(visitor.authorization, point)
        if sent is None:
            return None
        digest = hmac.digest(self._process_key, point.encode() + b"\0" + sent, "sha256")
        right = self._right.get(point)
        for key in sorted(kept, key=lambda each: each.scheme == SCRYPT):
            if right is not None and right[0] == key and hmac.compare_digest(right[1], digest):
                self._right.move_to_end(point)
                return key
            if key.scheme == SCRYPT and self._must_stand_back(visitor):
                continue
            for reading in keys.readings(sent):
                if await self._fits(reading, key):
                    if key.scheme == SCRYPT:
                        self._remember(point, key, digest)
                    return key
        return None

    def _must_stand_back(self, visitor: Visitor) -> bool:
        """Whether a slow check is not made: where many guess, only what nobody else waits for."""
        return self.hashing.is_busy and self.failures.wait_at(visitor.origin.address) > 0

    async def _fits(self, key: bytes, kept: KeyHash) -> bool:
        try:
            return await self.hashing.fits(key, kept)
        except TooManyChecks as error:
            raise Refusal(503, str(error), BUSY_RETRY) from None

    def _remember(self, point: str, key: KeyHash, digest: bytes) -> None:
        self._right[point] = (key, digest)
        self._right.move_to_end(point)
        if len(self._right) > self._settings.keys_remembered:
            self._right.popitem(last=False)
