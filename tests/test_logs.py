"""Logging: secrets stay inside, a line stays a line, and a flood does no harm."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import pytest
import structlog
from structlog.typing import EventDict

from ocpp_trio import logs
from ocpp_trio.logs import ENTRIES, Entry, EntryBuffer

CANARY = "canary-7d3f"
HOSTILE = 'CP1\r\n{"level":"info"}\x1b[2J\x00\u202e\u2028end'

Written = Callable[[], list[str]]


@pytest.fixture(params=["console", "json"])
def form(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


class Stream(StringIO):
    """A stream, also one on a disk that is full."""

    is_full = False

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(28, "No space left on device")
        return super().write(text)

    def flush(self) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def written(form: str, stream: Stream, expected_errors: list[EventDict]) -> Iterator[Written]:
    """The lines logged so far in that form; ERROR is allowed."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with redirect_stderr(stream):
        logs.configure("info", form)
        yield lambda: stream.getvalue().splitlines()
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def logger() -> Any:
    return structlog.get_logger()


def entry(number: int) -> Entry:
    return Entry(None, number, "INFO", "test", str(number))


# What is written


def test_a_log_that_cannot_be_written_harms_nobody(written: Written, stream: Stream) -> None:
    stream.is_full = True
    logger().info("lost on the disk")
    try:
        raise ValueError("seen")
    except ValueError:
        logger().exception("lost as well")
    stream.is_full = False
    assert [each.message for each in ENTRIES.take()] == ["lost on the disk", "lost as well"]
    logger().info("there is room again")
    (line,) = written()
    assert "there is room again" in line


def test_an_event_is_one_line(written: Written, form: str) -> None:
    logger().info("charge point connected", charge_point="CP1", source="central")
    (line,) = written()
    assert "charge point connected" in line
    if form == "json":
        event = json.loads(line)
        assert (event["event"], event["charge_point"], event["level"]) == (
            "charge point connected",
            "CP1",
            "info",
        )
        assert event["timestamp"].endswith("Z")


def test_below_the_level_nothing_is_written_or_kept(written: Written) -> None:
    logger().debug("a frame", text=CANARY)
    assert written() == []
    assert ENTRIES.take() == []


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "API_KEY", "api_key", "Authorization", "token", "client_secret"],
)
def test_a_secret_is_masked_everywhere(written: Written, name: str) -> None:
    logger().warning("handshake", **{name: CANARY})
    assert "********" in written()[0]
    assert CANARY not in str(written())
    (kept,) = ENTRIES.take()
    assert CANARY not in kept.message
    assert "********" in kept.message


@pytest.mark.parametrize("field", ["charge_point", "info", "event"])
def test_no_text_of_a_peer_makes_a_line_of_its_own(written: Written, form: str, field: str) -> None:
    event = {"event": "hello", field: HOSTILE}
    logger().info(**event)
    (line,) = written()
    (kept,) = ENTRIES.take()
    assert line.isprintable()
    assert kept.message.isprintable()
    if form == "json":
        json.loads(line)


def test_a_traceback_keeps_its_lines_but_no_control_characters(written: Written, form: str) -> None:
    try:
        raise ValueError("bad \x1b[2J\x00 text")
    except ValueError:
        logger().exception("handler failed", charge_point="CP1")
    text = "\n".join(written())
    assert "Traceback" in text
    assert "ValueError" in text
    assert "\x1b" not in text
    assert "\x00" not in text
    assert (len(written()) > 1) is (form == "console")


def test_other_libraries_speak_up_only_when_something_is_wrong(written: Written) -> None:
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("trouble")
    assert [line for line in written() if "chatter" in line] == []
    assert any("trouble" in line for line in written())


# What is kept for the API


