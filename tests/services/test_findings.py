"""What has been found is told once."""

from __future__ import annotations

from ocpp_trio.services.findings import Findings


def test_each_finding_is_news_once() -> None:
    findings: Findings[str] = Findings()
    assert findings.news(["a"], 0) == ["a"]
    assert findings.news(["a", "b"], 10) == ["b"]
    assert findings.news(["a", "b"], 20) == []


def test_what_came_back_is_news_again() -> None:
    findings: Findings[str] = Findings()
    findings.news(["a"], 0)
    assert findings.news([], 10) == []
    assert findings.news(["a"], 20) == ["a"]


def test_it_must_hold_at_every_look_for_long_enough() -> None:
    findings: Findings[str] = Findings()
    assert findings.news(["a", "b"], 0, 30) == []
    assert findings.news(["a"], 20, 30) == []
    assert findings.news(["a", "b"], 30, 30) == ["a"]
    assert findings.news(["a", "b"], 59, 30) == []
    assert findings.news(["a", "b"], 60, 30) == ["b"]
