"""docs/conformance.md and docs/ocpp.md say what is there and tested, and leave nothing out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from ocpp_trio.api.routes import ROUTES
from ocpp_trio.central.handlers import HANDLERS
from ocpp_trio.ocppj.actions import FROM_CENTRAL_SYSTEM, FROM_CHARGE_POINT
from tests.conformance.station import LONGER_NAMES

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CONFORMANCE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
OCPP = (ROOT / "docs" / "ocpp.md").read_text(encoding="utf-8")

NUMBERS = """
    001 003 004_1 004_2 005_1 007 010 011_1 011_2 012 013 014 017_1 017_2 018_1 019_1 019_2 021
    023_1 023_2 023_3 024 026 028 030 031 032_1 037_1 037_3 039 040_1 040_2 042_1 042_2 043_1 043_3
    043_4 043_5 044_1 044_2 044_3 045_1 045_2 046 047 048_1 048_2 048_3 048_4 049 051 052 053 054
    055 056 057 059 061 064 066 067 073 074 075_1 075_2 076 077 078 079 080 081 083 085 086 087 088
"""
"""Of the Alliance's test cases of a central system."""

CASES = NUMBERS.split()

OPEN: set[str] = set()
"""Those that this version cannot pass yet."""

TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def table(text: str, heading: str) -> list[list[str]]:
    """The rows of the table whose heading begins so, as cells."""
    rows: list[list[str]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(f"| {heading} |"):
            next(lines)
            for row in lines:
                if not row.startswith("| "):
                    break
                rows.append([cell.strip() for cell in row.strip("|").split("|")])
    return rows


@cache
def names_in(path: Path) -> frozenset[str]:
    """The names of the tests in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, functions) and node.name.startswith("test_")
    )


def named(cell: str, folder: Path) -> list[str]:
    """The tests that a cell names, all of which are there."""
    found = TEST.findall(cell)
    for file, name in found:
        assert name in names_in(folder / file), (file, name)
    return [name for _, name in found]


def test_every_case_is_listed_with_its_test_and_result() -> None:
    rows = table(CONFORMANCE, "case")
    assert [row[0] for row in rows] == [f"TC_{number}" for number in CASES]
    for number, (case, title, test, result) in zip(CASES, rows, strict=True):
        assert title, case
        if number in OPEN:
            assert test == "", case
            assert re.fullmatch("open: .+", result), case
        else:
            (name,) = named(test, HERE)
            assert name.startswith(f"test_tc_{number}_"), case
            assert result == "passes", case


def test_every_test_of_a_case_is_listed() -> None:
    found = sorted(
        name
        for path in HERE.glob("test_*.py")
        for name in names_in(path)
        if name.startswith("test_tc_")
    )
    listed = sorted(name for row in table(CONFORMANCE, "case") for name in named(row[2], HERE))
    assert found == listed


def test_how_many_pass_is_told_and_that_it_is_no_certification() -> None:
    assert f"{len(CASES) - len(OPEN)} of {len(CASES)}" in CONFORMANCE
    assert "no certification" in CONFORMANCE


def test_no_case_is_skipped_or_expected_to_fail() -> None:
    for path in HERE.glob("*.py"):
        if path != Path(__file__):
            assert not re.search(r"skip|xfail", path.read_text(encoding="utf-8")), path.name


def test_what_is_beyond_the_cases_names_tests_that_are_there() -> None:
    rows = table(CONFORMANCE, "what happens")
    assert rows
    for _, cell in rows:
        assert named(cell, ROOT)
        assert len(TEST.findall(cell)) == cell.count("::")


def endpoints(cell: str) -> list[tuple[str, str]]:
    """The endpoints that a cell names, all of which are there: (path, method)."""
    found = re.findall(r"`([A-Z]+) (/\S+)`", cell)
    for method, path in found:
        assert method in ROUTES.get(path, {}), cell
    return [(path, method) for method, path in found]


def test_every_action_of_charge_points_is_described() -> None:
    rows = table(OCPP.split("## From the central system")[0], "action")
    assert [row[0] for row in rows] == sorted(FROM_CHARGE_POINT)
    for action, handler, stored, read_at, test in rows:
        function = getattr(HANDLERS[action], "answer", HANDLERS[action])
        module = function.__module__.removeprefix("ocpp_trio.central.handlers.")
        assert handler == f"`{module}.py`"
        assert stored
        assert all(method == "GET" for _, method in endpoints(read_at))
        assert endpoints(read_at)
        assert says(test, action)


def test_every_command_is_described() -> None:
    rows = table(OCPP.split("## From the central system")[1], "action")
    assert [row[0] for row in rows] == sorted(FROM_CENTRAL_SYSTEM)
    described = set()
    for action, endpoint, follows, read_at, test in rows:
        routes = endpoints(endpoint)
        names = {path.removeprefix("/api/commands/") for path, _ in routes}
        (name,) = names
        wanted = "".join(part.capitalize() for part in name.split("-"))
        assert LONGER_NAMES.get(name, wanted) == action
        assert follows
        assert all(method == "GET" for _, method in endpoints(read_at))
        assert endpoints(read_at)
        assert says(test, name)
        described |= set(routes)
    others = {"/api/commands", "/api/commands/{id}", "/api/commands/{id}/cancel"}
    every = {
        (path, method)
        for path, methods in ROUTES.items()
        if path.startswith("/api/commands") and path not in others
        for method in methods
    }
    assert every - described == {("/api/commands/generic", "POST")}
    assert "`POST /api/commands/generic`" in OCPP


def says(cell: str, word: str) -> bool:
    """Whether the one test that a cell names is in a file that sends this."""
    ((file, name),) = TEST.findall(cell)
    assert name in names_in(HERE / file)
    texts = [each.read_text(encoding="utf-8") for each in (HERE / file, HERE / "station.py")]
    return any(f'"{word}"' in text for text in texts)


def test_the_numbers_of_actions_are_right() -> None:
    counts = re.search(r"(\d+) of charge points, (\d+) of the central system;.* (\d+)\.", OCPP)
    assert counts is not None
    every = FROM_CHARGE_POINT | FROM_CENTRAL_SYSTEM
    sizes = (len(FROM_CHARGE_POINT), len(FROM_CENTRAL_SYSTEM), len(every))
    assert tuple(map(int, counts.groups())) == sizes


@pytest.mark.parametrize("text", [CONFORMANCE, OCPP])
def test_every_endpoint_named_is_there(text: str) -> None:
    endpoints(text)
