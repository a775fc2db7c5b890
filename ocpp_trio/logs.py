"""Logging: structlog to stderr, and entries about the system for the API.

An event logged at INFO or above is also put into `ENTRIES`, from where services.log_writer stores
it in batches. The buffer is bounded: under a flood the newest win and the loss is counted.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, NamedTuple, TextIO, cast

import structlog

from ocpp_trio.domain.redaction import redact, redact_text
from ocpp_trio.domain.times import system_now

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
MAX_ENTRIES = 10_000
MAX_MESSAGE = 2_000
MINUTE = 60.0


class Entry(NamedTuple):
    """One entry of the system log; `timestamp` in ms."""

    charge_point_id: str | None
    timestamp: int
    level: str
    source: str
    message: str


class EntryBuffer:
    """Entries that wait to be stored."""

    def __init__(self, size: int = MAX_ENTRIES) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)
        self.lost = 0

    def add(self, entry: Entry) -> None:
        """Keep an entry; when the buffer is full the oldest goes."""
        if len(self._entries) == self._entries.maxlen:
            self.lost += 1
        self._entries.append(entry)

    def take(self) -> list[Entry]:
        """All entries, oldest first; the buffer is empty afterwards."""
        taken = list(self._entries)
        self._entries.clear()
        return taken

    def give_back(self, entries: list[Entry]) -> None:
        """Put entries that could not be stored back in front, as far as there is room."""
        room = (self._entries.maxlen or 0) - len(self._entries)
        self.lost += max(0, len(entries) - room)
        self._entries.extendleft(reversed(entries[-room:] if room else []))


ENTRIES = EntryBuffer()


class _Forgiving:
    """Where lines go; what the stream cannot take is lost. A full disk or a reader that went away
    must not raise out of every place that has something to tell.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


Event = MutableMapping[str, Any]


def _redact(_: object, __: str, event: Event) -> Event:
    redacted: Event = redact(event)
    return redacted


class _Sparing:
    """Drops an event that comes more often than its `at_most` a minute, and tells how many were.

    For what any stranger can cause again and again: it must not fill the disk.
    """

    def __init__(self) -> None:
        # Event -> when its minute began, how many came in it. Events are texts of our own: few.
        self._minutes: dict[str, tuple[float, int]] = {}

    def __call__(self, _: object, __: str, event: Event) -> Event:
        at_most = event.pop("at_most", None)
        if at_most is None:
            return event
        now = time.monotonic()
        began, count = self._minutes.get(event["event"], (now, 0))
        if now - began >= MINUTE:
            if count > at_most:
                event["not_logged"] = count - at_most
            began, count = now, 0
        self._minutes[event["event"]] = (began, count + 1)
        if count >= at_most:
            raise structlog.DropEvent
        return event


def _keep_entry(_: object, level: str, event: Event) -> Event:
    source = event.pop("source", "server")
    number = LEVELS.get(level, 0)
    if number >= LEVELS["info"]:
        details = {
            key: value
            for key, value in event.items()
            if key not in {"event", "level", "charge_point", "exception"}
            and not key.startswith("_")
        }
        message = str(event.get("event", ""))
        if details:
            message += " (" + ", ".join(f"{key}: {value}" for key, value in details.items()) + ")"
        word = "ERROR" if number >= LEVELS["error"] else level.upper()
        point = event.get("charge_point")
        # Escaped, so that no id or text of a peer can forge a line or reach a terminal.
        safe = json.dumps(message[:MAX_MESSAGE])[1:-1].replace('\\"', '"')
        ENTRIES.add(Entry(point, system_now(), word, source, safe))
    return event


def _escape(_: object, __: str, event: Event) -> Event:
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            lines = value.split("\n") if key == "exception" else [value]
            event[key] = "\n".join(map(_in_one_line, lines))
    return event


def _in_one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)[1:-1]


class _Plain(logging.Formatter):
    """Lines of other libraries: without secrets, and as many as a traceback has."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _in_one_line(redact_text(super().formatMessage(record)))

    def formatException(self, ei: Any) -> str:
        text = redact_text(super().formatException(ei))
        return "\n".join(map(_in_one_line, text.split("\n")))


def configure(level: str, form: str) -> None:
    """Set up logging for the process. `form` is console or json."""
    renderer: Any
    if form == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _Sparing(),
            # First of all: a traceback may hold what it was about.
            structlog.processors.format_exc_info,
            _redact,
            _keep_entry,
            _escape,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Forgiving(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    # Libraries that log by the standard library only speak up when something is wrong.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain("%(levelname)s:%(name)s:%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
