"""Meter backup: the newest register of each running transaction, once for each reading."""

from __future__ import annotations

from functools import partial

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpp_trio.services.meter_backup import back_up_registers
from tests.services.support import Watched, told


async def test_each_reading_is_kept_once(autojump_clock: MockClock, watched: Watched) -> None:
    station = await watched.charging()
    silent = await watched.charging("SILENT")
    watched.run(1800, partial(back_up_registers, watched.central))
    await trio.sleep(100)
    assert told("meter backup") == []
    for _ in range(2):
        await station.send("MeterValues")
    await trio.sleep(3 * 1800)
    await station.send("MeterValues")
    await trio.sleep(1800)
    backups = await watched.fetch("SELECT * FROM meter_values WHERE source = 'Backup' ORDER BY id")
    assert [(row["value"], row["number"], row["unit"]) for row in backups] == [
        ("2200", 2200.0, "Wh"),
        ("2300", 2300.0, "Wh"),
    ]
    first = backups[0]
    original = (await watched.fetch("SELECT * FROM meter_values WHERE value = '2200'"))[0]
    for column in ("transaction_id", "charge_point_id", "connector_id", "timestamp", "measurand"):
        assert first[column] == original[column]
    assert (first["location"], first["format"], first["phase"]) == ("Outlet", "Raw", None)
    assert (
        told("meter backup")
        == [
            (
                None,
                "INFO",
                "newest registers of running transactions kept as meter values (transactions: 1)",
            )
        ]
        * 2
    )
    assert silent.asked == []


async def test_what_is_over_is_not_backed_up(autojump_clock: MockClock, watched: Watched) -> None:
    station = await watched.charging()
    await station.send("MeterValues")
    await wait_all_tasks_blocked()
    stop = {"transactionId": 1, "meterStop": 2500, "timestamp": "2026-11-23T09:00:00Z"}
    await station.station.send([2, "stop", "StopTransaction", stop])
    await wait_all_tasks_blocked()
    await back_up_registers(watched.central)
    rows = await watched.fetch("SELECT source FROM meter_values")
    assert [row["source"] for row in rows] == ["MeterValues"]
