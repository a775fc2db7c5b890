"""Cases of the firmware management profile."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.conformance.station import Payload, Station, moment, parsed

FIRMWARE = "https://example.com/firmware.bin"
DIAGNOSTICS = "ftp://example.com/diagnostics"


def begin_update(station: Station) -> None:
    """UpdateFirmware with a date in the future; its answer has no status."""
    wanted = {"location": FIRMWARE, "retrieveDate": moment(minutes=10)}
    sent = station.command("update-firmware", wanted, {}).sent
    assert sent.keys() == wanted.keys()
    assert sent["location"] == FIRMWARE
    assert parsed(sent["retrieveDate"]) == parsed(wanted["retrieveDate"]) > datetime.now(UTC)
    assert (job(station)["state"], job(station)["status"]) == ("running", None)


def report(station: Station, *statuses: str) -> None:
    """FirmwareStatusNotifications, each answered and on record."""
    for status in statuses:
        assert station.call("FirmwareStatusNotification", {"status": status}) == {}
        assert job(station)["status"] == status


def job(station: Station) -> Payload:
    """The one job of this station, with its reports."""
    (found,) = station.listed("/api/jobs")
    shown: Payload = station.get(f"/api/jobs/{found['id']}")
    return shown


def ended(station: Station, state: str, *reports: str) -> None:
    """The job is over, and its whole way is on record."""
    shown = job(station)
    assert shown["state"] == state
    assert shown["endedAt"] is not None
    assert [each["status"] for each in shown["reports"]] == list(reports)


def test_tc_044_1_firmware_download_and_install(station: Station) -> None:
    station.booted(firmwareVersion="1.0")
    begin_update(station)
    report(station, "Downloading", "Downloaded")
    station.status(1, "Unavailable")
    report(station, "Installing")
    assert job(station)["state"] == "running"
    station.booted(firmwareVersion="2.0")
    report(station, "Installed")
    ended(station, "finished", "Downloading", "Downloaded", "Installing", "Installed")
    assert station.shown()["firmwareVersion"] == "2.0"


def test_tc_044_2_firmware_download_failed(station: Station) -> None:
    station.booted()
    begin_update(station)
    report(station, "Downloading", "DownloadFailed")
    ended(station, "failed", "Downloading", "DownloadFailed")


def test_tc_044_3_firmware_install_failed(station: Station) -> None:
    station.booted(firmwareVersion="1.0")
    begin_update(station)
    report(station, "Downloading", "Downloaded", "Installing")
    station.booted(firmwareVersion="1.0")
    report(station, "InstallationFailed")
    ended(station, "failed", "Downloading", "Downloaded", "Installing", "InstallationFailed")
    assert station.shown()["firmwareVersion"] == "1.0"


def upload(station: Station, *statuses: str) -> None:
    """GetDiagnostics with a location; the file that is told; the notifications that follow."""
    response = {"fileName": "diagnostics.zip"}
    commanded = station.command("get-diagnostics", {"location": DIAGNOSTICS}, response)
    assert commanded.sent == {"location": DIAGNOSTICS}
    assert job(station)["fileName"] == "diagnostics.zip"
    for status in statuses:
        assert station.call("DiagnosticsStatusNotification", {"status": status}) == {}
        assert job(station)["status"] == status


def test_tc_045_1_diagnostics(station: Station) -> None:
    station.booted()
    upload(station, "Uploading", "Uploaded")
    ended(station, "finished", "Uploading", "Uploaded")


def test_tc_045_2_diagnostics_upload_failed(station: Station) -> None:
    station.booted()
    upload(station, "Uploading", "UploadFailed")
    ended(station, "failed", "Uploading", "UploadFailed")
