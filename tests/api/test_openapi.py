"""The API's description: complete, valid, and the same as what is served."""

from __future__ import annotations

import getopt
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from ocpp_trio.api.docs import document
from ocpp_trio.api.openapi import kinds_of
from ocpp_trio.api.problems import FROM_ERRORS, KINDS
from ocpp_trio.api.routes import ROUTES
from tests.api.support import Api
from tests.support.certificates import pem, root

GUIDE = Path(__file__).parents[2] / "docs" / "http-api.md"
OPERATIONS = [(path, method) for path, methods in ROUTES.items() for method in methods]


async def test_the_document_is_served(api: Api) -> None:
    response = await api.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == json.loads(json.dumps(document()))
    assert response.json()["openapi"].startswith("3.1")


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_each_route_is_described(path: str, method: str) -> None:
    described = document()["paths"][path][method.lower()]
    declared = ROUTES[path][method]
    assert described["summary"].endswith(".")
    assert str(declared.status) in described["responses"]
    takes_body = declared.body is not None or declared.upload is not None
    assert ("requestBody" in described) == takes_body
    assert ("{id}" in path) == any(each["in"] == "path" for each in described["parameters"])
    for kind in kinds_of(path, declared):
        assert f"`{kind}`" in described["responses"][str(KINDS[kind].status)]["description"]
    if path.startswith("/api/"):
        assert described["security"] == [{"key": []}]


def test_operation_ids_are_unique() -> None:
    ids = [
        each["operationId"] for methods in document()["paths"].values() for each in methods.values()
    ]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from _nodes(child)
    elif isinstance(node, list):
        for child in node:
            yield from _nodes(child)


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    schemas = document()["components"]["schemas"]
    used = {node["$ref"] for node in _nodes(document()) if "$ref" in node}
    assert used == {f"#/components/schemas/{name}" for name in schemas}
    for schema in schemas.values():
        jsonschema_rs.meta.validate(
            schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        )


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_each_example_fits_its_schema(path: str, method: str) -> None:
    described = document()["paths"][path][method.lower()]
    body = described.get("requestBody")
    if body is None or ROUTES[path][method].upload:
        return
    content = body["content"]["application/json"]
    assert content["example"]
    schema = {**content["schema"], "components": document()["components"]}
    jsonschema_rs.validate(schema, content["example"])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/status", None),
        ("/api/charge-points", "A"),
        ("/api/charge-points/CP001", None),
        ("/api/connectors?chargePointId=CP001", None),
        ("/api/transactions", None),
        ("/api/remote-starts", None),
        ("/api/transactions/1", None),
        ("/api/meter-values", None),
        ("/api/logs", None),
        ("/api/authorizations", None),
        ("/api/authorizations?idTag=TAG1", None),
        ("/api/authorizations/unknown", None),
        ("/api/review?state=all", None),
        ("/api/reports/energy?startDate=2026-11-01&endDate=2026-11-30", None),
        ("/api/reports/energy?startDate=2026-11-01&endDate=2026-11-30&groupBy=day", None),
        ("/readyz", None),
        ("/api/nothing", None),
    ],
)
async def test_answers_fit_their_schema(api: Api, path: str, name: str | None) -> None:
    await api.connect()
    await api.stop(await api.start(id_tag="NOBODY"))
    await api.stop(4711)
    await api.meter(await api.start(), "1200")
    await api.tag()
    answer = (await api.get(path)).json()
    route = re.sub("(?<=/)(CP001|1)$", "{id}", path.split("?")[0])
    if route in ROUTES:
        response = document()["paths"][route]["get"]["responses"]["200"]
        schema = response["content"]["application/json"]["schema"]
    else:
        schema = {"$ref": "#/components/schemas/ProblemDetails"}
    jsonschema_rs.validate({**schema, "components": document()["components"]}, answer)


def test_every_error_has_a_kind() -> None:
    assert set(FROM_ERRORS.values()) <= set(KINDS)
    assert all(400 <= kind.status < 600 and kind.title for kind in KINDS.values())


async def test_the_page_shows_every_operation_and_loads_nothing(api: Api) -> None:
    response = await api.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    html = response.text
    assert "<script" not in html
    assert not re.findall(r'(?:src|href)="(?!#|/)', html)
    for path, method in OPERATIONS:
        assert f">{method}</span> <code>{path}</code>" in html
    for name in document()["components"]["schemas"]:
        assert f'id="schema-{name}"' in html
    for target in set(re.findall(r'href="#([^"]+)"', html)):
        assert f'id="{target}"' in html


def test_the_guide_tells_of_every_route_parameter_and_kind() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for path, method in OPERATIONS:
        assert f"{method} {path}\n" in text or f"`{method} {path}`" in text, (method, path)
    for methods in document()["paths"].values():
        for each in methods.values():
            for parameter in each["parameters"]:
                assert f"`{parameter['name']}`" in text, parameter["name"]
    for name, schema in document()["components"]["schemas"].items():
        for field in schema["properties"]:
            assert f"`{field}`" in text, (name, field)
    for kind in KINDS:
        assert f"`{kind}`" in text, kind


def _curl_lines() -> list[str]:
    blocks = re.findall(r"```\n(curl .*?)\n```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return [block.replace("\\\n", " ") for block in blocks]


async def _prepare(api: Api) -> None:
    """A reservation, a named profile, a local list and a key, for the lines that need them."""
    content = {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}],
        },
    }
    point = {"chargePointId": "CP001"}
    for path, body in (
        ("/api/commands/reserve-now", point | {"connectorId": 1, "idTag": "A", "expiresIn": 60}),
        ("/api/charging-profiles", {"name": "day", "chargingProfile": content}),
        ("/api/commands/get-local-list-version", point),
        ("/api/charge-points/CP001/key", {}),
    ):
        assert (await api.post(path, body)).status_code in {200, 201}


@pytest.mark.parametrize("line", _curl_lines())
async def test_every_curl_line_of_the_guide_works(api: Api, line: str) -> None:
    await api.connect()
    await api.tag("RFID123")
    options, urls = getopt.gnu_getopt(shlex.split(line)[1:], "X:H:d:i")
    given = dict(options)
    headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
    method = given.get("-X", "GET")
    url = urls[0].removeprefix("http://localhost:9001")
    if method == "POST" and url == "/api/charge-points":
        await api.client.delete("/api/charge-points/CP001")
    else:
        await _prepare(api)
    number = await api.start()
    await api.stop(-number)
    item = (await api.get("/api/review?limit=1")).json()[0]["id"]
    url = url.replace("/api/review/42", f"/api/review/{item}")
    content = given.get("-d", "").replace("12345", str(number))
    content = content.replace("-----BEGIN CERTIFICATE-----...", json.dumps(pem(root()))[1:-1])
    url = url.replace("12345", str(number))
    response = await api.client.request(method, url, headers=headers, content=content)
    is_unknown = re.search(r"/(42|7)(/(cancel|revoke|sign|reject))?$", url)
    unknown_record = is_unknown and response.status_code == 404
    assert response.status_code in {200, 201, 202, 204} or unknown_record, response.text
