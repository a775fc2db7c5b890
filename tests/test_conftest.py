"""The guard of the log guards: tests of the fixtures that every other test relies upon."""

from __future__ import annotations

import os

import pytest
import structlog
from structlog.typing import EventDict

from ocpp_trio import config, logs

pytest_plugins = ["pytester"]


def test_an_error_in_the_log_fails_the_test_unless_it_is_expected(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini("[pytest]\ntrio_mode = true")
    pytester.makeconftest("from tests.conftest import *")
    pytester.makepyfile(
        """
        import structlog

        def test_silent():
            structlog.get_logger().warning("no harm")

        def test_guarded():
            structlog.get_logger().error("went wrong")

        def test_expected(expected_errors):
            structlog.get_logger().error("went wrong")
            assert expected_errors[0]["event"] == "went wrong"
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_guarded*", "*went wrong*"])


def test_the_environment_is_clean() -> None:
    assert not set(os.environ) & set(config.variables())


def test_expected_errors_holds_what_was_logged(expected_errors: list[EventDict]) -> None:
    structlog.get_logger().error("first", charge_point="CP1")
    structlog.get_logger().info("not an error")
    assert [event["event"] for event in expected_errors] == ["first"]
    assert [entry.level for entry in logs.ENTRIES.take()] == ["ERROR", "INFO"]
