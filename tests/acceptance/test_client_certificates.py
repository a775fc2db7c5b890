"""TLS beside a plain port, client certificates, cipher suites, hostile handshakes, reload."""

from __future__ import annotations

import datetime
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from tests.acceptance.scorecard import check_well, descriptors, fresh_session
from tests.support.sync_station import SyncStation, connected, whole_session
from tests.support.tls_server import CPO, TlsServer, openssl, tls_server
from tests.support.waiting import until

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TlsServer, int]]:
    with tls_server(tmp_path_factory.mktemp("tls"), OCPP_CPO_NAME=CPO) as started:
        assert started.request("POST", "/api/authorizations", {"idTag": "TAG"}).status == 201
        fresh_session(started)
        yield started, descriptors(started)


@pytest.fixture
def server(one_server: tuple[TlsServer, int]) -> Iterator[TlsServer]:
    """A server, which must be as well after the test as before."""
    started, baseline = one_server
    yield started
    check_well(started, baseline)


def refused(server: TlsServer, name: str, context: ssl.SSLContext) -> int | None:
    """Fails if the server lets a station in; the HTTP status that refused it, None if it was TLS.

    With TLS 1.3 a client learns only afterwards that its certificate was refused.
    """
    try:
        with connected(server.wss, name, context):
            pytest.fail("let in")
    except InvalidStatus as error:
        return error.response.status_code
    except (ssl.SSLError, ConnectionClosed, ConnectionError, InvalidHandshake, EOFError):
        return None


def test_plain_and_tls_at_once(server: TlsServer) -> None:
    assert whole_session(server.url, "PLAIN", "TAG") > 0
    assert whole_session(server.wss, "TLS", "TAG", server.trusting()) > 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_of_the_station_itself(server: TlsServer, version: ssl.TLSVersion) -> None:
    name = f"OWN{version.value}"
    context = server.showing(name, version=version)
    assert whole_session(server.wss, name, "TAG", context) > 0
    # Again, with the TLS session of before where the client resumes it.
    assert whole_session(server.wss, name, "TAG", context) > 0


@pytest.mark.parametrize("version", VERSIONS)
def test_the_certificate_of_another_is_refused(server: TlsServer, version: ssl.TLSVersion) -> None:
    before = server.get("/api/status")["limits"]["stationsUnauthorized"]
    assert refused(server, "VICTIM", server.showing("THIEF", version=version)) == 403
    assert server.get("/api/status")["limits"]["stationsUnauthorized"] == before + 1
    assert server.request("GET", "/api/charge-points/VICTIM").status == 404
    assert "has the common name THIEF, which is neither the id nor" in server.log()


def test_the_certificate_of_another_organization_is_refused(server: TlsServer) -> None:
    assert refused(server, "CP001", server.showing("CP001", organization="Other")) == 403
    assert f"is not made out to {CPO}" in server.log()


@pytest.mark.parametrize("version", VERSIONS)
def test_an_expired_certificate_is_refused(server: TlsServer, version: ssl.TLSVersion) -> None:
    expired = server.showing(
        "CP001", version=version, not_before=PAST, not_after=PAST + datetime.timedelta(days=1)
    )
    assert refused(server, "CP001", expired) is None
    assert "its certificate was refused: certificate has expired" in server.log()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_certificate_of_a_foreign_authority_is_refused(
    server: TlsServer, version: ssl.TLSVersion
) -> None:
    foreign = server.showing("CP001", authority=trustme.CA(), version=version)
    assert refused(server, "CP001", foreign) is None
    assert "its certificate was refused: " in server.log()


def test_a_serial_number_will_do(server: TlsServer) -> None:
    boot = {
        "chargePointVendor": "V",
        "chargePointModel": "M",
        "chargePointSerialNumber": "SN-1234",
    }
    with connected(server.wss, "NUMBERED", server.trusting()) as station:
        assert station.call("BootNotification", boot)[2]["status"] == "Accepted"
    assert whole_session(server.wss, "NUMBERED", "TAG", server.showing("SN-1234")) > 0
    assert refused(server, "UNNUMBERED", server.showing("SN-1234")) == 403
    assert refused(server, "NUMBERED", server.showing("THIEF")) == 403
    (event,) = server.get("/api/security-events?chargePointId=NUMBERED")
    assert event["type"] == "FailedToAuthenticateAtCentralSystem"
    assert "THIEF" in event["techInfo"]


