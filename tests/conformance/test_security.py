"""Cases of the Security Whitepaper: certificates, security events, logs and signed firmware.

Those of passwords are in test_passwords.py.
"""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conformance.station import Payload, Station, moment, parsed
from tests.support.certificates import NOT_AFTER, NOT_BEFORE, hash_data, pem, root

ACCEPTED = {"status": "Accepted"}
CENTRAL_SYSTEM_ROOT = "CentralSystemRootCertificate"
MANUFACTURER_ROOT = "ManufacturerRootCertificate"


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class Authority:
    """Who signs what charge points ask for."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(self.key.public_key(), name("Authority"))

    def _sign(self, key: ec.EllipticCurvePublicKey, subject: x509.Name) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name("Authority"))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOT_BEFORE)
            .not_valid_after(NOT_AFTER)
            .sign(self.key, hashes.SHA256())
        )

    def chain(self, csr: str) -> str:
        """The signed certificate and ours, as PEM."""
        request = x509.load_pem_x509_csr(csr.encode())
        key = request.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return pem(self._sign(key, request.subject)) + pem(self.certificate)


def request_of(key: ec.EllipticCurvePrivateKey, common_name: str) -> str:
    """What a station sends to have its key signed."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(common_name))
    made = builder.sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def new_certificate(station: Station, status: str) -> Payload:
    """The whole exchange for a new certificate, which the station then takes or not; the request
    on record.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    wanted = {"requestedMessage": "SignChargePointCertificate"}
    assert station.command("extended-trigger-message", wanted, ACCEPTED).sent == wanted

    csr = request_of(key, station.name)
    assert station.call("SignCertificate", {"csr": csr}) == ACCEPTED
    (waiting,) = station.listed("/api/certificate-requests", state="received")
    assert (waiting["csr"], waiting["problem"]) == (csr, None)
    assert waiting["subject"] == f"CN={station.name}"

    chain = {"certificateChain": Authority().chain(waiting["csr"])}
    commanded = station.command("certificate-signed", chain, {"status": status})
    signed = x509.load_pem_x509_certificates(commanded.sent["certificateChain"].encode())
    assert len(signed) == 2
    assert signed[0].public_key() == key.public_key()
    (ended,) = station.listed("/api/certificate-requests")
    assert ended["commandId"] == commanded.answer["commandId"]
    return ended


def event(station: Station, kind: str) -> None:
    """A SecurityEventNotification, answered and on record."""
    payload = {"type": kind, "timestamp": moment(), "techInfo": "for a test"}
    assert station.call("SecurityEventNotification", payload) == {}
    (kept,) = station.listed("/api/security-events", type=kind)
    assert kept["techInfo"] == "for a test"
    assert abs(parsed(kept["timestamp"]) - parsed(payload["timestamp"])) < SECOND


SECOND = datetime.timedelta(seconds=1)


def test_tc_074_new_charge_point_certificate(station: Station) -> None:
    station.booted()
    assert new_certificate(station, "Accepted")["state"] == "installed"
    station.booted()


def test_tc_077_bad_charge_point_certificate_event(station: Station) -> None:
    station.booted()
    assert new_certificate(station, "Rejected")["state"] == "refused"
    event(station, "InvalidChargePointCertificate")


def install(station: Station, kind: str, status: str) -> x509.Certificate:
    """InstallCertificate as the operator gave it."""
    certificate = root(f"{kind} {station.name}")
    wanted = {"certificateType": kind, "certificate": pem(certificate)}
    commanded = station.command("install-certificate", wanted, {"status": status})
    assert commanded.sent == wanted
    return certificate


def list_installed(station: Station, kind: str, certificate: x509.Certificate) -> Payload:
    """GetInstalledCertificateIds, answered with one; the certificate on record."""
    response = {"status": "Accepted", "certificateHashData": [hash_data(certificate)]}
    wanted = {"certificateType": kind}
    commanded = station.command("get-installed-certificate-ids", wanted, response)
    assert commanded.sent == wanted
    assert commanded.answer["response"] == response
    (kept,) = station.listed("/api/certificates")
    assert kept["certificateType"] == kind
    assert kept["certificateHashData"] == hash_data(certificate)
    assert kept["installedAt"] is not None
    assert kept["listedAt"] is not None
    assert parsed(kept["notAfter"]) == NOT_AFTER
    return dict(kept)


def test_tc_075_1_install_manufacturer_root(station: Station) -> None:
    station.booted()
    certificate = install(station, MANUFACTURER_ROOT, "Accepted")
    list_installed(station, MANUFACTURER_ROOT, certificate)


def test_tc_075_2_install_central_system_root(station: Station) -> None:
    station.booted()
    certificate = install(station, CENTRAL_SYSTEM_ROOT, "Accepted")
    list_installed(station, CENTRAL_SYSTEM_ROOT, certificate)


def test_tc_076_delete_certificate(station: Station) -> None:
    station.booted()
    certificate = install(station, CENTRAL_SYSTEM_ROOT, "Accepted")
    kept = list_installed(station, CENTRAL_SYSTEM_ROOT, certificate)
    wanted = {"certificateHashData": kept["certificateHashData"]}
    commanded = station.command("delete-certificate", wanted, ACCEPTED)
    assert commanded.sent == {"certificateHashData": hash_data(certificate)}
    assert station.listed("/api/certificates") == []


def test_tc_078_bad_central_system_certificate_event(station: Station) -> None:
    station.booted()
    install(station, CENTRAL_SYSTEM_ROOT, "Rejected")
    event(station, "InvalidCentralSystemCertificate")
    assert station.listed("/api/certificates") == []


def test_tc_079_security_log(station: Station) -> None:
    station.booted()
    location = "https://example.com/logs"
    response = {"status": "Accepted", "filename": "security.log"}
    wanted = {"logType": "SecurityLog", "remoteLocation": location}
    sent = station.command("get-log", wanted, response).sent
    assert (sent["logType"], sent["log"]) == ("SecurityLog", {"remoteLocation": location})
    for status in ("Uploading", "Uploaded"):
        payload = {"status": status, "requestId": sent["requestId"]}
        assert station.call("LogStatusNotification", payload) == {}
    ended(station, sent["requestId"], "finished", "Uploading", "Uploaded")
    assert station.listed("/api/jobs")[0]["fileName"] == "security.log"


def ended(station: Station, request_id: int, state: str, *reports: str) -> None:
    """The one job is over, and its whole way is on record."""
    (found,) = station.listed("/api/jobs")
    shown = station.get(f"/api/jobs/{found['id']}")
    assert (shown["requestId"], shown["state"]) == (request_id, state)
    assert [each["status"] for each in shown["reports"]] == list(reports)


def begin_signed_update(station: Station) -> int:
    """SignedUpdateFirmware with all that it needs; its requestId."""
    wanted = {
        "location": "https://example.com/firmware.bin",
        "retrieveDateTime": moment(minutes=10),
        "signingCertificate": pem(root("Manufacturer")),
        "signature": "c2lnbmF0dXJl",
    }
    sent = station.command("signed-update-firmware", wanted, ACCEPTED).sent
    firmware = sent["firmware"]
    assert firmware.keys() == wanted.keys()
    assert parsed(firmware.pop("retrieveDateTime")) == parsed(wanted.pop("retrieveDateTime"))
    assert firmware == wanted
    number: int = sent["requestId"]
    return number


def report(station: Station, request_id: int, *statuses: str) -> None:
    """SignedFirmwareStatusNotifications, each answered."""
    for status in statuses:
        payload = {"status": status, "requestId": request_id}
        assert station.call("SignedFirmwareStatusNotification", payload) == {}


def test_tc_080_signed_firmware_update(station: Station) -> None:
    before = ("Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting")
    station.booted(firmwareVersion="1.0")
    number = begin_signed_update(station)
    report(station, number, *before)
    station.booted(firmwareVersion="2.0")
    report(station, number, "Installed")
    event(station, "FirmwareUpdated")
    ended(station, number, "finished", *before, "Installed")
    assert station.shown()["firmwareVersion"] == "2.0"


def test_tc_081_signed_firmware_bad_signature(station: Station) -> None:
    station.booted(firmwareVersion="1.0")
    number = begin_signed_update(station)
    train = ("Downloading", "Downloaded", "InvalidSignature")
    report(station, number, *train)
    event(station, "InvalidFirmwareSignature")
    ended(station, number, "failed", *train)
    assert station.shown()["firmwareVersion"] == "1.0"
