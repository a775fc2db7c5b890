"""Addresses that a charge point is told to use."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_trio.api.locations import check_locations
from ocpp_trio.api.problems import Problem
from tests.api.conftest import OpenApi
from tests.api.support import Api, assert_problem

GOOD = [
    "ftp://example.com/diagnostics",
    "FTPS://user:secret@192.168.1.5:21/x",
    "sftp://10.0.0.1/",
    "http://localhost/upload?x=1",
    "https://[2001:db8::1]/x%20y",
    "https://169.253.1.1/",
    "ftp://example.com/" + "x" * 2030,
]
BAD = [
    "",
    "example.com/x",
    "/etc/passwd",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "ftp://",
    "ftp:///x",
    "ftp://example.com/\r\nDELE x",
    "ftp://example.com/a b",
    "ftp://exämple.com/",
    "ftp://example.com\\@169.254.169.254/",
    "http://[::1",
    "http://169.254.169.254/latest",
    "http://user@169.254.0.1:80/",
    "http://169.254.169.254./",
    "http://[::ffff:169.254.169.254]/",
    "http://[fe80::1]/",
    "http://[::169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[fd00:ec2::254]/",
    "http://0251.0376.0251.0376/",
    "http://Metadata.Google.Internal./x",
    "ftp://example.com:99999/",
    "ftp://example.com/\x1b[2J",
    "ftp://example.com/\0",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0xa9.254.43518/",
    "http://169%2e254.169.254/",
    "http://\uff11\uff16\uff19.254.169.254/",
    "ftp://example.com/" + "x" * 2031,
]


@pytest.mark.parametrize("location", GOOD)
def test_allowed(location: str) -> None:
    check_locations("GetDiagnostics", {"location": location}, ())


@pytest.mark.parametrize("location", BAD)
def test_refused(location: str) -> None:
    with pytest.raises(Problem, match="location"):
        check_locations("GetDiagnostics", {"location": location}, ())


ALLOWED = ("files.example", "*.Depot.example.", "192.0.2.7", "[2001:db8::1]")


@pytest.mark.parametrize(
    "location",
    [
        "ftp://files.example/x",
        "ftp://user:pass@FILES.example.:21/x",
        "https://a.b.depot.example/",
        "http://192.0.2.7/",
        "http://[2001:db8::1]:80/",
    ],
)
def test_hosts_that_the_operator_named(location: str) -> None:
    check_locations("GetDiagnostics", {"location": location}, ALLOWED)


@pytest.mark.parametrize(
    "location",
    [
        "ftp://other.example/",
        "ftp://files.example.evil.example/",
        "ftp://evilfiles.example/",
        "ftp://depot.example/",
        "ftp://evildepot.example/",
        "ftp://files.example@evil.example/",
        "http://192.0.2.8/",
        "http://169.254.169.254/",
    ],
)
def test_any_other_host_is_refused_then(location: str) -> None:
    with pytest.raises(Problem, match="location"):
        check_locations("GetDiagnostics", {"location": location}, ALLOWED)


async def test_the_operators_hosts_count_for_batches_as_well(open_api: OpenApi) -> None:
    async with open_api(OCPP_LOCATION_HOSTS="files.example") as api:
        station = await api.connect()
        place = {"location": "ftp://evil.example/"}
        one = {"chargePointId": "CP001"} | place
        many = {"action": "GetDiagnostics", "payload": place, "chargePointIds": ["CP001"]}
        for path, body in (("commands/get-diagnostics", one), ("command-batches", many)):
            problem = assert_problem(await api.post(f"/api/{path}", body), 400, "invalid-request")
            assert problem["errors"][0]["field"] == "location"
        assert station.received == []


@pytest.mark.parametrize(
    ("action", "payload", "field"),
    [
        ("GetDiagnostics", {"location": "file:///x"}, "location"),
        (
            "UpdateFirmware",
            {"location": "file:///x", "retrieveDate": "2026-11-23T08:00:00Z"},
            "location",
        ),
        (
            "GetLog",
            {
                "logType": "SecurityLog",
                "requestId": 1,
                "log": {"remoteLocation": "http://169.254.169.254/"},
            },
            "log.remoteLocation",
        ),
        (
            "SignedUpdateFirmware",
            {
                "requestId": 1,
                "firmware": {
                    "location": "gopher://x/",
                    "retrieveDateTime": "2026-11-23T08:00:00Z",
                    "signingCertificate": "x",
                    "signature": "x",
                },
            },
            "firmware.location",
        ),
    ],
)
async def test_nothing_is_sent(api: Api, action: str, payload: dict[str, Any], field: str) -> None:
    station = await api.connect()
    body = {"chargePointId": "CP001", "action": action, "payload": payload}
    response = await api.post("/api/commands/generic", body)
    problem = assert_problem(response, 400, "invalid-request")
    assert problem["errors"][0]["field"] == field
    assert station.received == []
