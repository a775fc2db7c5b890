"""wss and https with a certificate."""

import http.client
import json
import os
import signal
import socket
import ssl
import warnings
from pathlib import Path

import pytest
import trustme

from tests.support.server import START_LIMIT, Server
from tests.support.sync_station import whole_session
from tests.support.waiting import until


@pytest.mark.slow
def test_wss_and_https(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    for pem in issued.cert_chain_pems:
        pem.write_to_path(tmp_path / "cert.pem", append=True)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    server = Server(
        tmp_path, OCPP_USE_TLS="true", OCPP_HANDSHAKE_TIMEOUT="2", OCPP_TLS_RELOAD_INTERVAL="0.1"
    )

    def request(method: str, path: str, body: object = None) -> tuple[int, object]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", server.api_port, timeout=START_LIMIT, context=trusting
        )
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer

    # The plain readiness check cannot speak TLS: wait for the socket, then ask over https.
    server.start(ready=lambda: request("GET", "/readyz")[0] == 200)
    try:
        assert request("POST", "/api/authorizations", {"idTag": "TAG"})[0] == 201
        url = f"wss://127.0.0.1:{server.websocket_port}"
        assert whole_session(url, "CP001", "TAG", trusting) == 1
        assert b"wss://" in (tmp_path / "server.log").read_bytes()
        with socket.create_connection(("127.0.0.1", server.websocket_port), 5) as plain:
            plain.sendall(b"GET /CP001 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"101" not in plain.recv(4096)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname = False
        old.verify_mode = ssl.CERT_NONE
        for port in (server.api_port, server.websocket_port):
            assert handshake_fails(port, old)
        for port in (server.api_port, server.websocket_port):
            with socket.create_connection(("127.0.0.1", port), 5) as silent:
                silent.settimeout(5)
                assert silent.recv(100) == b""
        first = serial(server.api_port, trusting)
        renewed = authority.issue_cert("localhost", "127.0.0.1")
        renewed.private_key_pem.write_to_path(tmp_path / "key.new")
        renewed.cert_chain_pems[0].write_to_path(tmp_path / "cert.new")
        server.signal(signal.SIGSTOP)
        (tmp_path / "key.new").replace(tmp_path / "key.pem")
        (tmp_path / "cert.new").replace(tmp_path / "cert.pem")
        server.signal(signal.SIGCONT)
        until(lambda: serial(server.api_port, trusting) != first)
        assert whole_session(url, "CP002", "TAG", trusting) == 2
        assert server.stop() == 0
        assert server.errors() == []
    finally:
        server.end()


def serial(port: int, context: ssl.SSLContext) -> str:
    """The serial number of the certificate that is shown on a port."""
    with (
        socket.create_connection(("127.0.0.1", port), 5) as sock,
        context.wrap_socket(sock, server_hostname="127.0.0.1") as secure,
    ):
        found = secure.getpeercert()
        assert found is not None
        return str(found["serialNumber"])


def handshake_fails(port: int, context: ssl.SSLContext) -> bool:
    """Whether a client that knows nothing newer than TLS 1.1 is refused."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        try:
            context.wrap_socket(sock).close()
        except (ssl.SSLError, ConnectionError):
            return True
    return False


def test_a_hangup_reloads_unless_the_terminal_is_gone(tmp_path: Path) -> None:
    server = Server(tmp_path)
    ours, theirs = os.openpty()
    server.start(stderr=theirs)
    try:
        server.signal(signal.SIGHUP)
        assert server.request("GET", "/healthz").status == 200
        os.close(theirs)
        os.close(ours)
        server.signal(signal.SIGHUP)
        assert server.wait() == 0
    finally:
        server.end()
