"""Checks what is installed: the releases of constraints.txt and no others, licences that may be
used, and no release with a known vulnerability (asked of OSV, https://osv.dev).

Exit code 0: nothing was found. 1: something was. 2: the list of vulnerabilities could not be asked;
everything else is in order.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
OWN = "ocpp-trio"
TOOLS = frozenset({"pip", "setuptools", "wheel"})
"""They come with the virtual environment, in its own releases."""

OSV = "https://api.osv.dev/v1/querybatch"
TIMEOUT = 30.0

ALLOWED = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Mozilla|MPL|LGPL|"
    r"GNU Lesser General Public License|Unlicense|Public Domain|Zlib|0BSD|CC0)\b",
    re.IGNORECASE,
)
"""Licences that a server under MIT can be shipped with."""


def say(text: str) -> None:
    """Tell a line."""
    sys.stdout.write(f"{text}\n")


def pins() -> dict[str, str]:
    """Canonical name to release, of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def installed() -> dict[str, Distribution]:
    """What is installed, by canonical name, but for this package and the tools of a venv."""
    found = {canonicalize_name(each.metadata["Name"]): each for each in distributions()}
    return {name: each for name, each in found.items() if name != OWN and name not in TOOLS}


def at_run_time(known: Mapping[str, Distribution]) -> set[str]:
    """What the server needs: its requirements, and theirs."""
    needed: set[str] = set()
    waiting = [OWN]
    while waiting:
        for text in requires(waiting.pop()) or ():
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            counts = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if counts and name in known and name not in needed:
                needed.add(name)
                waiting.append(name)
    return needed


def strays(pinned: Mapping[str, str], known: Mapping[str, Distribution]) -> Iterator[str]:
    """Where what is installed is not what was pinned."""
    for name, each in sorted(known.items()):
        if name not in pinned:
            yield f"{name} {each.version} is installed, but not in constraints.txt"
        elif pinned[name] != each.version:
            yield f"{name} {each.version} is installed, constraints.txt says {pinned[name]}"


def licence(each: Distribution) -> str:
    """A distribution's licence as its metadata say, in a line."""
    fields = each.metadata
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in fields.get_all("Classifier") or ()
        if text.startswith("License ::") and not text.endswith("OSI Approved")
    ]
    expressions = fields.get_all("License-Expression") or []
    named = ", ".join(expressions or classifiers or fields.get_all("License") or [])
    return " ".join(named.split())[:80] or "none named"


def vulnerabilities(pinned: Mapping[str, str], url: str) -> list[str]:
    """What is known of the pinned releases. Raises OSError or ValueError if nobody can be asked."""
    asked = sorted(pinned.items())
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in asked
    ]
    request = urllib.request.Request(  # noqa: S310 - the operator's own URL
        url,
        json.dumps({"queries": queries}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
        results: list[Any] = json.loads(response.read())["results"]
    if len(results) != len(asked):
        raise ValueError(f"{len(asked)} questions, {len(results)} answers")
    return [
        f"{name} {version}: {each['id']}"
        for (name, version), result in zip(asked, results, strict=True)
        for each in result.get("vulns", ())
    ]


def main() -> int:
    """Run every check and say what it found."""
    parser = argparse.ArgumentParser(
        prog="scripts/audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", default=OSV, help="where to ask for vulnerabilities (OSV format)")
    parser.add_argument("--offline", action="store_true", help="do not ask for vulnerabilities")
    options = parser.parse_args()
    pinned, known = pins(), installed()
    problems = list(strays(pinned, known))
    say(f"pins: {len(known)} packages installed, {len(problems)} not as constraints.txt says")
    runtime = at_run_time(known)
    doubtful = [
        f"{name} {known[name].version}: licence {found}"
        for name in sorted(runtime)
        if not ALLOWED.search(found := licence(known[name]))
    ]
    problems += doubtful
    say(f"licences: {len(runtime)} packages at run time, {len(doubtful)} to look at")
    code = 0
    if options.offline:
        say("vulnerabilities: NOT CHECKED (--offline)")
        code = 2
    else:
        try:
            found_out = vulnerabilities(pinned, options.url)
            problems += found_out
            say(f"vulnerabilities: {len(pinned)} releases asked about, {len(found_out)} known")
        except (OSError, ValueError, KeyError, TypeError) as error:
            say(f"vulnerabilities: NOT CHECKED, {options.url} cannot be asked: {error}")
            code = 2
    for problem in problems:
        say(f"  {problem}")
    return 1 if problems else code


if __name__ == "__main__":
    sys.exit(main())
