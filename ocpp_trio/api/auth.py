"""Who may use the API: keys as bearer tokens, of which only hashes are kept, and three roles.

On a loopback bind without any key, requests that are themselves local may do everything: not what a
proxy on this machine passes on, and nothing that a web page of another site starts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from ocpp_trio.api.params import header
from ocpp_trio.api.problems import Problem
from ocpp_trio.config import LOOPBACK_HOSTS, Settings
from ocpp_trio.domain.times import Now, format_timestamp
from ocpp_trio.store import api_keys
from ocpp_trio.store.database import Database

READ = "read"
OPERATE = "operate"
ADMIN = "admin"
RANKS = {READ: 1, OPERATE: 2, ADMIN: 3}
"""Each role may do what those before it may: look, act, decide who may connect."""

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json"})
"""They tell nothing that is worth a key."""

KEY_PREFIX = "ocpp_"
KEY_BYTES = 32


class Key(NamedTuple):
    """A key that counts: `digest` is its SHA-256."""

    name: str
    role: str
    digest: bytes


class Caller(NamedTuple):
    """Who sent a request: a key's name, or how else it came in."""

    name: str
    role: str
    has_key: bool = False

    def may(self, role: str) -> bool:
        """Whether this caller has the role, or a higher one."""
        return RANKS.get(self.role, 0) >= RANKS[role]


LOCAL = Caller("local", ADMIN)
ANYBODY = Caller("anybody", ADMIN)


def digest(key: bytes) -> bytes:
    """What is kept of a key: its SHA-256. With 256 random bits a slow hash adds nothing."""
    return hashlib.sha256(key).digest()


class Keys:
    """The keys that count, loaded at start."""

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def find(self, presented: bytes) -> Key | None:
        """The key a client presented. Bytes: a key that is not ASCII is wrong, not an error."""
        found = digest(presented)
        match = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, found):
                match = key
        return match


async def prepare_keys(database: Database, settings: Settings, now: Now) -> tuple[Keys, str | None]:
    """The keys in force, and the clear text of one that was made just now: to be shown once.

    OCPP_API_KEY is the only key if it is set. Without it the stored ones count; if there are none
    and the server can be reached from outside, one is made and its hash stored.
    """
    if settings.api_key:
        given = settings.api_key.encode("utf-8", "surrogateescape")
        return Keys([Key("OCPP_API_KEY", ADMIN, digest(given))]), None
    rows = await database.read(api_keys.valid)
    keys = [Key(row["name"], row["role"], bytes.fromhex(row["key_hash"])) for row in rows]
    if keys or settings.on_loopback or settings.api_auth == "off":
        return Keys(keys), None
    made = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    moment = now()
    key = Key(f"made at {format_timestamp(moment)}", ADMIN, digest(made.encode()))
    await database.write(api_keys.insert, key.name, key.role, key.digest.hex(), moment)
    return Keys([key]), made


class HostCheck:
    """Refuses host names that are not ours: a web page must not reach the API under its own name.

    With OCPP_ALLOWED_HOSTS only those count (and this machine's own, on a loopback bind). Without,
    an open API on loopback answers to this machine's names only; keys make any name safe.
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: Keys) -> None:
        self._app = app
        self._allowed: frozenset[str] | None = None
        self._detail = "OCPP_ALLOWED_HOSTS does not name this host"
        if settings.allowed_hosts:
            named = frozenset(_bare(name) for name in settings.allowed_hosts)
            self._allowed = named | own_names(settings) if settings.on_loopback else named
        elif settings.on_loopback and (settings.api_auth == "off" or not keys):
            self._allowed = own_names(settings)
            self._detail = (
                "without an API key the API answers to localhost only: set OCPP_API_KEY, or name"
                " this host in OCPP_ALLOWED_HOSTS"
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or raise a Problem. Probes may come under any name."""
        if (
            self._allowed is not None
            and host_name(scope) not in self._allowed
            and scope["path"] not in OPEN_PATHS
        ):
            raise Problem("wrong-host", self._detail)
        await self._app(scope, receive, send)


def own_names(settings: Settings) -> frozenset[str]:
    """The host names of a server that listens on loopback."""
    return LOOPBACK_HOSTS | {_bare(settings.host)}


def host_name(scope: Scope) -> str:
    """The Host header without port and brackets, in lower case; "" if there is none."""
    return _bare((header(scope, b"host") or b"").decode("latin-1"))


def _bare(host: str) -> str:
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


class Auth:
    """Finds out who calls and puts it into `scope["caller"]`; 401 where that takes a key.

    On OPEN_PATHS the caller may be None. Which role a request needs is for its operation to say.
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        self._is_off = settings.api_auth == "off"
        self._own = own_names(settings)
        self._local_is_open = settings.on_loopback and not keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its caller, or raise a Problem."""
        caller = self._caller(scope)
        if caller is None and scope["path"] not in OPEN_PATHS:
            raise self._refusal(scope)
        scope["caller"] = caller
        await self._app(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller | None:
        if self._is_off:
            return ANYBODY
        if self._local_is_open:
            return LOCAL if self._is_local(scope) else None
        given = header(scope, b"authorization")
        if given is None or given[:7].lower() != b"bearer ":
            return None
        key = self._keys.find(given[7:].strip())
        return None if key is None else Caller(key.name, key.role, True)

    def _is_local(self, scope: Scope) -> bool:
        if host_name(scope) not in self._own:
            return False
        return not any(
            name in {b"forwarded", b"via"} or name.startswith(b"x-forwarded-")
            for name, _ in scope["headers"]
        )

    def _refusal(self, scope: Scope) -> Problem:
        if self._local_is_open:
            detail = (
                "without an API key only local requests are answered, and this one came by a proxy"
                " or under another host name: set OCPP_API_KEY"
            )
        elif header(scope, b"authorization") is None:
            detail = "add the header `Authorization: Bearer <API key>`"
        else:
            detail = "this is not a valid `Authorization: Bearer <API key>`"
        return Problem("unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def require(role: str, scope: Scope) -> Caller | None:
    """The caller of a request that needs `role`; raises 403 if it may not.

    None only on OPEN_PATHS. A request that acts, and has no key to prove that it comes from no web
    page of another site, must not look like one: browsers say so.
    """
    caller: Caller | None = scope["caller"]
    if caller is None or role == READ:
        return caller
    if not caller.may(role):
        raise Problem("forbidden", f"this needs a key with the role {role}, not {caller.role}")
    if not caller.has_key and _is_cross_site(scope):
        raise Problem("cross-site-request", "started by a web page of another site")
    return caller


def _is_cross_site(scope: Scope) -> bool:
    site = header(scope, b"sec-fetch-site")
    if site is not None:
        return site not in {b"same-origin", b"none"}
    origin = header(scope, b"origin")
    return origin is not None and origin.partition(b"://")[2] != header(scope, b"host")
