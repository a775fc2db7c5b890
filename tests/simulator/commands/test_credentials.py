"""Keys and security profiles, as a charge point takes and uses them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from ocpp_trio.domain.station_keys import authorization
from ocpp_trio.simulator import fleet
from ocpp_trio.simulator.certificates import CENTRAL_SYSTEM, CertificateStore, Own
from ocpp_trio.simulator.credentials import Credentials
from ocpp_trio.simulator.endpoint import CannotConnect, Endpoint, endpoint_of
from ocpp_trio.simulator.plan import Plan, Run
from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet
from tests.support.certificates import pem, root, signed_for
from tests.support.clock import FakeNow

OLD = bytes(range(20))
NEW = bytes(range(100, 116))


def presented(central: Central) -> list[str]:
    return [each.get(b"authorization", b"").decode() for each in central.headers]


async def change(central: Central, key: str, value: str) -> str:
    return await central.status("ChangeConfiguration", key=key, value=value)


async def test_a_key_is_presented_and_changed(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, said: list[str]
) -> None:
    async with idle(key=OLD) as run:
        assert presented(central) == [authorization("SIM0001", OLD)]
        run.tell = said.append
        assert await change(central, "AuthorizationKey", NEW.hex()) == "Accepted"
        await central.until("1 Available")
        assert presented(central)[1:] == [authorization("SIM0001", NEW)]
        # It did not boot: nothing else has changed.
        assert "BootNotification" not in central.actions()
        assert NEW.hex() not in str(said)


@pytest.mark.parametrize("value", ["", "not digits at all", "ab" * 15, "ab" * 21, "abc"])
async def test_what_is_no_key_is_rejected(
    autojump_clock: MockClock, central: Central, idle: PlayFleet, value: str
) -> None:
    async with idle(key=OLD):
        assert await change(central, "AuthorizationKey", value) == "Rejected"
        await central.drop()
        await central.until("1 Available")
        assert presented(central)[-1] == authorization("SIM0001", OLD)


async def test_a_key_is_never_told(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle(key=OLD):
        for keys in ([], ["authorizationkey"]):
            answer = await central.command("GetConfiguration", key=keys)
            assert isinstance(answer, dict)
            (told,) = (
                each for each in answer["configurationKey"] if each["key"] == "AuthorizationKey"
            )
            assert told == {"key": "AuthorizationKey", "readonly": False}


async def profile(central: Central) -> str:
    answer = await central.command("GetConfiguration", key=["SecurityProfile"])
    assert isinstance(answer, dict)
    (told,) = answer["configurationKey"]
    return str(told["value"])


async def test_a_profile_is_only_raised_and_needs_a_key(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        assert await profile(central) == "0"
        assert await change(central, "SecurityProfile", "1") == "Rejected"
        assert await change(central, "AuthorizationKey", NEW.hex()) == "Accepted"
        await central.until("1 Available")
        for value in ("0", "2", "3", "", "x"):
            assert await change(central, "SecurityProfile", value) == "Rejected"
        assert await change(central, "SecurityProfile", "1") == "Accepted"
        await central.until("1 Available", 2)
        assert await profile(central) == "1"
        assert await change(central, "SecurityProfile", "1") == "Rejected"


async def test_with_profile_2_it_goes_where_tls_is(
    autojump_clock: MockClock,
    central: Central,
    idle: PlayFleet,
    make_run: Callable[..., Run],
) -> None:
    gone: list[str] = []

    async def open_secure(tls: ssl.SSLContext | None) -> trio.abc.Stream:
        assert tls is not None
        gone.append("secure")
        return await central.endpoint.open_stream(tls)

    async with idle(key=OLD):
        assert await change(central, "SecurityProfile", "2") == "Rejected"
    run = make_run(key=OLD, sessions=0, stay=True)
    run.secure_endpoint = central.endpoint._replace(open_stream=open_secure, is_secure=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.play, run)
        await central.until("1 Available")
        assert gone == []
        assert await change(central, "SecurityProfile", "2") == "Accepted"
        await central.until("1 Available", 2)
        assert gone == ["secure"]
        nursery.cancel_scope.cancel()


def test_an_endpoint_knows_whether_it_is_secure() -> None:
    assert endpoint_of("wss://example.com").is_secure
    assert not endpoint_of("ws://example.com").is_secure


PLAIN, SECURE = endpoint_of("ws://localhost"), endpoint_of("wss://localhost")


def credentials_of(
    now: FakeNow, endpoint: Endpoint = PLAIN, secure: Endpoint | None = None, **plan: Any
) -> tuple[Credentials, CertificateStore]:
    run = Run(Plan(**plan), endpoint, secure_endpoint=secure)
    store = CertificateStore("CP1", 10, now)
    return Credentials("CP1", run, store), store


def test_the_profile_follows_from_what_it_was_given(now: FakeNow) -> None:
    def profile(endpoint: Endpoint, **plan: Any) -> int:
        return credentials_of(now, endpoint, **plan)[0].profile

    assert profile(PLAIN) == 0
    assert profile(PLAIN, key=OLD) == 1
    assert profile(SECURE, key=OLD) == 2
    assert profile(SECURE, key=OLD, certificate=Own("chain", "key")) == 3


def test_profile_3_needs_a_certificate_and_presents_no_key(now: FakeNow) -> None:
    credentials, store = credentials_of(now, secure=SECURE, key=OLD)
    assert credentials.tls() is None
    assert credentials.change_profile("3") == "Rejected"
    assert store.install(CENTRAL_SYSTEM, pem(root())) == "Accepted"
    assert store.take_signed(signed_for(store.request("Example"))) is None
    assert credentials.change_profile("3") == "Accepted"
    assert credentials.endpoint is SECURE
    assert credentials.headers == []
    assert credentials.tls() is not None
    for value in ("1", "2", "3", "4"):
        assert credentials.change_profile(value) == "Rejected"


def test_it_falls_back_once_where_a_new_profile_does_not_work(now: FakeNow) -> None:
    credentials, _ = credentials_of(now, secure=SECURE, key=OLD)
    assert not credentials.fall_back()
    assert credentials.change_profile("2") == "Accepted"
    assert credentials.fall_back()
    assert credentials.profile == 1
    assert not credentials.fall_back()
    assert credentials.change_profile("2") == "Accepted"
    credentials.proved()
    assert not credentials.fall_back()
    assert credentials.profile == 2


def test_files_that_cannot_be_used(now: FakeNow, tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("nonsense")
    for plan in (
        {"ca_file": str(tmp_path / "no.pem")},
        {"ca_file": str(broken)},
        {"certificate": Own("chain", "key")},
    ):
        with pytest.raises(CannotConnect, match="TLS"):
            credentials_of(now, SECURE, **plan)[0].tls()
