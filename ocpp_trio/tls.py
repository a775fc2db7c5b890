"""TLS for both ports: contexts made of files, and made anew when the files change.

A connection keeps the context it began with, so a reload drops nobody. Files that cannot be used
leave the old context in force.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import structlog
import trio

from ocpp_trio import authority
from ocpp_trio.certificates import server_certificate_findings
from ocpp_trio.config import Settings
from ocpp_trio.domain.times import system_now
from ocpp_trio.errors import ConfigError

log = structlog.get_logger(source="tls")

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
LEGACY_CIPHERS = ":AES128-GCM-SHA256:AES256-GCM-SHA384"
"""TLS_RSA suites that the Security Whitepaper asks for (A00.FR.317): without forward secrecy."""

WARNING_INTERVAL = 86400.0

VERIFY_MODES = {
    "off": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


class File(NamedTuple):
    """A file, and the variable that names it."""

    variable: str
    path: str


class Source(NamedTuple):
    """What a port's TLS is made of. `pairs`: certificate and key, for each kind of key one.

    `authorities` sign client certificates; `demand` says whether such are asked for.
    """

    pairs: tuple[tuple[File, File], ...]
    authorities: tuple[File, ...] = ()
    demand: ssl.VerifyMode = ssl.CERT_NONE
    legacy: bool = False

    @property
    def files(self) -> tuple[File, ...]:
        """Every file it is made of."""
        return (*(each for pair in self.pairs for each in pair), *self.authorities)


def station_source(settings: Settings) -> Source:
    """What the charge points' TLS is made of."""
    pairs = [(File("OCPP_CERT_FILE", settings.cert_file), File("OCPP_KEY_FILE", settings.key_file))]
    if settings.second_cert_file:
        second = settings.second_cert_file, settings.second_key_file
        pairs.append(
            (File("OCPP_SECOND_CERT_FILE", second[0]), File("OCPP_SECOND_KEY_FILE", second[1]))
        )
    authorities = []
    if settings.client_ca_file:
        authorities.append(File("OCPP_CLIENT_CA_FILE", settings.client_ca_file))
    if authority.is_there(settings):
        own = authority.files_of(settings).certificate
        authorities.append(File("OCPP_CA_CERT_FILE", str(own)))
    demand = VERIFY_MODES[settings.client_certificates] if authorities else ssl.CERT_NONE
    if settings.client_certificates == "required" and not authorities:
        problem = (
            "OCPP_CLIENT_CERTIFICATES=required needs an authority: set OCPP_CLIENT_CA_FILE, or make"
            " one with `ocpp-trio ca init`"
        )
        raise ConfigError([problem])
    return Source(tuple(pairs), tuple(authorities), demand, settings.tls_legacy)


def api_source(settings: Settings) -> Source:
    """What the API's TLS is made of."""
    own = bool(settings.api_cert_file or settings.api_key_file)
    cert, key = settings.api_cert_file, settings.api_key_file
    if not own:
        return Source(station_source(settings).pairs[:1])
    return Source(((File("OCPP_API_CERT_FILE", cert), File("OCPP_API_KEY_FILE", key)),))


def make_context(source: Source) -> ssl.SSLContext:
    """A context of the files as they are now: TLS 1.2 or later, no compression.

    Raises ConfigError that names the file that cannot be used.
    """
    for variable, path in source.files:
        if not Path(path).is_file():
            raise ConfigError([f"{variable}: there is no file {path or '(it is not set)'}"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS + (LEGACY_CIPHERS if source.legacy else ""))
    for cert, key in source.pairs:
        try:
            # Without a password callback OpenSSL would ask for one on the terminal.
            context.load_cert_chain(cert.path, key.path, password=lambda: "")
        except (OSError, ssl.SSLError, ValueError) as error:
            raise ConfigError(
                [f"{cert.variable}, {key.variable}: cannot use this certificate and key: {error}"]
            ) from None
    for trusted in source.authorities:
        try:
            context.load_verify_locations(trusted.path)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                [f"{trusted.variable}: cannot use these certificates: {error}"]
            ) from None
    context.verify_mode = source.demand
    # An authority that is named is trusted, also one below a root that is not.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


