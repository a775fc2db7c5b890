"""The settings of the database. Part of ocpp_trio.settings."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.values import variable as _var


def _kind(raw: str) -> str:
    """sqlite or postgres; postgresql is another name for the latter."""
    word = values.one_of("sqlite", "postgres", "postgresql")(raw)
    return word.removesuffix("ql") if word == "postgresql" else word


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Durations are seconds."""

    db_type: str = _var("DB_TYPE", "sqlite", _kind, "kind of database")
    db_sqlite_path: str = _var(
        "DB_SQLITE_PATH", "ocpp_server.db", values.required, "SQLite database file"
    )
    db_host: str = _var(
        "DB_HOST", "localhost", values.required, "PostgreSQL host or socket directory"
    )
    db_port: int = _var("DB_PORT", "5432", values.port, "PostgreSQL port")
    db_user: str = _var("DB_USER", "postgres", values.required, "PostgreSQL user")
    db_password: str = _var(
        "DB_PASSWORD", "postgres", values.text, "PostgreSQL password", secret=True
    )
    db_name: str = _var("DB_NAME", "ocpp_server", values.required, "PostgreSQL database")
    db_ssl_mode: str = _var(
        "DB_SSL_MODE",
        "disable",
        values.one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        "PostgreSQL SSL mode",
    )
    db_ssl_root_cert: str = _var(
        "DB_SSL_ROOT_CERT",
        "",
        values.text,
        "authorities whose server certificates count with verify-ca and verify-full, PEM; system"
        " means those of the operating system",
    )
    migrate: str = _var(
        "OCPP_MIGRATE",
        "auto",
        values.one_of("auto", "check"),
        "auto brings the schema up to date at start; check only refuses an old one",
    )
    db_busy_timeout: float = _var(
        "OCPP_DB_BUSY_TIMEOUT",
        "5",
        values.seconds(0, 60),
        "wait for another program's lock on SQLite",
    )
    db_writer: str = _var(
        "OCPP_DB_WRITER",
        "process",
        values.one_of("process", "thread"),
        "who writes SQLite: a process beside the server's, or a thread of it, which takes 30 MB"
        " less and carries less",
    )
    db_readers: int = _var(
        "OCPP_DB_READERS", "4", values.integer(1, 64), "reading connections, each with its thread"
    )
    db_batch: int = _var(
        "OCPP_DB_BATCH", "200", values.integer(1, 10_000), "units of work in one commit, at most"
    )
    db_offline_after: float = _var(
        "OCPP_DB_OFFLINE_AFTER",
        "10",
        values.seconds(0.1, 3600),
        "database failing for so long: charge points are sent offline, to queue on their side",
    )
    db_connect_timeout: float = _var(
        "OCPP_DB_CONNECT_TIMEOUT",
        "5",
        values.seconds(1, 300),
        "wait for a new connection to PostgreSQL; work that needs one waits as long",
    )
    db_statement_timeout: float = _var(
        "OCPP_DB_STATEMENT_TIMEOUT",
        "5",
        values.seconds(0.1, 3600),
        "PostgreSQL's answer to one statement; the connection is given up after it",
    )
    db_start_timeout: float = _var(
        "OCPP_DB_START_TIMEOUT",
        "60",
        values.seconds(0, 3600),
        "wait for PostgreSQL at the start, while it cannot be reached",
    )

    @property
    def database_place(self) -> str:
        """Which database is meant, for people: a path, or name, host and port."""
        if self.db_type == "sqlite":
            return self.db_sqlite_path
        return f"{self.db_name} at {self.db_host}:{self.db_port}"
