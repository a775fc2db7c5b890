"""A large database, to measure reports and lists: `python -m benchmarks.stored FILE`.

A year of sessions at 1,000 charge points with two connectors each: most take some hours, one in a
hundred takes days, one in a thousand still runs. Each has a register reading at every step.
"""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ocpp_trio.store import migrate

FIRST = 1_735_689_600_000  # 2025-01-01
YEAR = 365 * 86_400_000
HOUR = 3_600_000
POINTS, TAGS, PARENTS = 1_000, 20_000, 200
CHUNK = 20_000

TRANSACTION = """
INSERT INTO transactions
    (id, charge_point_id, connector_id, id_tag, tag_key, parent_id_tag, authorization_status,
     meter_start, started_at, start_text, replay_key, received_at, register_wh, register_at,
     is_complete, meter_stop, stopped_at, stop_text, stop_reason, stopped_by)
VALUES (?, ?, ?, ?, ?, ?, 'Accepted', ?, ?, '', ?, ?, ?, ?, ?, ?, ?, '', 'Local', 'station')
"""
METER_VALUE = """
INSERT INTO meter_values
    (charge_point_id, connector_id, transaction_id, digest, position, timestamp, value, number,
     unit, measurand, context, location, format, source)
VALUES (?, ?, ?, ?, 0, ?, ?, ?, 'Wh', 'Energy.Active.Import.Register', 'Sample.Periodic',
        'Outlet', 'Raw', 'MeterValues')
"""

Row = tuple[Any, ...]


def sessions(count: int, readings: int) -> Iterator[tuple[Row, list[Row]]]:
    """The rows of each session, in the order of their starts. The same on every run."""
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
        values = []
        for step in range(1, readings + 1):
            moment = start + (end - start) * step // readings
            register = meter + wh * step // readings
            digest = chance.getrandbits(62)
            values.append(
                (point, connector, number, digest, moment, str(register), float(register))
            )
        yield (*head, meter, start, str(number), start, meter + wh, end, *stop), values


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--transactions", default=1_000_000, show_default=True)
@click.option("--readings", default=6, show_default=True, help="Of each transaction.")
def main(file: Path, transactions: int, readings: int) -> None:
    """Make FILE."""
    migrate.migrate_sqlite(file)
    database = sqlite3.connect(file)
    database.execute("PRAGMA synchronous=OFF")
    made: list[Row] = []
    values: list[Row] = []
    for row, its_values in sessions(transactions, readings):
        made.append(row)
        values += its_values
        if len(made) == CHUNK or row[0] == transactions:
            database.executemany(TRANSACTION, made)
            database.executemany(METER_VALUE, values)
            database.commit()
            click.echo(f"{row[0]:,} transactions", err=True)
            made, values = [], []
    database.close()


if __name__ == "__main__":
    main()
