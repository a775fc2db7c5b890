"""Connections to PostgreSQL: how they are opened, what they check, and how long anybody waits.

A connection that does not answer in time is given up: half-open ones (a failover behind a balancer,
a frozen network) would hold their threads for ever.
"""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import psycopg
import structlog
from psycopg import errors
from psycopg.adapt import Buffer, Loader
from psycopg.rows import DictRow, dict_row
from psycopg.types.numeric import Int8Dumper

from ocpp_trio.config import Settings
from ocpp_trio.errors import StoreError, StoreUnavailable

log = structlog.get_logger()

OLDEST_VERSION = 130000
"""The first with pg_current_xact_id and pg_xact_status, which tell whether a commit happened."""
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
"""Seconds between two attempts to connect: doubled each time, less up to half by chance."""
KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""A dead link is noticed within half a minute also when nobody uses it."""
SYNCHRONOUS = """
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off'
"""
"""Off, commits are told before they are on disk. All other values are as durable or more."""


class _BoolDumper(Int8Dumper):
    """Truth is 0 or 1 in our tables, as SQLite has it."""

    def dump(self, obj: bool) -> Buffer | None:
        return b"1" if obj else b"0"


class _NumericLoader(Loader):
    """Sums of integers come as numeric: integers again."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data)
        return int(text) if text.lstrip(b"-").isdigit() else float(text)


class Connection(psycopg.Connection[DictRow]):
    """A connection whose every wait has an end. `patience` in seconds; None waits for ever."""

    patience: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """See psycopg.Connection.wait."""
        return super().wait(gen, interval, self.patience if timeout is None else timeout)


def words(error: psycopg.Error) -> str:
    """What happened, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def parameters(settings: Settings) -> dict[str, Any]:
    """What libpq needs to know; of several hosts, the one that can be written to."""
    known = KEEPALIVE | {
        "host": settings.db_host,
        "port": settings.db_port,
        "user": settings.db_user,
        "password": settings.db_password or None,
        "dbname": settings.db_name,
        "sslmode": settings.db_ssl_mode,
        "connect_timeout": max(2, round(settings.db_connect_timeout)),
        "tcp_user_timeout": round(settings.db_statement_timeout * 1000),
        "target_session_attrs": "read-write",
        "application_name": "ocpp-trio",
        "client_encoding": "UTF8",
    }
    if settings.db_ssl_root_cert:
        known["sslrootcert"] = settings.db_ssl_root_cert
    return known


def channel(node_id: str) -> str:
    """Where a node is notified. One each: nobody is woken for others."""
    return f"ocpp_trio_{node_id}"


def connect(settings: Settings) -> Connection:
    """One attempt. Raises psycopg.OperationalError."""
    connection = Connection.connect(
        **parameters(settings), autocommit=True, row_factory=dict_row, prepare_threshold=2
    )
    assert isinstance(connection, Connection)
    connection.prepared_max = None
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.adapters.register_dumper(bool, _BoolDumper)
    connection.adapters.register_loader("numeric", _NumericLoader)
    connection.patience = settings.db_statement_timeout + 1
    return connection


def prepare_session(connection: Connection, settings: Settings, *, read_only: bool) -> None:
    """Settings of the session, in one round trip. Not at the connecting: poolers refuse that."""
    limit = round(settings.db_statement_timeout * 1000)
    lines = [
        f"SET statement_timeout = {limit}",
        # What a lost connection leaves open must not keep others from its rows.
        f"SET idle_in_transaction_session_timeout = {2 * limit}",
    ]
    if read_only:
        lines.append("SET default_transaction_read_only = on")
        lines.append("SET default_transaction_isolation = 'repeatable read'")
        # A plan for any value would not use the index of an optional filter.
        lines.append("SET plan_cache_mode = force_custom_plan")
    else:
        lines.append("SET default_transaction_isolation = 'read committed'")
        lines.append(SYNCHRONOUS)
    connection.execute("; ".join(lines).encode(), prepare=False)


class Connector:
    """Opens connections for many threads, waiting longer and longer between attempts that fail."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._failing_since: float | None = None
        self._next = 0.0
        self._delay = FIRST_DELAY
        self._why = ""
        self._closed = threading.Event()

    def connect(self, *, read_only: bool) -> Connection:
        """A new connection, with its session prepared.

        While the server cannot be reached this tries again for OCPP_DB_CONNECT_TIMEOUT; from then
        on it fails at once and tries only now and then, for ever. Raises StoreUnavailable.
        """
        while True:
            begun = time.monotonic()
            with self._lock:
                pause = self._next - begun
                if self._is_hopeless(begun) and pause > 0:
                    raise StoreUnavailable(self._why)
            if pause > 0 and self._closed.wait(pause):
                raise StoreUnavailable("the server is stopping")
            begun = time.monotonic()
            try:
                return self._connect(read_only)
            except psycopg.Error as error:
                with self._lock:
                    self._failed(begun, words(error))
                    if self._is_hopeless(time.monotonic()):
                        raise StoreUnavailable(self._why) from error

    def _connect(self, read_only: bool) -> Connection:
        connection = connect(self._settings)
        try:
            prepare_session(connection, self._settings, read_only=read_only)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._failing_since, self._delay, self._next = None, FIRST_DELAY, 0.0
        return connection

    def close(self) -> None:
        """Nobody waits any more."""
        self._closed.set()

    def _failed(self, begun: float, why: str) -> None:
        if self._failing_since is None:
            self._failing_since = begun
        self._why = why
        self._next = time.monotonic() + self._delay * random.uniform(0.5, 1)  # noqa: S311 - jitter
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _is_hopeless(self, now: float) -> bool:
        since = self._failing_since
        return since is not None and now - since >= self._settings.db_connect_timeout


def check_server(connection: Connection) -> None:
    """Refuse what cannot keep our data, and say what endangers it."""
    version = connection.info.server_version
    if version < OLDEST_VERSION:
        raise StoreError(
            f"PostgreSQL {version // 10000} is too old: this version needs"
            f" {OLDEST_VERSION // 10000} or newer"
        )
    query = "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)"
    names = ["fsync", "full_page_writes", "synchronous_commit", "server_encoding"]
    found = {row["name"]: row["setting"] for row in connection.execute(query, [names])}
    if found["server_encoding"] != "UTF8":
        raise StoreError(
            f"the database's encoding is {found['server_encoding']}: create it anew with"
            " ENCODING 'UTF8' TEMPLATE template0"
        )
    if found["fsync"] == "off" or found["full_page_writes"] == "off":
        log.warning(
            "PostgreSQL runs with fsync or full_page_writes off: a crash of its machine may lose or"
            " damage what charge points were told is stored",
            source="store",
        )
    if found["synchronous_commit"] == "off":
        log.info("synchronous_commit is off on the server; switched on for us", source="store")


def is_fault_of_unit(error: Exception) -> bool:
    """Whether a unit of work is to blame, rather than the server or the way to it."""
    return not isinstance(error, psycopg.Error) or isinstance(
        error,
        errors.IntegrityError
        | errors.DataError
        | errors.ProgrammingError
        # It caught the error of a statement and went on.
        | errors.InFailedSqlTransaction,
    )
