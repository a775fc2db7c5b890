"""The station that does what a test tells it."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from ocpp_trio.errors import CallErrorReceived, CallRefused, CommandTimedOut, InvalidAnswer
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator import CannotConnect, LinkLost, Station, open_station
from tests.simulator.central import DROP, Central

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


async def stream_to(central: Central) -> trio.abc.Stream:
    return await central.endpoint.open_stream(None)


async def test_it_calls_and_is_called(autojump_clock: MockClock, central: Central) -> None:
    stream = await stream_to(central)
    async with open_station(
        stream, "DE*A:1 2", answers={"ClearCache": {"status": "Accepted"}}
    ) as s:
        assert (await s.call("BootNotification", BOOT))["status"] == "Accepted"
        assert await central.status("ClearCache") == "Accepted"
        assert await central.command("GetConfiguration") == "NotSupported"
        s.answers["Reset"] = lambda request: {"status": f"{request['type']}"[:0] + "Rejected"}
        assert await central.status("Reset", type="Soft") == "Rejected"
        s.answers["Reset"] = CallRefused("InternalError", "no")
        assert await central.command("Reset", type="Hard") == "InternalError"
        assert [call.action for call in s.received] == [
            "ClearCache",
            "GetConfiguration",
            "Reset",
            "Reset",
        ]
        assert (await s.receive("Reset")).payload == {"type": "Soft"}
        assert (await s.receive()).action == "ClearCache"
        assert len(s.frames) == 5
    assert central.paths == ["/DE%2AA%3A1%202"]


async def test_an_answer_can_be_late(
    autojump_clock: MockClock, central: Central, nursery: trio.Nursery
) -> None:
    async with open_station(await stream_to(central), "CP1", answers={"ClearCache": None}) as s:
        got: list[str] = []

        async def ask() -> None:
            got.append(await central.status("ClearCache"))

        await s.call("Heartbeat")
        nursery.start_soon(ask)
        call = await s.receive("ClearCache")
        await trio.sleep(50)
        assert not got
        await s.answer(call, {"status": "Rejected"})
        await trio.testing.wait_all_tasks_blocked()
        assert got == ["Rejected"]


async def test_what_a_call_raises(autojump_clock: MockClock, central: Central) -> None:
    scripts: dict[str, tuple[Payload | CallRefused | None, type[Exception]]] = {
        "Heartbeat": (CallRefused("GenericError", "why"), CallErrorReceived),
        "Authorize": (None, CommandTimedOut),
        "BootNotification": ({"status": "Accepted"}, InvalidAnswer),
        "StopTransaction": (DROP, LinkLost),
    }
    requests: dict[str, Payload] = {
        "Heartbeat": {},
        "Authorize": {"idTag": "T"},
        "BootNotification": BOOT,
        "StopTransaction": {
            "transactionId": 1,
            "meterStop": 1,
            "timestamp": "2026-01-01T00:00:00Z",
        },
    }
    async with open_station(await stream_to(central), "CP1", timeout=5.0) as station:
        for action, (answer, error) in scripts.items():
            central.answers[action] = answer
            with pytest.raises(error):
                await station.call(action, requests[action])
        assert await station.wait_closed() == 1006
        with pytest.raises(LinkLost):
            await station.call("Heartbeat")


async def test_an_answer_after_the_time_limit_is_not_mistaken(
    autojump_clock: MockClock, central: Central
) -> None:
    async with open_station(await stream_to(central), "CP1", timeout=5.0) as station:
        central.answers["Heartbeat"] = None
        with pytest.raises(CommandTimedOut, match="no answer within 5 s"):
            await station.call("Heartbeat")
        await central.send_text(f'[3,"{central.ids[-1]}",{{"currentTime":"1970-01-01T00:00:00Z"}}]')
        central.answers["Heartbeat"] = {"currentTime": "2026-01-01T00:00:00Z"}
        assert await station.call("Heartbeat") == {"currentTime": "2026-01-01T00:00:00Z"}


async def test_it_sends_any_text_and_sees_the_close_code(
    autojump_clock: MockClock, central: Central
) -> None:
    async with open_station(await stream_to(central), "CP1") as station:
        await station.send("no json")
        await station.send('[2,"1","Nonsense",{}]')
        await station.call("Heartbeat")
        assert '"NotImplemented"' in station.frames[0]
        await central.close(1008)
        assert await station.wait_closed() == 1008


async def test_one_call_at_a_time_in_the_order_of_asking(
    autojump_clock: MockClock, central: Central
) -> None:
    async with (
        open_station(await stream_to(central), "CP1") as station,
        trio.open_nursery() as nursery,
    ):
        for tag in ("A", "B", "C"):
            nursery.start_soon(station.call, "Authorize", {"idTag": tag})
            await trio.testing.wait_all_tasks_blocked(0)
    assert [payload["idTag"] for payload in central.payloads("Authorize")] == ["A", "B", "C"]


async def test_an_error_in_the_block_comes_out_as_it_is(
    autojump_clock: MockClock, central: Central
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_station(await stream_to(central), "CP1"):
            raise ZeroDivisionError


async def test_a_refused_handshake_has_its_status(
    autojump_clock: MockClock, central: Central
) -> None:
    central.refuse_with = 401
    with pytest.raises(CannotConnect, match="HTTP 401") as caught:
        async with open_station(await stream_to(central), "CP1"):
            pytest.fail("connected")
    assert caught.value.status == 401


async def test_a_server_that_hangs_up_during_the_handshake(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.aclose()
    with pytest.raises(CannotConnect, match="closed during the handshake"):
        async with open_station(ours, "CP1"):
            pytest.fail("connected")
    assert trio.current_time() < 1


async def test_a_server_that_says_nothing(autojump_clock: MockClock) -> None:
    ours, _theirs = trio.testing.memory_stream_pair()
    with pytest.raises(CannotConnect, match="within 5 s"):
        async with open_station(ours, "CP1", timeout=5.0):
            pytest.fail("connected")


def test_a_station_can_be_told_its_answers() -> None:
    assert Station({"Reset": None}).answers == {"Reset": None}
