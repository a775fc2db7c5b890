"""The keys that count, in memory: each request looks there.

Loaded from the database again when they change here, and every OCPP_API_KEYS_INTERVAL for what
other processes or the command line changed.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import NamedTuple

import trio

from ocpp_trio.config import Settings
from ocpp_trio.domain.roles import ADMIN
from ocpp_trio.domain.times import Now, format_timestamp, system_now
from ocpp_trio.errors import StoreUnavailable
from ocpp_trio.store import api_keys
from ocpp_trio.store.database import Database, Row

FROM_SETTINGS = "OCPP_API_KEY"


class Key(NamedTuple):
    """A key: `digest` is its SHA-256, `expires_at` in ms. Without `id` it is of the settings."""

    name: str
    role: str
    digest: bytes
    id: int | None = None
    expires_at: int | None = None


class Keys:
    """The key of the settings, and the stored ones. True once any key was made: then all need one.

    Also if that key was revoked, or has expired: what was closed never opens by itself.
    """

    def __init__(
        self, given: Sequence[Key] = (), *, ever_made: bool = False, now: Now = system_now
    ) -> None:
        """`given` are keys that are never loaded again."""
        self._given = tuple(given)
        self._keys = self._given
        self._ever_made = ever_made
        self.now = now
        self._used: dict[int, int] = {}
        # Without it, what a slow reader saw before a change could be put in force after it.
        self._loading = trio.Lock()

    def __bool__(self) -> bool:
        return self._ever_made or bool(self._given)

    def find(self, presented: bytes) -> Key | None:
        """The key a client presented. Bytes: a key that is not ASCII is wrong, not an error."""
        found = api_keys.digest(presented)
        match = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, found):
                match = key
        if match is None or (match.expires_at is not None and match.expires_at <= self.now()):
            return None
        if match.id is not None:
            self._used[match.id] = self.now()
        return match

    async def load(self, database: Database) -> None:
        """Put what is stored in force."""
        async with self._loading:
            self._put(await database.read(api_keys.stored))

    def _put(self, stored: api_keys.Stored) -> None:
        self._ever_made = stored.ever_made
        self._keys = (*self._given, *map(_key, stored.rows))

    async def refresh(self, database: Database) -> None:
        """One tick: store when keys were used, and load them again."""
        used, self._used = self._used, {}
        if used:
            try:
                await database.write(api_keys.note_used, used)
            except StoreUnavailable:
                self._used = used | self._used
                raise
        await self.load(database)


def _key(row: Row) -> Key:
    digest = bytes.fromhex(row["key_hash"])
    return Key(row["name"], row["role"], digest, row["id"], row["expires_at"])


async def prepare_keys(
    database: Database, settings: Settings, now: Now, *, make: bool = True
) -> tuple[Keys, str | None]:
    """The keys in force, and the clear text of one that was made just now: to be shown once.

    One is made (if it is to `make` one), and its hash stored, where nobody could get in otherwise:
    no key counts, and the server can be reached from outside or had a key before.
    """
    given = []
    if settings.api_key:
        text = settings.api_key.encode("utf-8", "surrogateescape")
        given.append(Key(FROM_SETTINGS, ADMIN, api_keys.digest(text)))
    keys = Keys(given, now=now)
    stored = await database.read(api_keys.stored)
    has_way_in = bool(given) or any(_is_way_in(row, now()) for row in stored.rows)
    is_open = settings.api_auth == "off" or (settings.on_loopback and not stored.ever_made)
    made = None
    if make and not has_way_in and not is_open:
        made = api_keys.make_secret()
        moment = now()
        name = f"made at {format_timestamp(moment)}"
        new = api_keys.NewKey(name, ADMIN, api_keys.digest(made.encode()).hex(), "server")
        await database.write(api_keys.insert, new, moment)
    await keys.load(database)
    return keys, made


def _is_way_in(row: Row, now: int) -> bool:
    return row["role"] == ADMIN and (row["expires_at"] is None or row["expires_at"] > now)