def test_an_entry_has_its_details_in_words(written: Written) -> None:
    logger().info("stored", source="store", charge_point="CP1", count=3, kind="x")
    logger().info("plain")
    first, second = ENTRIES.take()
    assert (first.charge_point_id, first.level, first.source, first.message) == (
        "CP1",
        "INFO",
        "store",
        "stored (count: 3, kind: x)",
    )
    assert (second.charge_point_id, second.source, second.message) == (None, "server", "plain")
    assert 0 <= second.timestamp - first.timestamp < 3_600_000
    assert written()


@pytest.mark.parametrize(
    ("method", "level"),
    [
        ("info", "INFO"),
        ("warning", "WARNING"),
        ("error", "ERROR"),
        ("exception", "ERROR"),
        ("critical", "ERROR"),
    ],
)
def test_an_entry_has_one_of_three_levels(written: Written, method: str, level: str) -> None:
    getattr(logger(), method)("something")
    assert [kept.level for kept in ENTRIES.take()] == [level]


def test_an_entry_is_escaped_and_bounded(written: Written) -> None:
    logger().info('a "quoted" back\\slash\n', tag="ä\x1b")
    (kept,) = ENTRIES.take()
    assert kept.message == 'a "quoted" back\\\\slash\\n (tag: \\u00e4\\u001b)'
    logger().info("x" * 100_000)
    (kept,) = ENTRIES.take()
    assert len(kept.message) == logs.MAX_MESSAGE


def test_what_is_no_text_can_be_logged(written: Written) -> None:
    logger().info(
        "odd", number=5, nothing=None, raw=b"\xff\n", words=["a\n"], error=ValueError("\n")
    )
    (line,) = written()
    assert line.isprintable()
    assert len(ENTRIES.take()) == 1


# The buffer


def test_entries_are_taken_once_oldest_first() -> None:
    buffer = EntryBuffer()
    for number in range(3):
        buffer.add(entry(number))
    assert buffer.take() == [entry(0), entry(1), entry(2)]
    assert buffer.take() == []
    assert buffer.lost == 0


def test_a_full_buffer_loses_the_oldest_and_counts_them() -> None:
    buffer = EntryBuffer(2)
    for number in range(5):
        buffer.add(entry(number))
    assert buffer.lost == 3
    assert buffer.take() == [entry(3), entry(4)]


def test_a_flood_stays_bounded(written: Written) -> None:
    for number in range(logs.MAX_ENTRIES + 10):
        ENTRIES.add(entry(number))
    assert ENTRIES.lost == 10
    assert len(ENTRIES.take()) == logs.MAX_ENTRIES


def test_entries_that_could_not_be_stored_go_back_in_front() -> None:
    buffer = EntryBuffer(4)
    buffer.add(entry(3))
    buffer.give_back([entry(1), entry(2)])
    assert buffer.take() == [entry(1), entry(2), entry(3)]
    assert buffer.lost == 0


@pytest.mark.parametrize(
    ("waiting", "left", "lost"), [(1, [0, 1, 9], 0), (2, [1, 9, 9], 1), (3, [9, 9, 9], 2)]
)
def test_what_has_no_room_any_more_is_lost_and_counted(
    waiting: int, left: list[int], lost: int
) -> None:
    buffer = EntryBuffer(3)
    for _ in range(waiting):
        buffer.add(entry(9))
    buffer.give_back([entry(0), entry(1)])
    assert [kept.timestamp for kept in buffer.take()] == left
    assert buffer.lost == lost


def test_what_strangers_cause_is_logged_a_few_times_a_minute(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    log = structlog.get_logger()
    for number in range(50):
        log.info("refused", remote=str(number), at_most=3)
        log.info("something else", number=number)
    assert sum("refused" in line for line in written()) == 3
    assert sum("something else" in line for line in written()) == 50
    clock[0] += 61
    log.info("refused", at_most=3)
    assert "not_logged" in written()[-1]
    assert "47" in written()[-1]
    clock[0] += 61
    log.info("refused", at_most=3)
    assert "not_logged" not in written()[-1]
    assert not any("at_most" in line for line in written())
