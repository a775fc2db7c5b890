"""Real servers for acceptance tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with the default settings."""
    with running(tmp_path) as started:
        yield started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here uses real processes and ports."""
    for item in items:
        if "acceptance" in item.path.parts:
            item.add_marker(pytest.mark.real)
