"""The verb: options, summary, exit codes."""

from __future__ import annotations

import importlib
import json
import signal
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner, Result

from ocpp_trio.cli.simulate import simulate
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.faults import KINDS
from tests.simulator.central import Central, Scripted


@pytest.fixture
def central(monkeypatch: pytest.MonkeyPatch) -> Central:
    """A central system that the verb finds, whatever --url says."""
    central = Central(trio.lowlevel.spawn_system_task)
    verb = importlib.import_module("ocpp_trio.cli.simulate")
    monkeypatch.setattr(verb, "endpoint_from", lambda _, url: central.endpoint)
    return central


def run(*args: str) -> Result:
    return CliRunner().invoke(simulate, args)


def test_the_summary_and_the_progress(central: Central, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    done = run("--count", "2", "--sessions", "2", "--ledger", str(ledger))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[:2] == ["stations: 2", "sessions: 4 completed, 0 refused, 0 failed"]
    assert done.stderr.splitlines()[-1] == "sessions: 4/4"
    assert len(ledger.read_text().splitlines()) == 4 * (1 + 3 + 1)


def test_the_summary_as_json(central: Central) -> None:
    done = run("--json", "--meter-values", "5")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["sessionsCompleted"] == 1
    assert central.actions().count("MeterValues") == 5


def test_a_refused_session_is_1(central: Central) -> None:
    central.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
    done = run("--id-tag", "NOPE", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["sessionsRefused"] == 1
    assert "SIM0001: Authorize of NOPE: Invalid" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_prints_the_summary(central: Central, number: signal.Signals) -> None:
    def interrupt(_: Payload) -> Payload:
        signal.raise_signal(number)
        return {}

    central.answers["MeterValues"] = interrupt
    done = run("--json", "--interval", "0.01")
    assert done.exit_code == 130
    assert json.loads(done.stdout)["sessionsCompleted"] == 0


def test_nobody_there(central: Central) -> None:
    central.listening = False
    done = run("--url", "ws://central:9000", "--count", "5")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == "Error: cannot connect to ws://central:9000: connection refused\n"


def test_no_api_there(central: Central) -> None:
    done = run("--api", "ftp://central")
    assert done.exit_code == 1
    assert "must begin with http://" in done.stderr
    assert central.received == []


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--url", "http://x"), "must begin with ws://"),
        (("--id-tag", "T" * 21), "longer than the 20 characters"),
        (("--ledger", "/nowhere/at/all"), "No such file"),
        (("--count", "0"), "--count"),
        (("--interval", "-1"), "--interval"),
        (("--fault", "Reset=never"), "none of the faults slow:SECONDS"),
        (("--fault", "Authorize=silent"), "no action of a central system"),
    ],
)
def test_what_is_refused_at_once(args: tuple[str, ...], words: str) -> None:
    done = run(*args)
    assert done.exit_code == 2
    assert words in done.stderr


def test_help_names_every_option() -> None:
    done = run("--help")
    for option in simulate.params:
        assert option.opts[-1] in done.stdout


def test_help_lists_every_fault() -> None:
    done = run("--help")
    for kind, what in KINDS.items():
        assert f"{kind} " in done.stdout
        assert what in done.stdout


def test_who_stays_obeys_and_prints_what_it_is_told(central: Central) -> None:
    async def tell() -> None:
        await central.until("1 Available")
        assert await central.status("Reset", type="Hard") == "Rejected"
        assert await central.status("ClearCache") == "Accepted"
        signal.raise_signal(signal.SIGINT)

    def boot(_: Payload) -> Scripted:
        trio.lowlevel.spawn_system_task(tell)
        return accepted

    accepted = central.answers["BootNotification"]
    central.answers["BootNotification"] = boot
    done = run("--sessions", "0", "--stay", "--fault", "Reset=refuse")
    assert done.exit_code == 130, done.output
    assert done.stderr.splitlines() == [
        'SIM0001: told Reset {"type": "Hard"} -> fault refuse',
        'SIM0001: told ClearCache {} -> {"status": "Accepted"}',
    ]
