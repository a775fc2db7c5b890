"""What is installed: packages, their data, the locked dependencies and who may import each."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import resources
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ocpp_trio

ROOT = Path(__file__).parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")

ANYWHERE = ("ocpp_trio",)
HOMES = {
    "click": ("ocpp_trio.cli",),
    "cryptography": (
        "ocpp_trio.authority",
        "ocpp_trio.certificate_parts",
        "ocpp_trio.certificates",
        "ocpp_trio.sealing",
        "ocpp_trio.simulator.signing",
    ),
    "dotenv": ("ocpp_trio.config",),
    "hypercorn": ("ocpp_trio.api.server",),
    "jsonschema_rs": ("ocpp_trio.ocppj",),
    "msgspec": (
        "ocpp_trio.api",
        "ocpp_trio.central",
        "ocpp_trio.ocppj",
        "ocpp_trio.store.energy_reports",
    ),
    "psycopg": ("ocpp_trio.store",),
    "rich": ("ocpp_trio.cli", "ocpp_trio.simulator"),
    "sqlite_utils": ("ocpp_trio.store.migrate",),
    "starlette": ("ocpp_trio.api",),
    "structlog": ANYWHERE,
    "trio": ANYWHERE,
    "trio_asyncio": ("ocpp_trio.store.listening", "ocpp_trio.store.opening_postgres"),
    "trio_websocket": (
        "ocpp_trio.central.transport",
        "ocpp_trio.central.websocket",
        "ocpp_trio.simulator",
    ),
    "wsproto": (
        "ocpp_trio.central.text_frames",
        "ocpp_trio.central.websocket",
        "ocpp_trio.simulator",
    ),
}
"""Each third-party package and the modules (with what is below them) that may import it."""

NOT_IMPORTED = {
    "ocpp": "ocppj reads its JSON schemas as files",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}
"""Dependencies that no module imports, and why they are there nevertheless."""


def requirements(section: str, option: str) -> list[Requirement]:
    return [Requirement(line) for line in SETUP[section][option].split("\n") if line]


def package_directories() -> dict[str, Path]:
    """Every package on disk. migrations/ stands at the top for people, inside for Python."""
    found = {
        ".".join(path.parent.relative_to(ROOT).parts): path.parent
        for path in (ROOT / "ocpp_trio").rglob("*.py")
    }
    return found | {"ocpp_trio.migrations": ROOT / "migrations"}


def data_files() -> list[tuple[str, str]]:
    """Every file of a package that is not Python source: (package, name)."""
    return [
        (package, path.name)
        for package, directory in package_directories().items()
        for path in sorted(directory.iterdir())
        if path.is_file() and path.suffix != ".py"
    ]


def imports() -> Iterator[tuple[str, str]]:
    """Each import of a package outside the standard library: (importing module, package)."""
    for path in sorted((ROOT / "ocpp_trio").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in {name.partition(".")[0] for name in names}:
                if name not in sys.stdlib_module_names and name != "ocpp_trio":
                    yield module, name


def test_every_package_on_disk_is_listed() -> None:
    assert SETUP["options"]["packages"].split() == sorted(package_directories())


def test_every_package_has_an_init() -> None:
    bare = [
        name for name, path in package_directories().items() if not (path / "__init__.py").exists()
    ]
    assert not bare


def test_every_data_file_is_packaged() -> None:
    patterns = {name: text.split() for name, text in SETUP["options.package_data"].items()}
    forgotten = [
        f"{package}: {name}"
        for package, name in data_files()
        if not any(fnmatch(name, pattern) for pattern in patterns.get(package, []))
    ]
    assert not forgotten


@pytest.mark.parametrize(
    ("package", "pattern"),
    [
        ("ocpp_trio", "py.typed"),
        ("ocpp_trio.migrations", "0001_*.sql"),
        ("ocpp_trio.store.sql", "*.sql"),
    ],
)
def test_data_is_there_once_installed(package: str, pattern: str) -> None:
    names = [entry.name for entry in resources.files(package).iterdir()]
    assert [name for name in names if fnmatch(name, pattern)]


def test_the_changelog_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not text.strip():
        pytest.skip("CHANGELOG.md is empty")
    newest = re.search(r"^## \[?([^\]\s]+)", text, re.MULTILINE)
    assert newest is not None
    assert newest[1] in {ocpp_trio.__version__, "Unreleased"}


def test_third_party_packages_stay_in_their_homes() -> None:
    strays = [
        f"{module} imports {package}"
        for module, package in imports()
        if not any(f"{module}.".startswith(f"{home}.") for home in HOMES.get(package, ()))
    ]
    assert not strays


def test_dependencies_are_those_imported() -> None:
    distributions = packages_distributions()
    imported = {
        canonicalize_name(distribution)
        for package in {package for _, package in imports()}
        for distribution in distributions[package]
    }
    declared = {
        canonicalize_name(each.name) for each in requirements("options", "install_requires")
    }
    assert imported.isdisjoint(NOT_IMPORTED)
    assert declared == imported | NOT_IMPORTED.keys()


def test_the_lock_fits_the_ranges() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    lock = dict(line.split("==") for line in lines if not line.startswith("#"))
    locked = {canonicalize_name(name): version for name, version in lock.items()}
    wanted = requirements("options", "install_requires") + requirements(
        "options.extras_require", "dev"
    )
    outside = [
        str(each)
        for each in wanted
        if not each.specifier.contains(locked.get(canonicalize_name(each.name), "0"))
    ]
    assert not outside


@pytest.mark.real
@pytest.mark.slow
def test_the_wheel_holds_every_package_and_its_data(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("ocpp_trio", "migrations"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--wheel-dir",
        str(tmp_path),
        str(source),
    ]
    built = subprocess.run(command, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr

    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    modules = [
        f"{package.replace('.', '/')}/{path.name}"
        for package, directory in package_directories().items()
        for path in directory.glob("*.py")
    ]
    data = [f"{package.replace('.', '/')}/{name}" for package, name in data_files()]
    assert held >= {*modules, *data}
