"""Jobs, certificates, configuration, events and transfers over the API."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.store import certificates, data_transfers, schema_repairs, security_events
from tests.api.support import Api, assert_problem
from tests.support.certificates import hash_data, pem, request, root

POINT = {"chargePointId": "CP001"}
FIRMWARE = {"location": "https://example.com/f.bin", "retrieveDate": "2026-12-01T02:00:00Z"}
ROOT = {"certificateType": "CentralSystemRootCertificate", "certificate": pem(root())}

COMMANDS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    # name: body, action, payload
    "get-diagnostics": (
        {"location": "ftp://example.com/d", "retries": 3, "startTime": "2026-11-01T00:00:00Z"},
        "GetDiagnostics",
        {"location": "ftp://example.com/d", "retries": 3, "startTime": "2026-11-01T00:00:00Z"},
    ),
    "update-firmware": (FIRMWARE, "UpdateFirmware", FIRMWARE),
    "get-log": (
        {"logType": "SecurityLog", "remoteLocation": "https://example.com/l"},
        "GetLog",
        {
            "logType": "SecurityLog",
            "requestId": 1,
            "log": {"remoteLocation": "https://example.com/l"},
        },
    ),
    "signed-update-firmware": (
        {
            "location": "https://example.com/f.bin",
            "retrieveDateTime": "2026-12-01T02:00:00Z",
            "signingCertificate": "PEM",
            "signature": "c2ln",
            "requestId": 77,
        },
        "SignedUpdateFirmware",
        {
            "requestId": 77,
            "firmware": {
                "location": "https://example.com/f.bin",
                "retrieveDateTime": "2026-12-01T02:00:00Z",
                "signingCertificate": "PEM",
                "signature": "c2ln",
            },
        },
    ),
    "install-certificate": (ROOT, "InstallCertificate", ROOT),
    "delete-certificate": (
        {"certificateHashData": hash_data(root())},
        "DeleteCertificate",
        {"certificateHashData": hash_data(root())},
    ),
    "get-installed-certificate-ids": (
        {"certificateType": "ManufacturerRootCertificate"},
        "GetInstalledCertificateIds",
        {"certificateType": "ManufacturerRootCertificate"},
    ),
    "certificate-signed": (
        {"certificateChain": pem(root())},
        "CertificateSigned",
        {"certificateChain": pem(root())},
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_command_reaches_the_station_as_ocpp_spells_it(api: Api, name: str) -> None:
    station = await api.connect()
    body, action, payload = COMMANDS[name]
    response = await api.post(f"/api/commands/{name}", POINT | body)
    assert response.status_code == 200, response.text
    assert response.json()["success"] is True
    assert station.received == [(action, payload)]


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        ("get-diagnostics", {"location": "file:///etc/passwd"}, "location"),
        ("update-firmware", {"location": "https://169.254.169.254/"}, "location"),
        ("get-log", {"remoteLocation": "gopher://example.com"}, "log.remoteLocation"),
        ("get-log", {"logType": "Diary"}, "logType"),
        ("signed-update-firmware", {"location": "http://a b/"}, "firmware.location"),
        ("install-certificate", {"certificate": "x"}, "certificate"),
        ("certificate-signed", {"certificateChain": "x"}, "certificateChain"),
    ],
)
async def test_what_cannot_be_sent_is_refused_by_name(
    api: Api, name: str, changes: dict[str, str], field: str
) -> None:
    station = await api.connect()
    response = await api.post(f"/api/commands/{name}", POINT | COMMANDS[name][0] | changes)
    problem = assert_problem(response, 400, "invalid-request")
    assert [each["field"] for each in problem["errors"]] == [field]
    assert station.received == []


async def test_a_job_from_its_request_on(api: Api) -> None:
    station = await api.connect()
    station.answers.append({"status": "Accepted", "filename": "l.txt"})
    command = (await api.post("/api/commands/get-log", POINT | COMMANDS["get-log"][0])).json()
    (job,) = (await api.get("/api/jobs?chargePointId=CP001&kind=log")).json()
    assert (job["state"], job["fileName"], job["requestId"]) == ("running", "l.txt", 1)
    assert (job["commandId"], job["actor"]) == (command["commandId"], "local")
    one = (await api.get(f"/api/jobs/{job['id']}")).json()
    assert one == job | {"reports": []}
    assert (await api.get("/api/jobs?state=failed")).json() == []
    assert_problem(await api.get("/api/jobs/99"), 404, "not-found")
    assert_problem(await api.get("/api/jobs?kind=tea"), 400, "invalid-request")
    assert_problem(await api.get("/api/jobs?colour=red"), 400, "invalid-request")


async def test_installed_certificates_and_requests(api: Api) -> None:
    await api.connect()
    await api.post("/api/commands/install-certificate", POINT | ROOT)
    (installed,) = (await api.get("/api/certificates")).json()
    assert installed["certificateHashData"] == hash_data(root())
    assert (installed["subject"], installed["notAfter"]) == ("CN=Root", "2031-01-01T00:00:00Z")
    assert (await api.get("/api/certificates?expiresBefore=2030-01-01T00:00:00Z")).json() == []
    assert_problem(await api.get("/api/certificates?expiresBefore=soon"), 400, "invalid-request")
    csr = request()
    await api.database.write(certificates.keep_request, "CP001", csr, None, api.now())
    (waiting,) = (await api.get("/api/certificate-requests?state=received")).json()
    assert (waiting["csr"], waiting["problem"]) == (csr, None)
    chain = {"certificateChain": pem(root())}
    await api.post("/api/commands/certificate-signed", POINT | chain)
    (answered,) = (await api.get("/api/certificate-requests")).json()
    assert answered["state"] == "installed"


async def test_the_last_known_configuration_and_its_changes(api: Api) -> None:
    station = await api.connect()
    keys = [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]
    station.answers.append({"configurationKey": keys})
    await api.post("/api/commands/get-configuration", POINT)
    station.answers.append({"status": "RebootRequired"})
    body = {"key": "HeartbeatInterval", "value": "300"}
    await api.post("/api/commands/change-configuration", POINT | body)
    (key,) = (await api.get("/api/charge-points/CP001/configuration")).json()
    assert (key["value"], key["pendingValue"], key["needsReboot"]) == ("60", "300", True)
    (change,) = (await api.get("/api/configuration-changes?chargePointId=CP001")).json()
    assert (change["oldValue"], change["newValue"], change["status"], change["actor"]) == (
        "60",
        "300",
        "RebootRequired",
        "local",
    )
    response = await api.get("/api/charge-points/nobody/configuration")
    assert_problem(response, 404, "charge-point-unknown")


async def test_events_and_transfers(api: Api) -> None:
    event = {"type": "StartupOfTheDevice", "timestamp": "2026-11-23T07:00:00Z"}
    await api.database.write(security_events.record, "CP001", event, api.now())
    (shown,) = (await api.get("/api/security-events?isCritical=true")).json()
    assert (shown["type"], shown["timestamp"]) == (event["type"], event["timestamp"])
    transfer = {"vendorId": "v", "data": "d"}
    await api.database.write(data_transfers.record, "CP001", transfer, "Accepted", api.now())
    (kept,) = (await api.get("/api/data-transfers?vendorId=v")).json()
    assert (kept["data"], kept["answer"], kept["messageId"]) == ("d", "Accepted", None)


async def test_how_a_station_breaks_the_schema_and_what_is_taken_of_it(api: Api) -> None:
    station = await api.connect()
    now = api.now()
    counted = [("CP001", "MeterValues", "unknown-value", 3, now, now)]
    await api.database.write(schema_repairs.add, counted)
    shown = (await api.get("/api/charge-points/CP001")).json()
    assert [(each["repair"], each["times"]) for each in shown["schemaRepairs"]] == [
        ("unknown-value", 3)
    ]
    response = await api.client.patch("/api/charge-points/CP001", json={"conformance": "strict"})
    assert response.json()["conformance"] == "strict"
    assert station.make[-1] == "strict"
    response = await api.client.patch("/api/charge-points/CP001", json={"conformance": "sloppy"})
    assert_problem(response, 400, "invalid-request")