def test_versions_and_cipher_suites(server: TlsServer) -> None:
    assert "Protocol  : TLSv1.2" in openssl(server, "-tls1_2")
    assert "Cipher is ECDHE-RSA-AES128-GCM-SHA256" in openssl(
        server, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"
    )
    assert "Compression: NONE" in openssl(server, "-tls1_2", "-comp")
    old = openssl(server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in old
    assert "alert protocol version" in old
    for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "NULL-SHA"):
        found = openssl(server, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
        assert "Cipher is (NONE)" in found
        assert "handshake failure" in found
    assert "it speaks no TLS 1.2 or later" in server.log()
    assert "it knows none of our cipher suites" in server.log()


def test_garbage_ends_with_its_connection(server: TlsServer) -> None:
    hello = bytes.fromhex("160301008c010000880303") + os.urandom(32)
    for raw in (
        b"GET /CP001 HTTP/1.1\r\nHost: a\r\n\r\n",
        os.urandom(4096),
        b"\x16\x03\x01\xff\xff" + b"\0" * 70_000,
        hello,
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x80\x80\x01\x03\x01",
    ):
        with socket.create_connection(("127.0.0.1", server.wss_port), 5) as sock:
            sock.settimeout(5)
            try:
                sock.sendall(raw)
                while sock.recv(4096):
                    pass
            except ConnectionError:
                continue
    assert "it speaks ws or http without TLS" in server.log()


def test_a_slow_handshake_is_cut_off(server: TlsServer) -> None:
    with ExitStack() as stack:
        silent, slow = (
            stack.enter_context(socket.create_connection(("127.0.0.1", server.wss_port), 5))
            for _ in range(2)
        )
        began = time.monotonic()
        slow.settimeout(0.1)
        while time.monotonic() - began < 5:
            try:
                slow.sendall(b"\x16")
                if not slow.recv(100):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        silent.settimeout(5)
        assert silent.recv(100) == b""
        assert time.monotonic() - began < 4


def test_the_two_suites_of_the_switch_and_a_second_certificate(tmp_path: Path) -> None:
    second = trustme.CA().issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
    second.private_key_pem.write_to_path(tmp_path / "second-key.pem")
    second.cert_chain_pems[0].write_to_path(tmp_path / "second.pem")
    files = {
        "OCPP_SECOND_CERT_FILE": str(tmp_path / "second.pem"),
        "OCPP_SECOND_KEY_FILE": str(tmp_path / "second-key.pem"),
    }
    with tls_server(tmp_path, OCPP_TLS_LEGACY="true", **files) as server:
        for suite in (
            "AES128-GCM-SHA256",
            "AES256-GCM-SHA384",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
        ):
            assert f"Cipher is {suite}" in openssl(server, "-tls1_2", "-cipher", suite)
        assert "Cipher is ECDHE" in openssl(server, "-tls1_2")
        assert "Cipher is (NONE)" in openssl(server, "-tls1_2", "-cipher", "AES128-SHA")


def test_a_station_without_a_certificate_where_one_is_required(tmp_path: Path) -> None:
    with tls_server(tmp_path, OCPP_CLIENT_CERTIFICATES="required") as server:
        assert refused(server, "CP001", server.trusting()) is None
        assert "it showed no certificate" in server.log()
        with connected(server.wss, "CP001", server.showing("CP001")) as station:
            assert station.boot()["status"] == "Accepted"


def serial(server: TlsServer) -> int:
    """The serial number of the certificate that is shown now."""
    with (
        socket.create_connection(("127.0.0.1", server.wss_port), 5) as sock,
        server.trusting().wrap_socket(sock, server_hostname="127.0.0.1") as secure,
    ):
        found = secure.getpeercert()
        assert found is not None
        return int(str(found["serialNumber"]), 16)


def test_new_files_drop_nobody(tmp_path: Path) -> None:
    with tls_server(tmp_path) as server, ExitStack() as stack:
        stations = [
            stack.enter_context(connected(server.wss, f"CP{number}", server.trusting()))
            for number in range(10)
        ]
        for station in stations:
            assert station.boot()["status"] == "Accepted"
        over = threading.Event()

        def keep_calling(station: SyncStation) -> int:
            """Call without a pause; how often it was answered."""
            calls = 0
            while not over.is_set():
                assert station.call("Heartbeat", {})[0] == 3
                calls += 1
            return calls

        with ThreadPoolExecutor(len(stations)) as threads:
            counts = [threads.submit(keep_calling, station) for station in stations]
            try:
                change_files(server, tmp_path)
            finally:
                over.set()
        assert all(count.result() > 0 for count in counts)
        assert len(server.errors()) == server.log().count("cannot be used") >= 1


def change_files(server: TlsServer, folder: Path) -> None:
    """New files, broken ones, new ones again; by themselves and by signal."""
    first = serial(server)
    server.renew_certificate(folder)
    until(lambda: serial(server) != first)
    second = serial(server)
    (folder / "cert.pem").write_text("nonsense")
    server.signal(signal.SIGHUP)
    until(lambda: "certificate files cannot be used; the old ones stay" in server.log())
    assert serial(server) == second
    with connected(server.wss, "NEW", server.trusting()) as fresh:
        assert fresh.boot()["status"] == "Accepted"
    server.renew_certificate(folder)
    server.signal(signal.SIGHUP)
    until(lambda: serial(server) not in {first, second})


def test_a_revoked_certificate_lets_nobody_in_again(server: TlsServer) -> None:
    context = server.showing("REVOKED")
    with connected(server.wss, "REVOKED", context) as station:
        assert station.boot()["status"] == "Accepted"
        (shown,) = server.get("/api/client-certificates?chargePointId=REVOKED")
        assert shown["lastUsedAt"] is not None
        path = f"/api/client-certificates/{shown['id']}/revoke"
        assert server.request("POST", path, {"reason": "lost"}).status == 200
        with pytest.raises(ConnectionClosed) as closed:
            station.websocket.recv(timeout=5)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
            1008,
            "its certificate was revoked",
        )
    assert refused(server, "REVOKED", context) == 403
    with connected(server.wss, "REVOKED", server.showing("REVOKED")) as station:
        assert station.boot()["status"] == "Accepted"
