"""What a figure was measured on: without it, a figure says nothing."""

import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    *("trio", "trio-websocket", "wsproto", "msgspec", "orjson", "jsonschema-rs"),
    *("ocpp", "jsonschema", "websockets", "aiosqlite", "picows", "uvloop"),
)
SYNCS = 101
"""Synchronised writes timed on the disk: enough for a steady median, over in a moment."""


def describe(folder: Path) -> dict[str, str]:
    """Machine, versions, and the disk under `folder`, as lines to print."""
    return {
        "machine": f"{_cpu_model()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "disk": f"{filesystem(folder)}, fdatasync {_fdatasync(folder):.0f} us",
        "python": f"{platform.python_implementation()} {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}",
        "packages": ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name))),
    }


def filesystem(folder: Path) -> str:
    """The type of the file system that holds `folder`, such as ext4 or tmpfs."""
    path = folder.resolve()
    mounts: dict[Path, str] = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind = line.split()[:3]
        mounts[Path(mount)] = kind  # a later mount hides an earlier one
    return next((mounts[each] for each in (path, *path.parents) if each in mounts), "unknown")


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine() or sys.platform


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _fdatasync(folder: Path) -> float:
    """Median microseconds for appending a page and syncing it: the price of one commit."""
    took = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(SYNCS):
            started = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took) * 1e6
