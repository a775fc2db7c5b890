"""The documents name only tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted((ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_tests_that_a_document_names_are_there(document: Path) -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", document.read_text("utf-8")))
    assert not {name for name in named if not (ROOT / name).exists()}
