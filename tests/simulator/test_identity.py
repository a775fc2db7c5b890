"""How a charge point proves itself: its keys, and the way up to a higher security profile."""

from __future__ import annotations

from pathlib import Path

import pytest
from trio.testing import MockClock

from ocpp_trio.simulator.certificates import CENTRAL_SYSTEM, CertificateStore, Own
from ocpp_trio.simulator.endpoint import CannotConnect, endpoint_of
from ocpp_trio.simulator.identity import Credentials, Identity
from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet
from tests.support.certificates import pem, root, signed_for
from tests.support.clock import FakeNow

KEY = bytes(range(20))
PLAIN, SECURE = endpoint_of("ws://localhost"), endpoint_of("wss://localhost")


@pytest.fixture
def store(now: FakeNow) -> CertificateStore:
    return CertificateStore("CP1", 10, now)


def test_the_profile_follows_from_what_it_was_given(store: CertificateStore) -> None:
    def profile(endpoint: object, **given: object) -> int:
        credentials = Credentials(**given)  # type: ignore[arg-type]
        return Identity("CP1", endpoint, credentials, store).profile  # type: ignore[arg-type]

    assert profile(PLAIN) == 0
    assert profile(PLAIN, key=KEY) == 1
    assert profile(SECURE, key=KEY) == 2
    assert profile(SECURE, certificate=Own("chain", "key")) == 3


def test_the_way_up_has_its_conditions(store: CertificateStore) -> None:
    identity = Identity("CP1", PLAIN, Credentials(secure=SECURE), store)
    assert identity.way() == (PLAIN, None, ())
    assert identity.change_profile("1") == "Rejected"
    assert identity.change_key("00" * 15) == "Rejected"
    assert identity.change_key(KEY.hex()) == "Accepted"
    assert identity.profile == 1
    endpoint, tls, ((name, value),) = identity.way()
    assert (endpoint, tls, name) == (PLAIN, None, "Authorization")
    assert value.startswith("Basic ")

    assert identity.change_profile("2") == "Rejected"
    assert store.install(CENTRAL_SYSTEM, pem(root())) == "Accepted"
    assert identity.change_profile("2") == "Accepted"
    endpoint, tls, headers = identity.way()
    assert endpoint is SECURE
    assert tls is not None
    assert len(headers) == 1

    assert identity.change_profile("3") == "Rejected"
    assert store.take_signed(signed_for(store.request("Example"))) is None
    for value in ("2", "1", "0", "4", "x", ""):
        assert identity.change_profile(value) == "Rejected"
    assert identity.change_profile("3") == "Accepted"
    assert identity.way().headers == ()


def test_it_falls_back_once(store: CertificateStore) -> None:
    identity = Identity("CP1", PLAIN, Credentials(key=KEY), store)
    assert not identity.fall_back()
    secure = Identity("CP1", PLAIN, Credentials(key=KEY, ca_file="ca.pem", secure=SECURE), store)
    assert secure.change_profile("2") == "Accepted"
    assert secure.fall_back()
    assert secure.profile == 1
    assert not secure.fall_back()
    assert secure.change_profile("2") == "Accepted"
    secure.connected()
    assert not secure.fall_back()
    assert secure.profile == 2


def test_files_that_cannot_be_used(store: CertificateStore, tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    for content in (None, "nonsense"):
        if content is not None:
            broken.write_text(content)
        identity = Identity("CP1", SECURE, Credentials(ca_file=str(broken)), store)
        with pytest.raises(CannotConnect, match="TLS"):
            identity.way()
    own = Identity("CP1", SECURE, Credentials(certificate=Own("chain", "key")), store)
    with pytest.raises(CannotConnect, match="TLS"):
        own.way()


async def test_a_new_key_is_used_at_once(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle():
        for key, value, status in (
            ("SecurityProfile", "1", "Rejected"),
            ("authorizationkey", "short", "Rejected"),
            ("AuthorizationKey", KEY.hex(), "Accepted"),
        ):
            assert await central.status("ChangeConfiguration", key=key, value=value) == status
        await central.until("1 Available")
        assert central.connections == 2
        assert await central.status("ChangeConfiguration", key="SecurityProfile", value="1") == (
            "Rejected"
        )
        answer = await central.command("GetConfiguration", key=["SecurityProfile"])
        assert isinstance(answer, dict)
        (shown,) = answer["configurationKey"]
        assert shown == {"key": "SecurityProfile", "readonly": False, "value": "1"}
        hidden = await central.command("GetConfiguration", key=["AuthorizationKey"])
        assert hidden == {"configurationKey": [], "unknownKey": ["AuthorizationKey"]}
        assert KEY.hex() not in str(await central.command("GetConfiguration"))
