"""ocpp-trio ca: the authority by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ocpp_trio.cli import main
from tests.support.certificates import request


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ca(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["ca", *arguments], input=stdin)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_an_authority_is_made_shown_and_exported(folder: Path) -> None:
    made = ca("init", "--organization", "Example CPO", "--key", "ec", "--days", "100")
    assert made.exit_code == 0, made.output
    assert "ca-key.pem (only you may read it)" in made.output
    shown = ca("show").output
    assert "CN=Example CPO charge points CA,O=Example CPO" in shown
    assert "Warning" not in shown
    exported = ca("export").output
    assert exported == (folder / "ca.pem").read_text()
    assert "PRIVATE" not in shown + exported
    again = ca("init")
    assert again.exit_code == 1
    assert "ca.pem exists already" in again.output


def test_what_is_wrong_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (("show",), ("export",), ("server", "csms.example.com")):
        refused = ca(*arguments)
        assert refused.exit_code == 1
        assert "ocpp-trio ca init" in refused.output
    ca("init", "--key", "ec")
    (folder / "ca-key.pem").chmod(0o644)
    monkeypatch.setenv("OCPP_CA", "off")
    shown = ca("show").output
    assert "chmod 600" in shown
    assert "OCPP_CA=off" in shown
    (folder / "ca-key.pem").write_text("nonsense")
    assert ca("show").exit_code == 1


def test_a_certificate_for_the_server(folder: Path) -> None:
    ca("init", "--key", "ec")
    made = ca("server", "csms.example.com", "192.0.2.1", "--key", "ec")
    assert made.exit_code == 0, made.output
    found = certificate(folder / "cert.pem")
    found.verify_directly_issued_by(certificate(folder / "ca.pem"))
    assert "CN=csms.example.com" in found.subject.rfc4514_string()
    key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
    assert key.public_key() == found.public_key()
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    again = ca("server", "csms.example.com")
    assert again.exit_code == 1
    assert "cert.pem exists already" in again.output


def test_a_request_is_signed_by_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca("init", "--key", "ec")
    (folder / "cp.csr").write_text(request("CP001"))
    signed = ca("sign", "cp.csr", "--charge-point", "CP001", "--days", "30")
    assert signed.exit_code == 0, signed.output
    found = x509.load_pem_x509_certificate(signed.output.encode())
    found.verify_directly_issued_by(certificate(folder / "ca.pem"))
    by_serial = ca(
        "sign", "-", "--charge-point", "CP009", "--serial-number", "CP001", stdin=request("CP001")
    )
    assert by_serial.exit_code == 0

    other = ca("sign", "cp.csr", "--charge-point", "CP002")
    assert other.exit_code == 2
    assert "the request has the common name CP001, which is neither" in other.output
    broken = ca("sign", "-", "--charge-point", "CP001", stdin="nonsense")
    assert "the request is no certificate request that can be read" in broken.output
    monkeypatch.setenv("OCPP_CPO_NAME", "Example CPO")
    assert "is not made out to" in ca("sign", "cp.csr", "--charge-point", "CP001").output
