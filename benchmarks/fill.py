"""A large database in minutes: `python -m benchmarks fill FILE`.

A year of sessions at 1,000 charge points with two connectors each: most take some hours, one in a
hundred takes days, one in a thousand still runs. Each has the same number of register readings.
"""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from ocpp_trio.store import migrate
from ocpp_trio.store.sqlite import SqliteLock

FIRST = 1_735_689_600_000  # 2025-01-01
YEAR = 365 * 86_400_000
HOUR = 3_600_000
POINTS, TAGS, PARENTS = 1_000, 20_000, 200
CHUNK = 10_000

POINT = """
INSERT INTO charge_points
    (id, registration, vendor, model, serial_number, status, created_at, updated_at)
VALUES (?, 'Accepted', 'Bench', 'Load', ?, 'Available', ?, ?)
"""
CONNECTOR = """
INSERT INTO connectors (charge_point_id, connector_id, status, error_code, status_timestamp,
    updated_at)
VALUES (?, ?, 'Available', 'NoError', ?, ?)
"""
TAG = """
INSERT INTO id_tags (id_tag, tag_key, parent_id_tag, status, created_at, updated_at)
VALUES (?, ?, ?, 'Accepted', ?, ?)
"""
TRANSACTION = """
INSERT INTO transactions
    (id, charge_point_id, connector_id, id_tag, tag_key, parent_id_tag, authorization_status,
     meter_start, started_at, start_text, replay_key, received_at, register_wh, register_at,
     is_complete, meter_stop, stopped_at, stop_text, stop_reason, stopped_by)
VALUES (?, ?, ?, ?, ?, ?, 'Accepted', ?, ?, '', ?, ?, ?, ?, ?, ?, ?, '', 'Local', 'station')
"""
METER_VALUES = """
WITH readings AS (
    SELECT id, charge_point_id, connector_id, step,
        started_at + (register_at - started_at) * step / :steps AS moment,
        meter_start + (register_wh - meter_start) * step / :steps AS wh
    FROM transactions CROSS JOIN steps WHERE id BETWEEN :first AND :last
)
INSERT INTO meter_values
    (charge_point_id, connector_id, transaction_id, digest, position, timestamp, value, number,
     unit, measurand, context, location, format, source)
SELECT charge_point_id, connector_id, id, (step * 2654435761 + id) % 4611686018427387903, 0,
    moment, CAST(wh AS TEXT), CAST(wh AS REAL), 'Wh', 'Energy.Active.Import.Register',
    'Sample.Periodic', 'Outlet', 'Raw', 'MeterValues'
FROM readings ORDER BY id, step
"""

Row = tuple[Any, ...]


def sessions(count: int) -> Iterator[Row]:
    """The row of each session, in the order of their starts. The same on every run."""
    chance = random.Random(1)
    for number in range(1, count + 1):
        start = FIRST + number * YEAR // count
        hours = chance.uniform(24, 72) if chance.random() < 0.01 else chance.uniform(0.3, 10)
        end = start + int(hours * HOUR)
        point, connector = f"CP{chance.randrange(POINTS):04}", chance.randint(1, 2)
        tag = chance.randrange(TAGS)
        meter, wh = chance.randrange(10**7), int(hours * chance.uniform(1_000, 7_000))
        is_open = chance.random() < 0.001
        head = (number, point, connector, f"TAG{tag:06}", f"tag{tag:06}", f"FLEET{tag % PARENTS}")
        stop = (0, None, None) if is_open else (1, meter + wh, end)
        yield (*head, meter, start, str(number), start, meter + wh, end, *stop)


def fill(file: Path, transactions: int, meter_values: int, step: Callable[[int], object]) -> None:
    """Make FILE, which must not exist; `step` learns how many transactions were added.

    SQLite is told to keep no journal and to flush nothing, which is only safe because the file is
    new, locked as a server would lock it, and worthless if this does not finish.
    """
    lock = SqliteLock(file)
    try:
        migrate.migrate_sqlite(file)
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-262144"):
                database.execute(f"PRAGMA {pragma}").fetchall()
            database.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
            _fill(database, transactions, meter_values // transactions, step)
            database.execute("ANALYZE")
            database.execute("PRAGMA journal_mode=WAL").fetchall()
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    finally:
        lock.release()
        Path(f"{file}.lock").unlink(missing_ok=True)


def _fill(
    database: sqlite3.Connection, transactions: int, readings: int, step: Callable[[int], object]
) -> None:
    points = [f"CP{number:04}" for number in range(POINTS)]
    database.execute("BEGIN")
    database.executemany(POINT, [(point, point, FIRST, FIRST) for point in points])
    connectors = [(point, number, FIRST, FIRST) for point in points for number in (1, 2)]
    database.executemany(CONNECTOR, connectors)
    tags = [
        (f"TAG{number:06}", f"tag{number:06}", f"FLEET{number % PARENTS}", FIRST, FIRST)
        for number in range(TAGS)
    ]
    database.executemany(TAG, tags)
    database.execute("CREATE TEMP TABLE steps (step INTEGER PRIMARY KEY)")
    database.executemany("INSERT INTO steps VALUES (?)", [(n + 1,) for n in range(readings)])
    database.execute("COMMIT")
    rows = sessions(transactions)
    for first in range(1, transactions + 1, CHUNK):
        last = min(first + CHUNK - 1, transactions)
        database.execute("BEGIN")
        database.executemany(TRANSACTION, (next(rows) for _ in range(first, last + 1)))
        chunk = {"first": first, "last": last, "steps": readings}
        database.execute(METER_VALUES, chunk)
        database.execute("COMMIT")
        step(last - first + 1)


@click.command("fill", short_help="make a large database")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--transactions", type=click.IntRange(1), default=1_000_000, show_default=True)
@click.option("--meter-values", type=click.IntRange(0), default=20_000_000, show_default=True)
def main(file: Path, transactions: int, meter_values: int) -> None:
    """Make FILE, a SQLite database with a year of sessions in it. It must not exist yet."""
    if file.exists():
        raise click.ClickException(f"{file} exists already; name a file that does not")
    with click.progressbar(length=transactions, label=f"filling {file}") as bar:
        fill(file, transactions, meter_values, bar.update)
    click.echo(f"{file.stat().st_size / 1e9:.2f} GB", err=True)
