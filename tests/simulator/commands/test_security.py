"""Certificates and logs, by the Security Whitepaper."""

from __future__ import annotations

import trio
import trio.testing
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from trio.testing import MockClock

from tests.simulator.central import Central
from tests.simulator.conftest import PlayFleet

CENTRAL = "CentralSystemRootCertificate"
MANUFACTURER = "ManufacturerRootCertificate"


def signed_by(authority: trustme.CA, csr: x509.CertificateSigningRequest) -> str:
    """A certificate for the key of a request."""
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(csr.subject)
        .issuer_name(issuer.subject)
        .public_key(csr.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


async def install(central: Central, use: str, pem: str) -> str:
    return await central.status("InstallCertificate", certificateType=use, certificate=pem)


async def test_certificates_are_installed_listed_and_deleted(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async def installed(use: str) -> list[dict[str, str]]:
        answer = await central.command("GetInstalledCertificateIds", certificateType=use)
        assert isinstance(answer, dict)
        assert answer["status"] == ("Accepted" if "certificateHashData" in answer else "NotFound")
        found: list[dict[str, str]] = answer.get("certificateHashData", [])
        return found

    one, two = (trustme.CA().cert_pem.bytes().decode() for _ in range(2))
    async with idle():
        assert await installed(CENTRAL) == []
        assert await install(central, CENTRAL, one) == "Accepted"
        assert await install(central, CENTRAL, two) == "Accepted"
        assert await install(central, MANUFACTURER, "nonsense") == "Rejected"
        assert len(await installed(CENTRAL)) == 2
        assert await installed(MANUFACTURER) == []
        first, second = await installed(CENTRAL)
        spelled = first | {"serialNumber": first["serialNumber"].upper()}
        for status in ("Accepted", "NotFound"):
            assert await central.status("DeleteCertificate", certificateHashData=spelled) == status
        assert await installed(CENTRAL) == [second]


async def test_a_certificate_for_the_charge_points_own_key(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    authority = trustme.CA()
    async with idle():
        await central.status("ChangeConfiguration", key="CpoName", value="Example")
        await central.status(
            "ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate"
        )
        request = await central.until("SignCertificate")
        csr = x509.load_pem_x509_csr(request["csr"].encode())
        assert csr.is_signature_valid
        assert csr.subject.rfc4514_string() == "CN=SIM0001,O=Example"
        chain = signed_by(authority, csr)
        assert await central.status("CertificateSigned", certificateChain=chain) == "Accepted"
        for wrong in (authority.cert_pem.bytes().decode(), "nonsense"):
            assert await central.status("CertificateSigned", certificateChain=wrong) == "Rejected"
        event = await central.until("SecurityEventNotification", 2)
        assert event["type"] == "InvalidChargePointCertificate"


async def test_logs(autojump_clock: MockClock, central: Central, idle: PlayFleet) -> None:
    log = {"remoteLocation": "ftp://files/"}
    async with idle():
        for number, kind, status in (
            (1, "SecurityLog", "Accepted"),
            (2, "DiagnosticsLog", "AcceptedCanceled"),
        ):
            answer = await central.command("GetLog", logType=kind, requestId=number, log=log)
            assert isinstance(answer, dict)
            assert answer["status"] == status
            assert answer["filename"].endswith("-SIM0001.log")
            await central.until("LogStatusNotification", number)
        await central.until("LogStatusNotification", 3)
        assert central.payloads("LogStatusNotification") == [
            {"status": "Uploading", "requestId": 1},
            {"status": "Uploading", "requestId": 2},
            {"status": "Uploaded", "requestId": 2},
        ]
        await trio.testing.wait_all_tasks_blocked()
        await central.status("ExtendedTriggerMessage", requestedMessage="LogStatusNotification")
        assert await central.until("LogStatusNotification", 4) == {"status": "Idle"}


async def test_a_log_that_fails_is_told_again(
    autojump_clock: MockClock, central: Central, idle: PlayFleet
) -> None:
    async with idle(faults=("GetLog=fail:PermissionDenied",)):
        log = {"remoteLocation": "ftp://files/"}
        await central.status("GetLog", logType="SecurityLog", requestId=1, log=log)
        await central.until("LogStatusNotification", 2)
        await trio.testing.wait_all_tasks_blocked()
        await central.status("ExtendedTriggerMessage", requestedMessage="LogStatusNotification")
        again = await central.until("LogStatusNotification", 3)
        assert again == {"status": "PermissionDenied", "requestId": 1}
