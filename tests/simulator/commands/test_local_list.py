"""Commands of the profile LocalAuthListManagement, and what the list is good for."""

from __future__ import annotations

from collections.abc import Mapping

from trio.testing import MockClock

from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet, Present

ENTRY = {"idTag": "LOCAL", "idTagInfo": {"status": "Accepted"}}


async def send(central: Central, version: int, *entries: Mapping[str, object]) -> str:
    return await central.status(
        "SendLocalList",
        listVersion=version,
        updateType="Full",
        localAuthorizationList=list(entries),
    )


async def version(central: Central) -> object:
    answer = await central.command("GetLocalListVersion")
    assert isinstance(answer, dict)
    return answer["listVersion"]


async def test_the_list_has_a_version(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        assert await version(central) == 0
        assert await send(central, 5, ENTRY) == "Accepted"
        assert await version(central) == 5
        answer = await central.status("SendLocalList", listVersion=5, updateType="Differential")
        assert answer == "VersionMismatch"
        assert await send(central, 6) == "Accepted"
        assert await version(central) == 0


async def test_lists_can_be_switched_off(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        await central.status("ChangeConfiguration", key="LocalAuthListEnabled", value="false")
        assert await send(central, 5, ENTRY) == "NotSupported"
        assert await version(central) == -1


async def test_a_tag_of_the_list_charges_without_being_asked_about(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, present: Present
) -> None:
    async with idle():
        await send(central, 1, ENTRY)
        await central.status("ChangeConfiguration", key="LocalPreAuthorize", value="true")
        await present("local")
        await central.until("StartTransaction")
        assert "Authorize" not in central.actions()
        await present("LOCAL")
        await central.until("1 Available")
        await present("OTHER")
        await central.until("StartTransaction", 2)
        assert central.payloads("Authorize") == [{"idTag": "OTHER"}]
