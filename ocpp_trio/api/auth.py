"""Who may use the API: keys as bearer tokens, of which only hashes are kept, and three roles.

On a loopback bind without any key, requests that are themselves local may do everything: not what a
proxy on this machine passes on, and nothing that a web page of another site starts.
"""

from __future__ import annotations

import ipaddress
import math
from typing import NamedTuple

import structlog
import trio
from starlette.types import ASGIApp, Receive, Scope, Send

from ocpp_trio.api.keyring import Keys
from ocpp_trio.api.params import header
from ocpp_trio.api.problems import Problem
from ocpp_trio.config import LOOPBACK_HOSTS, Settings
from ocpp_trio.domain.roles import ADMIN as ADMIN
from ocpp_trio.domain.roles import OPERATE as OPERATE
from ocpp_trio.domain.roles import RANKS
from ocpp_trio.domain.roles import READ as READ
from ocpp_trio.domain.token_buckets import TokenBuckets
from ocpp_trio.limits import Counts
from ocpp_trio.proxies import TrustedProxies

log = structlog.get_logger(source="api")

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json"})
"""They tell nothing that is worth a key."""


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


class HostCheck:
    """Refuses host names that are not ours: a web page must not reach the API under its own name.

    With OCPP_ALLOWED_HOSTS only those count (and this machine's own, on a loopback bind). Without,
    an open API on loopback answers to this machine's names only; keys make any name safe.
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        self._named: frozenset[str] | None = None
        if settings.allowed_hosts:
            named = frozenset(_bare(name) for name in settings.allowed_hosts)
            self._named = named | own_names(settings) if settings.on_loopback else named
        self._is_off = settings.api_auth == "off"
        self._on_loopback = settings.on_loopback
        self._own = own_names(settings)

    def _must_be_own(self) -> bool:
        return self._on_loopback and (self._is_off or not self._keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or raise a Problem. Probes may come under any name."""
        if scope["path"] not in OPEN_PATHS:
            if self._named is not None:
                if host_name(scope) not in self._named:
                    raise Problem("wrong-host", "OCPP_ALLOWED_HOSTS does not name this host")
            elif self._must_be_own() and host_name(scope) not in self._own:
                raise Problem(
                    "wrong-host",
                    "without an API key the API answers to localhost only: set OCPP_API_KEY, or"
                    " name this host in OCPP_ALLOWED_HOSTS",
                )
        await self._app(scope, receive, send)


def own_names(settings: Settings) -> frozenset[str]:
    """The host names of a server that listens on loopback."""
    return LOOPBACK_HOSTS | {_bare(settings.host)}


def host_name(scope: Scope) -> str:
    """The Host header without port and brackets, in lower case; "" if there is none."""
    return _bare((header(scope, b"host") or b"").decode("latin-1"))


def _limited_together(host: str) -> str:
    """An IPv4 address, or the /64 that one IPv6 client has as a rule."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))


def _bare(host: str) -> str:
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


class Auth:
    """Finds out who calls and puts it into `scope["caller"]`; 401 where that takes a key. Where
    from is in `scope["address"]`.

    On OPEN_PATHS the caller may be None. Which role a request needs is for its operation to say.

    Wrong keys are limited by address (OCPP_API_FAILURES). Past the limit a wrong key gets 429, and
    so does OCPP_API_KEY, which a person may have chosen and another may guess; a key that was made
    here cannot be guessed and is let in all the same, whoever else shares its address.
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: Keys, counts: Counts) -> None:
        self._app = app
        self._keys = keys
        self._counts = counts
        self._is_off = settings.api_auth == "off"
        self._own = own_names(settings)
        self._on_loopback = settings.on_loopback
        self._proxies = TrustedProxies(settings.trusted_proxies)
        self._failures = TokenBuckets(settings.api_failures, settings.api_failure_window)
        # Said once in a window: a flood of wrong keys must not become a flood of log entries.
        self._warnings = TokenBuckets(1, settings.api_failure_window)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its caller, or raise a Problem."""
        is_open = scope["path"] in OPEN_PATHS
        peer = (scope.get("client") or ("", 0))[0]
        scope["address"] = self._proxies.origin(peer, scope["headers"]).address
        try:
            caller = self._caller(scope)
        except Problem:
            if not is_open:
                raise
            caller = None
        if caller is None and not is_open:
            raise self._refusal(scope)
        scope["caller"] = caller
        await self._app(scope, receive, send)

    def _local_is_open(self) -> bool:
        return self._on_loopback and not self._keys

    def _caller(self, scope: Scope) -> Caller | None:
        if self._is_off:
            return ANYBODY
        if self._local_is_open():
            return LOCAL if self._is_local(scope) else None
        given = header(scope, b"authorization")
        if given is None or given[:7].lower() != b"bearer ":
            return None
        key = self._keys.find(given[7:].strip())
        now, address = trio.current_time(), _limited_together(scope["address"])
        if key is None:
            if not self._failures.take(address, now):
                raise self._too_many(address, now)
            self._counts.api_keys_wrong += 1
            log.warning("wrong API key", remote=address, path=scope["path"])
            return None
        if key.id is None and self._failures.wait(address, now):
            raise self._too_many(address, now)
        return Caller(key.name, key.role, True)

    def _too_many(self, address: str, now: float) -> Problem:
        self._counts.api_keys_refused += 1
        if self._warnings.take(address, now):
            log.warning("too many wrong API keys from one address", remote=address)
        seconds = math.ceil(self._failures.wait(address, now))
        return Problem(
            "too-many-failures",
            f"too many wrong keys came from this address (OCPP_API_FAILURES); in {seconds} s one"
            " more may be tried",
            headers={"Retry-After": str(seconds)},
        )

    def _is_local(self, scope: Scope) -> bool:
        if host_name(scope) not in self._own:
            return False
        return not any(
            name in {b"forwarded", b"via"} or name.startswith(b"x-forwarded-")
            for name, _ in scope["headers"]
        )

    def _refusal(self, scope: Scope) -> Problem:
        if self._local_is_open():
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
