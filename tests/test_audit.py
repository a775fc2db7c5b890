"""scripts/audit: what it finds, and that it says what it could not look at."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "audit.py"
AUDIT = runpy.run_path(str(SCRIPT))


class _Osv(BaseHTTPRequestHandler):
    """Knows one vulnerability of each named package."""

    def __init__(self, vulnerable: frozenset[str], *arguments: Any) -> None:
        self.vulnerable = vulnerable
        super().__init__(*arguments)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        results = [
            {"vulns": [{"id": "GHSA-1"}]} if each["package"]["name"] in self.vulnerable else {}
            for each in asked
        ]
        body = json.dumps({"results": results}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def answering(*vulnerable: str) -> Iterator[str]:
    """A list of vulnerabilities to ask; its URL."""
    server = HTTPServer(("127.0.0.1", 0), partial(_Osv, frozenset(vulnerable)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(url: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT, "--url", url], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_a_clean_installation() -> None:
    with answering() as url:
        code, output = run(url)
    assert (code, "0 not as constraints.txt says" in output) == (0, True), output
    assert "0 to look at" in output
    assert "0 known" in output


def test_a_known_vulnerability_is_named() -> None:
    with answering("click", "trio") as url:
        code, output = run(url)
    assert code == 1
    assert "  click " in output
    assert output.count("GHSA-1") == 2


def test_a_list_that_cannot_be_asked_is_no_clean_bill() -> None:
    code, output = run("http://127.0.0.1:1/")
    assert code == 2
    assert "NOT CHECKED" in output


def test_what_is_not_as_it_was_pinned() -> None:
    known = AUDIT["installed"]()
    pinned = AUDIT["pins"]() | {"trio": "0.1"}
    del pinned["click"]
    assert [line.split()[0] for line in AUDIT["strays"](pinned, known)] == ["click", "trio"]


@pytest.mark.parametrize(
    ("name", "is_allowed"),
    [("MIT", True), ("BSD-3-Clause", True), ("GPL-3.0-only", False), ("none named", False)],
)
def test_licences(name: str, is_allowed: bool) -> None:
    assert (AUDIT["ALLOWED"].search(name) is not None) is is_allowed
