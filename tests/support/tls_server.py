"""A real server with a TLS port for charge points beside the plain one, and what talks to it."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme

from tests.support.server import Server, free_ports

CPO = "Example CPO"
QUICK = {
    "OCPP_TLS_RELOAD_INTERVAL": "0.1",
    "OCPP_HANDSHAKE_TIMEOUT": "1",
    "OCPP_LOG_INTERVAL": "0.05",
    "OCPP_PRESENCE_INTERVAL": "0.05",
}


class TlsServer(Server):
    """Its certificate is for 127.0.0.1, signed by `authority`, which signs client certificates
    too. The API and the plain port stay without TLS.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.authority = trustme.CA()
        self.files = folder
        self.authority.cert_pem.write_to_path(folder / "client-ca.pem")
        self.renew_certificate(folder)
        (self.wss_port,) = free_ports(1)
        files = {
            "OCPP_CERT_FILE": str(folder / "cert.pem"),
            "OCPP_KEY_FILE": str(folder / "key.pem"),
            "OCPP_CLIENT_CA_FILE": str(folder / "client-ca.pem"),
        }
        own = {"OCPP_WSS_PORT": str(self.wss_port), **files, **QUICK}
        super().__init__(folder, **(own | variables))

    def renew_certificate(self, folder: Path) -> None:
        """A new certificate and key, in the place of the old ones."""
        issued = self.authority.issue_cert(
            "127.0.0.1", common_name="csms.example.com", key_type=trustme.KeyType.RSA
        )
        for name, pem in (
            ("key.pem", issued.private_key_pem),
            ("cert.pem", issued.cert_chain_pems[0]),
        ):
            fresh = folder / f"{name}.new"
            pem.write_to_path(fresh)
            fresh.replace(folder / name)

    @property
    def wss(self) -> str:
        """Where charge points connect with TLS."""
        return f"wss://127.0.0.1:{self.wss_port}"

    def trusting(self, *, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """A charge point's TLS without a certificate of its own."""
        context = ssl.create_default_context()
        context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
        self.authority.configure_trust(context)
        if version is not None:
            context.maximum_version = version
        return context

    def showing(
        self,
        common_name: str,
        *,
        organization: str = CPO,
        authority: trustme.CA | None = None,
        version: ssl.TLSVersion | None = None,
        **validity: Any,
    ) -> ssl.SSLContext:
        """A charge point's TLS with a certificate of its own."""
        issued = (authority or self.authority).issue_cert(
            common_name=common_name, organization_name=organization, **validity
        )
        context = self.trusting(version=version)
        issued.configure_cert(context)
        return context


def openssl(server: TlsServer, *arguments: str) -> str:
    """What `openssl s_client` says of a handshake with the TLS port."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.wss_port}", *arguments],
        input=b"",
        capture_output=True,
        timeout=20,
        check=False,
    )
    return (done.stdout + done.stderr).decode("utf-8", "replace")


@contextmanager
def tls_server(folder: Path, **variables: str) -> Iterator[TlsServer]:
    """A server that runs while the block does; it must end in order."""
    server = TlsServer(folder, **variables)
    server.start()
    try:
        yield server
        assert server.stop() == 0
    finally:
        server.end()