class Tls:
    """The TLS of one port, as it is now. Used in the place of an ssl.SSLContext."""

    def __init__(self, name: str, make_source: Callable[[], Source], warn_before: float) -> None:
        """`make_source` says what it is made of at the moment. `warn_before`: a certificate that
        expires in fewer seconds is warned about.

        Raises ConfigError that names the file that cannot be used.
        """
        self._name = name
        self._make_source = make_source
        self._warn_before = warn_before
        self._source = make_source()
        self._stamp = _look(self._source)
        self._context = make_context(self._source)
        self.tell_findings()

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """A new connection's TLS, of the newest files that could be used."""
        return self._context.wrap_bio(*arguments, **options)

    def server_stream(self, stream: trio.abc.Stream) -> trio.SSLStream[Any]:
        """TLS on a connection that came in."""
        return trio.SSLStream(
            stream, cast(ssl.SSLContext, self), server_side=True, https_compatible=True
        )

    def reload(self, *, unchanged: bool) -> None:
        """Use the files as they are now; with `unchanged` also if they are as before."""
        try:
            source = self._make_source()
            stamp = _look(source)
            if stamp == self._stamp and not unchanged:
                return
            self._stamp = stamp
            self._context = make_context(source)
            self._source = source
        except ConfigError as error:
            log.error(
                "certificate files cannot be used; the old ones stay in force",
                port=self._name,
                why=str(error),
            )
            return
        log.info("certificates reloaded", port=self._name)
        self.tell_findings()

    def tell_findings(self) -> None:
        """Warn of what is wrong with the certificates."""
        texts = []
        for cert, _ in self._source.pairs:
            try:
                texts.append((cert.path, Path(cert.path).read_text("ascii", "replace")))
            except OSError:
                continue
        for path, finding in server_certificate_findings(texts, system_now(), self._warn_before):
            log.warning(f"the server certificate {finding}", port=self._name, file=path)


def contexts(settings: Settings) -> tuple[Tls | None, Tls | None, Tls | None]:
    """The TLS of the charge points' port, of their port that always has it, and of the API.

    Raises ConfigError that names the file that cannot be used.
    """
    stations = api = None
    if settings.use_tls or settings.wss_port is not None:
        make = partial(station_source, settings)
        stations = Tls("charge points", make, settings.certificate_warning)
    if settings.api_tls:
        api = Tls("API", partial(api_source, settings), settings.certificate_warning)
    return stations if settings.use_tls else None, stations, api


def _look(source: Source) -> tuple[object, ...]:
    return tuple((each.path, _stamp(each.path)) for each in source.files)


def _stamp(path: str) -> object:
    """What changes when a file does."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Reloading:
    """Looks after the contexts in use: by signal, and at intervals."""

    def __init__(self, contexts: Sequence[Tls]) -> None:
        self._contexts = contexts
        self._limiter = trio.CapacityLimiter(1)
        self._warned = trio.current_time()

    async def now(self) -> None:
        """Read all files again, changed or not."""
        if not self._contexts:
            log.info("nothing to reload: TLS is not in use")
        await self._each(lambda each: each.reload(unchanged=True))

    async def tick(self) -> None:
        """Read files again that have changed; warn once a day of what is wrong with the rest."""
        await self._each(lambda each: each.reload(unchanged=False))
        if trio.current_time() - self._warned >= WARNING_INTERVAL:
            self._warned = trio.current_time()
            await self._each(Tls.tell_findings)

    async def _each(self, work: Callable[[Tls], None]) -> None:
        for context in self._contexts:
            await trio.to_thread.run_sync(work, context, limiter=self._limiter)
