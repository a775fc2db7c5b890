"""Charge points: who may connect, who is connected, what is known of them."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.domain.commands import Command
from ocpp_trio.store import charge_points, commands, node_messages
from ocpp_trio.store.charge_points import Admission
from ocpp_trio.store.database import Database, Row
from ocpp_trio.store.station_keys import NOTHING
from tests.support.clock import START

BOOT = {"chargePointVendor": "Vendor", "chargePointModel": "Model"}


async def admit(
    database: Database,
    charge_point_id: str = "CP1",
    policy: str = "accept",
    max_pending: int = 10,
    now: int = START,
    node_id: str = "here",
) -> Admission | None:
    return await database.write(
        charge_points.admit,
        charge_point_id,
        policy,
        max_pending,
        "127.0.0.1:5000",
        "ocpp1.6",
        now,
        NOTHING,
        node_id,
    )


async def register(
    database: Database, charge_point_id: str = "CP1", registration: str = "Accepted", **fields: Any
) -> bool:
    return await database.write(
        charge_points.register, charge_point_id, registration, fields, START
    )


async def find(database: Database, charge_point_id: str = "CP1") -> Row:
    row = await database.read(charge_points.find, charge_point_id)
    assert row is not None
    return row


# Admission


@pytest.mark.parametrize(
    ("policy", "registration"), [("accept", "Accepted"), ("pending", "Pending"), ("reject", None)]
)
async def test_an_unknown_station_meets_the_policy(
    database: Database, policy: str, registration: str | None
) -> None:
    admission = await admit(database, policy=policy)
    if registration is None:
        assert admission is None
        assert await database.read(charge_points.find, "CP1") is None
        return
    assert admission == Admission(
        1, registration, booted=False, heartbeat_interval=None, is_new=True
    )
    row = await find(database)
    assert (row["registration"], row["is_connected"], row["connected_at"]) == (
        registration,
        1,
        START,
    )
    assert (row["remote_address"], row["subprotocol"]) == ("127.0.0.1:5000", "ocpp1.6")


@pytest.mark.parametrize("policy", ["accept", "pending", "reject"])
@pytest.mark.parametrize("registration", ["Accepted", "Pending", "Rejected"])
async def test_a_registered_station_is_what_it_is_registered_as(
    database: Database, policy: str, registration: str
) -> None:
    await register(database, registration=registration, heartbeat_interval=120)
    admission = await admit(database, policy=policy, max_pending=0)
    assert admission == Admission(
        1, registration, booted=False, heartbeat_interval=120, is_new=False
    )


async def test_only_so_many_may_wait(database: Database) -> None:
    assert await admit(database, "CP1", "pending", max_pending=2) is not None
    assert await admit(database, "CP2", "pending", max_pending=2) is not None
    assert await admit(database, "CP3", "pending", max_pending=2) is None
    # Those who wait already may come back, and each adoption makes room.
    assert await admit(database, "CP2", "pending", max_pending=2) is not None
    await database.write(charge_points.set_registration, "CP1", "Accepted", START)
    assert await admit(database, "CP3", "pending", max_pending=2) is not None


async def test_nobody_may_wait_where_none_may(database: Database) -> None:
    assert await admit(database, policy="pending", max_pending=0) is None
    assert await database.read(charge_points.counts) == (0, 0)


async def test_ids_differ_by_case(database: Database) -> None:
    await admit(database, "cp1")
    await admit(database, "CP1")
    assert await database.read(charge_points.counts) == (2, 2)


# Connections


async def test_every_connection_counts_up(database: Database) -> None:
    numbers = []
    for _ in range(3):
        admission = await admit(database)
        assert admission is not None
        numbers.append((admission.connection, admission.is_new))
    assert numbers == [(1, True), (2, False), (3, False)]


async def test_a_disconnect_is_noted(database: Database) -> None:
    await admit(database)
    await database.write(charge_points.disconnect, "CP1", 1, "closed with 1000", START + 5)
    row = await find(database)
    assert (row["is_connected"], row["disconnected_at"], row["disconnect_reason"]) == (
        0,
        START + 5,
        "closed with 1000",
    )


async def test_a_late_goodbye_of_an_older_connection_does_no_harm(database: Database) -> None:
    await admit(database)
    await admit(database, now=START + 1)
    await database.write(charge_points.disconnect, "CP1", 1, "replaced", START + 2)
    row = await find(database)
    assert (row["is_connected"], row["disconnect_reason"], row["connection"]) == (1, None, 2)
    await database.write(charge_points.disconnect, "CP1", 2, "gone", START + 3)
    assert (await find(database))["disconnect_reason"] == "gone"
    # A second goodbye does not change the first.
    await database.write(charge_points.disconnect, "CP1", 2, "gone again", START + 4)
    assert (await find(database))["disconnect_reason"] == "gone"


async def test_what_a_node_leaves_is_released_and_nothing_else(database: Database) -> None:
    await admit(database, "CP1")
    await admit(database, "CP2")
    await admit(database, "CP3", node_id="there")
    await database.write(charge_points.disconnect, "CP2", 1, "gone", START)
    assert await database.write(charge_points.release, "here", "the node is gone", 9) == 1
    assert await database.read(charge_points.counts) == (3, 1)
    assert (await find(database, "CP1"))["disconnect_reason"] == "the node is gone"
    assert (await find(database, "CP2"))["disconnect_reason"] == "gone"


async def test_a_node_that_comes_back_takes_what_nobody_else_has(database: Database) -> None:
    for name in ("CP1", "CP2", "CP3"):
        await admit(database, name)
    await database.write(charge_points.release, "here", "the node is gone", 9)
    await admit(database, "CP2", node_id="there")
    await admit(database, "CP3", node_id="there")
    await database.write(charge_points.disconnect, "CP3", 2, "gone", START)
    held = [(name, 1) for name in ("CP1", "CP2", "CP3")]
    assert await database.write(charge_points.reclaim, "here", held) == {("CP1", 1)}
    assert await database.read(charge_points.marked_connected, "there") != []
    assert (await find(database, "CP1"))["is_connected"] == 1


async def test_the_node_that_had_a_station_is_told_who_has_it_now(database: Database) -> None:
    await admit(database)
    await admit(database)
    assert await database.read(node_messages.of_node, "here") == []
    await admit(database, node_id="there")
    (message,) = await database.read(node_messages.of_node, "here")
    assert (message["charge_point_id"], message["connection"]) == ("CP1", 3)
    await database.write(node_messages.delete, [message["message_id"]])
    await database.write(charge_points.disconnect, "CP1", 3, "gone", START)
    await admit(database)
    for name in ("here", "there"):
        assert await database.read(node_messages.of_node, name) == []


async def test_the_node_of_a_station_is_told_of_changes(database: Database) -> None:
    await admit(database)
    for here in ("here", "there"):
        await database.write(charge_points.set_registration, "CP1", "Rejected", START, here)
        await database.write(charge_points.update, "CP1", {"conformance": "strict"}, START, here)
    messages = await database.read(node_messages.of_node, "here")
    assert [(each["id"], each["registration"], each["conformance"]) for each in messages] == [
        ("CP1", "Rejected", "strict")
    ] * 2
    assert await database.write(charge_points.delete, "CP1", "there")
    messages = await database.read(node_messages.of_node, "here")
    assert [(each["charge_point_id"], each["id"]) for each in messages] == [("CP1", None)] * 3


async def test_who_connects_learns_whether_commands_are_kept(database: Database) -> None:
    first = await admit(database)
    request = commands.Request("CP1", "ClearCache", "{}", "test", expires_at=START + 9)
    await database.write(commands.create, request, START)
    second = await admit(database)
    assert first is not None
    assert second is not None
    assert (first.is_expected, second.is_expected) == (False, True)


async def test_who_was_seen_when(database: Database) -> None:
    await register(database, "CP1")
    await register(database, "CP2")
    rows = [
        (START + 1, START + 1, None, "CP1"),
        (START + 2, None, -1500, "CP2"),
        (START, None, None, "nobody"),
    ]
    await database.write(charge_points.seen, rows)
    await database.write(charge_points.seen, [(START + 9, None, 7, "CP1")])
    await database.write(charge_points.seen, [])
    first, second = await find(database, "CP1"), await find(database, "CP2")
    assert (first["last_seen"], first["last_heartbeat"]) == (START + 9, START + 1)
    assert (second["last_seen"], second["last_heartbeat"]) == (START + 2, None)
    assert (first["clock_skew"], second["clock_skew"]) == (7, -1500)
    await database.write(charge_points.seen, [(START + 10, None, None, "CP2")])
    assert (await find(database, "CP2"))["clock_skew"] == -1500


# Boot


async def test_a_boot_is_stored(database: Database) -> None:
    await register(database, heartbeat_interval=30)
    payload = BOOT | {
        "chargePointSerialNumber": "S1",
        "chargeBoxSerialNumber": "S2",
        "firmwareVersion": "1.0",
        "iccid": "i",
        "imsi": "j",
        "meterType": "m",
        "meterSerialNumber": "n",
    }
    answer = await database.write(charge_points.boot, "CP1", payload, START)
    assert answer is not None
    assert (answer["registration"], answer["heartbeat_interval"]) == ("Accepted", 30)
    row = await find(database)
    names = ("vendor", "model", "serial_number", "charge_box_serial_number", "firmware_version")
    assert tuple(row[name] for name in names) == ("Vendor", "Model", "S1", "S2", "1.0")
    names = ("iccid", "imsi", "meter_type", "meter_serial_number", "last_boot")
    assert tuple(row[name] for name in names) == ("i", "j", "m", "n", START)
    admission = await admit(database)
    assert admission is not None
    assert admission.booted


async def test_what_a_later_boot_leaves_out_is_gone(database: Database) -> None:
    await register(database)
    await database.write(charge_points.boot, "CP1", BOOT | {"firmwareVersion": "1.0"}, START)
    await database.write(charge_points.boot, "CP1", BOOT, START + 1)
    assert (await find(database))["firmware_version"] is None


async def test_a_boot_of_nobody(database: Database) -> None:
    assert await database.write(charge_points.boot, "nobody", BOOT, START) is None


# What an operator does


async def test_an_id_is_registered_once(database: Database) -> None:
    assert await register(database, name="first")
    assert not await register(database, name="second")
    assert (await find(database))["name"] == "first"


async def test_only_what_is_given_changes(database: Database) -> None:
    await register(database, name="n", location="l", heartbeat_interval=60, minimum_profile=1)
    row = await database.write(charge_points.update, "CP1", {"location": "m", "note": "x"}, 9)
    assert row is not None
    assert {name: row[name] for name in charge_points.EDITABLE} == {
        "name": "n",
        "location": "m",
        "note": "x",
        "heartbeat_interval": 60,
        "minimum_profile": 1,
        "conformance": None,
    }
    assert row["updated_at"] == 9
    row = await database.write(charge_points.update, "CP1", {"name": None}, 10)
    assert row is not None
    assert row["name"] is None
    assert await database.write(charge_points.update, "nobody", {"name": "x"}, 9) is None


async def test_what_is_not_editable_does_not_change(database: Database) -> None:
    await register(database)
    await database.write(charge_points.update, "CP1", {"registration": "Rejected", "id": "X"}, 9)
    assert (await find(database))["registration"] == "Accepted"


@pytest.mark.parametrize("registration", ["Accepted", "Pending", "Rejected"])
async def test_registration(database: Database, registration: str) -> None:
    await register(database, registration="Pending")
    row = await database.write(charge_points.set_registration, "CP1", registration, 9)
    assert row is not None
    assert row["registration"] == registration
    assert await database.write(charge_points.set_registration, "nobody", registration, 9) is None


@pytest.mark.parametrize(
    ("key", "value", "status", "kept"),
    [
        ("HeartbeatInterval", "300", "Accepted", 300),
        ("heartbeatinterval", "300", "RebootRequired", 300),
        ("HeartbeatInterval", "300", "Rejected", None),
        ("HeartbeatInterval", "0", "Accepted", None),
        ("HeartbeatInterval", "9" * 30, "Accepted", None),
        ("WebSocketPingInterval", "300", "Accepted", None),
    ],
)
async def test_the_interval_of_the_next_boot(
    database: Database, key: str, value: str, status: str, kept: int | None
) -> None:
    await register(database)
    payload, response = {"key": key, "value": value}, {"status": status}
    changed = Command(1, "CP1", "ChangeConfiguration", payload, "admin", None, "accepted", response)
    await database.write(charge_points.note_heartbeat_interval, changed, 9)
    assert (await find(database))["heartbeat_interval"] == kept


async def test_delete(database: Database) -> None:
    await register(database)
    assert await database.write(charge_points.delete, "CP1")
    assert not await database.write(charge_points.delete, "CP1")
    assert await database.read(charge_points.find, "CP1") is None


async def test_pages(database: Database) -> None:
    for number in (3, 1, 2, 4):
        registration = "Pending" if number == 2 else "Accepted"
        await register(database, f"CP{number}", registration)

    async def page(*arguments: Any) -> tuple[list[str], int]:
        rows, total = await database.read(charge_points.page, *arguments)
        return [row["id"] for row in rows], total

    assert await page(None, 10, 0) == (["CP1", "CP2", "CP3", "CP4"], 4)
    assert await page(None, 2, 1) == (["CP2", "CP3"], 4)
    assert await page("Accepted", 1, 1) == (["CP3"], 3)
    assert await page("Pending", 10, 0) == (["CP2"], 1)
    assert await page("Rejected", 10, 0) == ([], 0)
    rows = await database.read(charge_points.behind, None, "CP2", 1)
    assert [row["id"] for row in rows] == ["CP3"]
    rows = await database.read(charge_points.behind, "Accepted", "CP1", 10)
    assert [row["id"] for row in rows] == ["CP3", "CP4"]
