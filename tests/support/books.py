"""The books: what the stations were told is stored, compared with what is."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.postgres import OCPP, Postgres

Entry = dict[str, Any]


def read_ledger(path: Path) -> list[Entry]:
    """Everything that was acknowledged, as the stations saw it, but a line still being written."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


TRANSACTIONS = "SELECT * FROM transactions"
# Not the copies of a reading that is there already.
REGISTERS = """
SELECT transaction_id, value FROM meter_values
WHERE measurand = 'Energy.Active.Import.Register' AND source <> 'Backup'
"""


def _read(database: Path | Postgres) -> tuple[list[Any], list[Any]]:
    """All transactions and registers."""
    if isinstance(database, Postgres):
        with database.connected(OCPP) as found:
            return found.execute(TRANSACTIONS).fetchall(), found.execute(REGISTERS).fetchall()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return (
            connection.execute(TRANSACTIONS).fetchall(),
            connection.execute(REGISTERS).fetchall(),
        )


def check_books(database: Path | Postgres, ledger: list[Entry]) -> Counter[str]:
    """Every acknowledged start, meter value and stop is in the database, once; how many of each."""
    rows, readings = _read(database)
    registers = Counter((row["transaction_id"], row["value"]) for row in readings)
    natural = Counter(
        (row["charge_point_id"], row["connector_id"], row["id_tag"], row["start_text"])
        for row in rows
    )
    assert max(natural.values(), default=1) == 1, "a start was stored twice"
    by_id = {row["id"]: row for row in rows}
    seen: Counter[tuple[str, int, str]] = Counter()
    for entry in ledger:
        row = by_id[entry["transactionId"]]
        assert row["charge_point_id"] == entry["chargePointId"]
        seen[entry["kind"], row["id"], entry.get("register", "")] += 1
        if entry["kind"] == "start":
            assert row["start_text"] == entry["timestamp"]
            assert row["meter_start"] == entry["meterStart"]
            assert row["id_tag"] == entry["idTag"]
            assert row["authorization_status"] == entry["status"]
        elif entry["kind"] == "meter":
            assert registers[row["id"], entry["register"]] == 1, entry
        else:
            assert row["is_complete"] == 1
            assert row["meter_stop"] == entry["meterStop"]
            assert row["stop_text"] == entry["timestamp"]
    assert max(seen.values(), default=1) == 1, "an id was given twice"
    return Counter(entry["kind"] for entry in ledger)
