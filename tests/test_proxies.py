"""Who is behind a proxy, and who only says so."""

from __future__ import annotations

import pytest

from ocpp_trio.proxies import Origin, TrustedProxies, came_by_proxy

PROXIES = TrustedProxies(("192.0.2.1", "10.0.0.0/8", "2001:db8::/64"))


def forwarded(*addresses: str, proto: str | None = None) -> list[tuple[bytes, bytes]]:
    headers = [(b"X-Forwarded-For", address.encode()) for address in addresses]
    if proto is not None:
        headers.append((b"X-Forwarded-Proto", proto.encode()))
    return headers


@pytest.mark.parametrize(
    ("peer", "told", "address"),
    [
        ("192.0.2.1", ["203.0.113.7"], "203.0.113.7"),
        ("192.0.2.1", ["198.51.100.9, 203.0.113.7"], "203.0.113.7"),
        ("192.0.2.1", ["203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        ("192.0.2.1", ["203.0.113.7", "10.1.2.3"], "203.0.113.7"),
        ("192.0.2.1", ["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
        ("192.0.2.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("192.0.2.1", ["2001:db8:1::7"], "2001:db8:1::7"),
        ("192.0.2.1", ["[2001:db8:1::7]:4711"], "2001:db8:1::7"),
        ("2001:db8::1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("192.0.2.1", ["203.0.113.7, unknown"], "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.7, unknown, 10.1.2.3"], "10.1.2.3"),
        ("192.0.2.1", [", ,"], "192.0.2.1"),
        ("192.0.2.1", ["\xff"], "192.0.2.1"),
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", [", ".join(["10.1.1.1"] * 10_000)], "10.1.1.1"),
        # Not a trusted one: it can say what it likes.
        ("203.0.113.66", ["192.0.2.1"], "203.0.113.66"),
        ("", ["192.0.2.1"], ""),
    ],
)
def test_the_client_is_the_first_that_is_no_trusted_proxy(
    peer: str, told: list[str], address: str
) -> None:
    assert PROXIES.origin(peer, forwarded(*told)).address == address


@pytest.mark.parametrize(
    ("peer", "proto", "is_secure"),
    [
        ("192.0.2.1", "https", True),
        ("192.0.2.1", "WSS", True),
        ("192.0.2.1", "http", False),
        ("192.0.2.1", "https, http", False),
        ("192.0.2.1", "http, https", False),
        ("192.0.2.1", None, False),
        ("192.0.2.1", "", False),
        ("203.0.113.66", "https", False),
    ],
)
def test_encrypted_is_what_a_trusted_proxy_says_and_nobody_else(
    peer: str, proto: str | None, is_secure: bool
) -> None:
    assert PROXIES.origin(peer, forwarded(proto=proto)).is_secure is is_secure


def test_our_own_tls_counts_unless_a_trusted_proxy_knows_better() -> None:
    assert PROXIES.origin("203.0.113.66", [], is_secure=True).is_secure
    assert PROXIES.origin("192.0.2.1", [], is_secure=True).is_secure
    # It came to the proxy in clear, or nobody knows how.
    assert not PROXIES.origin("192.0.2.1", forwarded("203.0.113.7"), is_secure=True).is_secure
    assert not PROXIES.origin("192.0.2.1", forwarded(proto="http"), is_secure=True).is_secure


def test_without_trusted_proxies_nothing_is_believed() -> None:
    nobody = TrustedProxies(())
    headers = forwarded("203.0.113.7", proto="https")
    assert nobody.origin("127.0.0.1", headers) == Origin("127.0.0.1", False)
    assert not nobody
    assert PROXIES


def test_a_proxy_shows_by_its_headers() -> None:
    assert came_by_proxy([(b"VIA", b"1.1 proxy")])
    assert not came_by_proxy([(b"Host", b"localhost")])
