"""One server for all cases, and for each case a charge point of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.conformance.station import Station
from tests.conftest import POSTGRES, SQLITE
from tests.support.postgres import Postgres
from tests.support.server import Server, running

SETTINGS = {
    "OCPP_LOCAL_LIST_BATCH": "1000",
    "OCPP_LOG_INTERVAL": "0.05",
    "OCPP_PRESENCE_INTERVAL": "0.05",
    "OCPP_RESERVATION_EXPIRY_INTERVAL": "0.05",
}


@pytest.fixture(scope="session", params=[SQLITE, pytest.param(POSTGRES, marks=pytest.mark.slow)])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server process that ends in order, without an error in its log."""
    variables = SETTINGS
    if request.param == POSTGRES:
        postgres: Postgres = request.getfixturevalue("postgres")
        variables = SETTINGS | postgres.create("conformance")
    with running(tmp_path_factory.mktemp("conformance"), **variables) as started:
        yield started
        assert started.stop() == 0
        assert started.errors() == []


@pytest.fixture
def station(server: Server, request: pytest.FixtureRequest) -> Iterator[Station]:
    """A charge point with the case as its id; not connected yet."""
    case = re.match(r"test_(tc_\d+(_\d)?)_|test_(.*)", request.node.originalname)
    assert case is not None
    made = Station(server, (case[1] or case[3]).upper())
    yield made
    made.disconnect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The cases use a real process and real ports."""
    for item in items:
        if "conformance" in item.path.parts and "server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real)
