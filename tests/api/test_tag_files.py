"""Tags as CSV and unknown tags by the API."""

from __future__ import annotations

import pytest

from ocpp_trio import logs
from ocpp_trio.api import tag_files
from ocpp_trio.store import unknown_tags
from tests.api.conftest import OpenApi
from tests.api.support import Api, assert_problem
from tests.support.clock import MINUTE

URL = "/api/authorizations"
CSV = {"Content-Type": "text/csv; charset=utf-8"}
HEADER = "idTag,parentIdTag,status,expiryDate,maxActiveTransactions,note\r\n"


async def test_import_and_export_again(api: Api) -> None:
    text = (
        HEADER
        + 'RFID1,FLEET,Blocked,2030-12-31T23:59:59Z,2,"lost; ""really"""\r\n'
        + "RFID2,,Accepted,,,\r\n"
    )
    counts = {"created": 2, "updated": 0, "unchanged": 0}
    dry = await api.client.post(f"{URL}/import?dry_run=true", content=text, headers=CSV)
    assert dry.json() == counts | {"dryRun": True}
    assert (await api.get(URL)).json() == []
    response = await api.client.post(f"{URL}/import", content=text, headers=CSV)
    assert (response.status_code, response.json()) == (200, counts | {"dryRun": False})
    tags = (await api.get(URL)).json()
    assert [tag["idTag"] for tag in tags] == ["RFID2", "RFID1"]
    assert tags[1] == tags[1] | {
        "parentIdTag": "FLEET",
        "status": "Blocked",
        "expiryDate": "2030-12-31T23:59:59Z",
        "maxActiveTransactions": 2,
        "note": 'lost; "really"',
    }
    exported = await api.get(f"{URL}/export")
    assert exported.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in exported.headers["content-disposition"]
    assert exported.text == text
    again = await api.client.post(f"{URL}/import", content=exported.content, headers=CSV)
    assert again.json() == {"created": 0, "updated": 0, "unchanged": 2, "dryRun": False}
    (entry, _) = [each for each in logs.ENTRIES.take() if "tags imported" in each.message]
    assert "created: 2" in entry.message


async def test_one_bad_line_refuses_the_file(api: Api) -> None:
    text = "idTag,status\nA,Accepted\nB,nope\n,Accepted\n"
    for query in ("", "?dry_run=true", "?dry_run=false"):
        response = await api.client.post(f"{URL}/import{query}", content=text, headers=CSV)
        problem = assert_problem(response, 400, "invalid-request")
        assert "2 lines of the file cannot be used, so nothing was stored" in problem["detail"]
        assert [each["field"] for each in problem["errors"]] == ["line 3", "line 4"]
        assert "status must be one of" in problem["errors"][0]["message"]
    assert (await api.get(URL)).json() == []


async def test_what_is_no_csv_is_refused(api: Api) -> None:
    json = await api.post(f"{URL}/import", {"idTag": "A"})
    problem = assert_problem(json, 415, "unsupported-media-type")
    assert "Content-Type: text/csv" in problem["detail"]
    for content in (b"", b"\xff\xfe", b"idTag\0", b"\xef\xbb\xbf"):
        response = await api.client.post(f"{URL}/import", content=content, headers=CSV)
        assert_problem(response, 400, "invalid-request")
    bad = await api.client.post(f"{URL}/import?dryrun=true", content="idTag\n", headers=CSV)
    assert assert_problem(bad, 400, "invalid-request")["errors"][0]["field"] == "dryrun"
    bad = await api.client.post(f"{URL}/import?dry_run=maybe", content="idTag\n", headers=CSV)
    assert assert_problem(bad, 400, "invalid-request")["errors"][0]["field"] == "dry_run"


async def test_a_file_has_a_limit_of_its_own(open_api: OpenApi) -> None:
    async with open_api(OCPP_MAX_UPLOAD="5000", OCPP_MAX_BODY_SIZE="1024") as api:
        text = "idTag,note\n" + "".join(f"T{n},{'x' * 100}\n" for n in range(40))
        for path in ("import", "import/"):
            response = await api.client.post(f"{URL}/{path}", content=text, headers=CSV)
            assert response.status_code == 200
        response = await api.client.post(f"{URL}/import", content=text * 2, headers=CSV)
        problem = assert_problem(response, 413, "body-too-large")
        assert "5000 bytes (OCPP_MAX_UPLOAD)" in problem["detail"]
        response = await api.post(URL, {"idTag": "A", "note": "x" * 2000})
        problem = assert_problem(response, 413, "body-too-large")
        assert "1024 bytes (OCPP_MAX_BODY_SIZE)" in problem["detail"]


async def test_an_export_is_a_stream_of_pages(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await api.get(f"{URL}/export")).text == HEADER
    for number in range(5):
        await api.tag(f"T{number}")
    monkeypatch.setattr(tag_files, "PAGE", 2)
    lines = (await api.get(f"{URL}/export")).text.splitlines()
    assert lines[1:] == [f"T{number},,Accepted,,," for number in range(5)]


async def test_who_may_import(guarded: Api) -> None:
    def key(name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {name}"}

    for name, status in (("reader", 403), ("operator", 200)):
        response = await guarded.client.post(
            f"{URL}/import", content="idTag\nA\n", headers=CSV | key(name)
        )
        assert response.status_code == status
    assert (await guarded.get(f"{URL}/export", headers=key("reader"))).status_code == 200


async def test_tags_by_status_and_parent(api: Api) -> None:
    await api.tag("A", parent_id_tag="Fleet")
    await api.tag("B", parent_id_tag="FLEET", status="Blocked")
    await api.tag("C")

    async def found(query: str) -> list[str]:
        return [each["idTag"] for each in (await api.get(f"{URL}?{query}")).json()]

    assert await found("parentIdTag=fleet") == ["B", "A"]
    assert await found("status=Accepted") == ["C", "A"]
    assert await found("status=Blocked&parentIdTag=FLEET") == ["B"]
    problem = assert_problem(await api.get(f"{URL}?status=blocked"), 400, "invalid-request")
    assert problem["errors"][0]["field"] == "status"


async def test_unknown_tags(api: Api) -> None:
    await api.start(id_tag="Lost")
    api.now.ms += MINUTE
    await api.start("CP002", id_tag="LOST", meter_start=7)
    await api.start("CP002", id_tag="Other")
    unknown = f"{URL}/unknown"
    shown = (await api.get(unknown)).json()
    assert shown[1] == {
        "idTag": "LOST",
        "chargePointId": "CP002",
        "times": 2,
        "firstSeen": "2026-11-23T08:00:00Z",
        "lastSeen": "2026-11-23T08:01:00Z",
    }
    page = await api.get(f"{unknown}?limit=1&chargePointId=CP002")
    assert ([each["idTag"] for each in page.json()], page.headers["x-total-count"]) == (
        ["Other"],
        "2",
    )
    assert (await api.get(f"{unknown}?from=2026-11-23T08:02:00Z")).json() == []
    assert_problem(await api.get(f"{unknown}?idTag=LOST"), 400, "invalid-request")
    await api.post(URL, {"idTag": "lost"})
    assert [each["idTag"] for each in (await api.get(unknown)).json()] == ["Other"]


async def test_all_unknown_tags_are_a_stream(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpp_trio.api.listing.PAGE", 2)
    for number in range(5):
        await api.database.write(unknown_tags.note, f"T{number}", "CP001", 9, api.now())
    names = [each["idTag"] for each in (await api.get(f"{URL}/unknown")).json()]
    assert names == ["T4", "T3", "T2", "T1", "T0"]
