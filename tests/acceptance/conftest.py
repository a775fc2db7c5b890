"""Real servers for acceptance tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import scorecard
from tests.support.server import Server, running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with the default settings."""
    with running(tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
def scored_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, int]]:
    """One server for a file of the scorecard, and how many file descriptors it has open."""
    with scorecard.scored(tmp_path_factory.mktemp("scorecard")) as scored:
        yield scored


@pytest.fixture
def well_server(scored_server: tuple[Server, int]) -> Iterator[Server]:
    """That server; when the test is done, it must be as well as before."""
    server, baseline = scored_server
    yield server
    scorecard.check_well(server, baseline)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here uses real processes and ports."""
    for item in items:
        if "acceptance" in item.path.parts:
            item.add_marker(pytest.mark.real)
