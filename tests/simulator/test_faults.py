"""How faults are written."""

from __future__ import annotations

import pytest

from ocpp_trio.simulator.faults import Fault, Faults, parse_fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Reset=slow:2.5", Fault("slow", 2.5)),
        ("Reset=late", Fault("late", 35.0)),
        ("Reset=late:60", Fault("late", 60.0)),
        ("Reset=silent", Fault("silent")),
        ("Reset=refuse", Fault("refuse")),
        ("Reset=wrong-schema", Fault("wrong-schema")),
        ("Reset=callerror", Fault("callerror", word="InternalError")),
        ("Reset=callerror:SecurityError", Fault("callerror", word="SecurityError")),
        ("GetLog=fail", Fault("fail", word="UploadFailure")),
        ("GetLog=fail:BadMessage", Fault("fail", word="BadMessage")),
        ("Reset=none", None),
    ],
)
def test_every_kind(text: str, fault: Fault | None) -> None:
    action, parsed = parse_fault(text)
    assert parsed == fault
    if fault is not None:
        assert parse_fault(f"{action}={fault}") == (action, fault)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Reset", "ACTION=KIND"),
        ("Authorize=silent", "no action of a central system"),
        ("Reset=", "is none of the faults"),
        ("Reset=often", "is none of the faults"),
        ("Reset=silent:5", "nothing behind a colon"),
        ("Reset=slow", "needs its seconds"),
        ("Reset=slow:", "nothing stands behind the colon"),
        ("Reset=slow:nan", "no number of seconds"),
        ("Reset=slow:-1", "no number of seconds"),
        ("Reset=late:1e9", "no number of seconds"),
        ("Reset=callerror:Oops", "CALLERROR codes"),
        ("Reset=fail", "fail is only for GetDiagnostics"),
        ("GetLog=fail:Uploaded", "none of the ends of GetLog"),
        ("UpdateFirmware=refuse", "no answer that refuses"),
    ],
)
def test_what_is_none_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_fault(text)


def test_one_for_each_action() -> None:
    faults = Faults(["Reset=silent", "GetLog=fail"])
    faults.set("Reset=refuse")
    assert faults.listed() == ["GetLog=fail:UploadFailure", "Reset=refuse"]
    assert faults.failure("GetLog") == "UploadFailure"
    assert faults.failure("Reset") is None
    faults.set("GetLog=none")
    assert faults.listed() == ["Reset=refuse"]
    faults.clear()
    assert faults.get("Reset") is None
