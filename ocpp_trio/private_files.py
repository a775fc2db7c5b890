"""Writing files that hold keys."""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644
OTHERS = 0o077


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a new file, durably. Raises OSError, also if there is one already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def is_exposed(path: Path) -> bool:
    """Whether others than its owner may read or change a file."""
    return bool(path.stat().st_mode & OTHERS)
