"""Messages on real sockets: most are begun where they are read and answered where their commit is
told, without a turn of the reader's task. Whichever way one takes, the station sees the same.
"""

from __future__ import annotations

import gc
import json
import socket
import ssl
import struct
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import trio
import trustme
from trio.testing import MockClock, wait_all_tasks_blocked
from trio_websocket import ConnectionClosed, wrap_client_stream

from ocpp_trio.central import handlers
from ocpp_trio.central.handlers.write import Write
from ocpp_trio.central.messages import Messages
from ocpp_trio.central.session import Session
from ocpp_trio.central.stream import WatchedStream
from ocpp_trio.central.tracing import Traced
from ocpp_trio.central.transport import ConnectionEnded, Transport
from ocpp_trio.errors import CallRefused, StoreUnavailable
from ocpp_trio.limits import Counts
from ocpp_trio.ocppj.peer import Event, Request
from ocpp_trio.store import charge_points, connectors
from ocpp_trio.store.batch import DriverWriter, Job
from tests.central.conftest import OpenSystem, System
from tests.support.faults import driver_of
from tests.support.station import Refused, TestStation
from tests.support.writers import Gate

pytestmark = pytest.mark.real

STATUS = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-11-23T08:00:00Z"}
GREAT = json.dumps("x" * 8_000_000)
"""A message that no buffer holds."""


@dataclass
class Ways:
    """Which messages were answered on which way, by action; others than CALLs by their type."""

    direct: list[str] = field(default_factory=list)
    reader: list[str] = field(default_factory=list)


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    seen = Ways()
    written, handle = Messages._written, Messages._handle

    def told(self: Messages, handler: Write, request: Request, job: Job) -> None:
        seen.direct.append(request.call.action)
        written(self, handler, request, job)

    async def handled(self: Messages, event: Event) -> None:
        name = event.call.action if isinstance(event, Request) else type(event).__name__
        seen.reader.append(name)
        await handle(self, event)

    monkeypatch.setattr(Messages, "_written", told)
    monkeypatch.setattr(Messages, "_handle", handled)
    return seen


@dataclass
class Served:
    """A system that stations reach at a port."""

    system: System
    port: int
    nursery: trio.Nursery
    gate: Gate
    streams: list[trio.abc.Stream]

    async def connect(self, path: str = "/CP001", size: int | None = None) -> TestStation:
        """A station; `size`: of its receive buffer."""
        sock = trio.socket.socket()
        if size is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        await sock.connect(("127.0.0.1", self.port))
        return await self.connect_by(trio.SocketStream(sock), path)

    async def connect_by(self, stream: trio.abc.Stream, path: str = "/CP001") -> TestStation:
        """A station at the other end of a stream."""
        self.streams.append(stream)
        websocket = await wrap_client_stream(
            self.nursery,
            stream,  # type: ignore[arg-type]
            "test",
            path,
            subprotocols=("ocpp1.6",),
        )
        return TestStation(websocket)

    async def booted(self, path: str = "/CP001") -> TestStation:
        station = await self.connect(path)
        await station.boot()
        return station

    def session(self, point: str = "CP001") -> Session:
        session = self.system.central.hub.get(point)
        assert session is not None
        return session

    async def is_well(self) -> bool:
        """Whether another station is served."""
        other = await self.booted("/OTHER")
        assert (await other.start())["transactionId"]
        await other.websocket.aclose()
        return True


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def serve(open_system: OpenSystem) -> Serve:
    """Serves a system with settings given by variable."""

    @asynccontextmanager
    async def serve_one(**variables: str) -> AsyncIterator[Served]:
        with trio.fail_after(20):
            async with open_system(**variables) as system:
                gate = Gate()
                writer = system.central.database._writer
                assert isinstance(writer, DriverWriter)
                writer._run = gate
                listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
                port = listeners[0].socket.getsockname()[1]
                streams: list[trio.abc.Stream] = []
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(system.central.poller.run)
                        nursery.start_soon(system.listener.serve, listeners, nursery)
                        await wait_all_tasks_blocked()
                        try:
                            yield Served(system, port, nursery, gate, streams)
                        finally:
                            # What was begun is waited for, whatever became of the test.
                            gate.opened.set()
                            nursery.cancel_scope.cancel()
                finally:
                    for each in (*streams, *listeners):
                        await trio.aclose_forcefully(each)

    return serve_one


@pytest.fixture
async def served(serve: Serve) -> AsyncIterator[Served]:
    async with serve() as opened:
        yield opened


def frame(message: object, head: int = 0x81) -> bytes:
    """A frame with a message, masked with nothing."""
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    size = len(text)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes([head]) + length + bytes(4) + text


async def send_raw(station: TestStation, data: bytes) -> None:
    await station.websocket._stream.send_all(data)


async def reset(station: TestStation) -> None:
    """End the connection as a station does that has lost its power and is back."""
    stream = station.websocket._stream
    assert isinstance(stream, trio.SocketStream)
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await trio.aclose_forcefully(stream)


async def test_what_only_waits_for_its_commit_wakes_no_task(served: Served, ways: Ways) -> None:
    station = await served.booted()
    assert await station.call("StatusNotification", STATUS) == {}
    number = (await station.start())["transactionId"]
    assert await station.meter(number, 2000) == {}
    assert await station.stop(number) == {}
    assert ways.direct == [
        "BootNotification",
        "StatusNotification",
        "StartTransaction",
        "MeterValues",
        "StopTransaction",
    ]
    assert ways.reader == []
    assert await station.call("Heartbeat", {})
    assert await station.call("Authorize", {"idTag": "TAG"})
    assert ways.reader == ["Heartbeat", "Authorize"]
    rows = await served.system.central.database.read(connectors.of_charge_point, "CP001")
    assert len(rows) == 1


async def test_before_its_first_boot_a_station_is_refused(served: Served, ways: Ways) -> None:
    station = await served.connect()
    with pytest.raises(Refused, match="SecurityError"):
        await station.call("StatusNotification", STATUS)
    assert (ways.direct, ways.reader) == ([], ["StatusNotification"])


async def test_a_repeated_message_gets_its_first_answer(served: Served, ways: Ways) -> None:
    station = await served.booted()
    first = await station.call("StartTransaction", START, "same")
    assert await station.call("StartTransaction", START, "same") == first
    assert ways.reader == ["Reply"]


async def test_where_each_message_is_logged_the_reader_does_it(
    serve: Serve, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(Traced, "_tell", lambda _, event, text: told.append(event))
    async with serve(OCPP_LOG_LEVEL="debug") as served:
        station = await served.booted()
        assert await station.call("StatusNotification", STATUS) == {}
    assert (ways.direct, ways.reader) == ([], ["BootNotification", "StatusNotification"])
    assert told == ["message received", "message sent"] * 2


async def test_tls_is_read_by_the_reader(served: Served, ways: Ways) -> None:
    authority = trustme.CA()
    here = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    there = ssl.create_default_context()
    authority.issue_cert("test").configure_cert(here)
    authority.configure_trust(there)
    server, client = (
        trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in socket.socketpair()
    )
    secure = trio.SSLStream(server, here, server_side=True, https_compatible=True)
    served.nursery.start_soon(served.system.listener.serve_stream, secure)
    station = await served.connect_by(
        trio.SSLStream(client, there, server_hostname="test", https_compatible=True)
    )
    await station.boot()
    assert await station.call("StatusNotification", STATUS) == {}
    assert (ways.direct, ways.reader) == ([], ["BootNotification", "StatusNotification"])


# Whatever comes together


async def test_messages_of_both_ways_cut_anywhere(served: Served, ways: Ways) -> None:
    """In one segment, or in two that end at any byte."""
    station = await served.booted()
    head = frame([2, "a000", "StatusNotification", STATUS])

    def stream(number: int) -> bytes:
        calls = (
            [2, f"a{number:03}", "StatusNotification", STATUS],
            [2, f"b{number:03}", "Heartbeat", {}],
            [2, f"c{number:03}", "StatusNotification", STATUS],
        )
        return b"".join(map(frame, calls))

    size = len(stream(0))
    for cut in (*range(8), *range(8, size, 9), *range(len(head) - 2, len(head) + 8), size):
        number = len(ways.direct) + len(ways.reader)
        data = stream(number)
        await send_raw(station, data[:cut])
        await wait_all_tasks_blocked()
        await send_raw(station, data[cut:])
        for letter in "abc":
            assert (await station.receive())[:2] == [3, f"{letter}{number:03}"], cut
    assert set(ways.direct) == {"BootNotification", "StatusNotification"}
    assert "Heartbeat" in ways.reader


async def test_fragments_and_pings_between(served: Served, ways: Ways) -> None:
    station = await served.booted()
    text = json.dumps([2, "parts", "StatusNotification", STATUS]).encode()
    parts = [frame(text[:20], 0x01), frame(text[20:30], 0x00), frame(text[30:], 0x80)]
    for part in parts:
        await send_raw(station, part)
        await send_raw(station, frame(b"between", 0x89))
        await wait_all_tasks_blocked()
    assert await station.receive() == [3, "parts", {}]
    with trio.fail_after(5):
        await station.websocket.ping(b"alone")
    assert await station.call("StatusNotification", STATUS) == {}
    whole = frame([2, "w1", "StatusNotification", STATUS])
    await send_raw(station, whole + frame(b"ping", 0x89) + whole.replace(b"w1", b"w2"))
    assert [(await station.receive())[1] for _ in range(2)] == ["w1", "w2"]
    assert ways.direct == ["BootNotification", "StatusNotification"]


async def test_the_next_message_waits_for_the_answer_to_the_first(
    served: Served, ways: Ways
) -> None:
    station = await served.booted()
    served.gate.shut()
    await station.send([2, "one", "StatusNotification", STATUS])
    await wait_all_tasks_blocked()
    await station.send([2, "two", "Heartbeat", {}])
    await station.send([2, "three", "StatusNotification", STATUS])
    await wait_all_tasks_blocked()
    assert served.session().is_handling
    assert (ways.direct[1:], ways.reader) == ([], [])
    served.gate.opened.set()
    assert [(await station.receive())[1] for _ in range(3)] == ["one", "two", "three"]
    assert not served.session().is_handling


async def test_what_came_before_the_end_of_the_data_is_answered(served: Served) -> None:
    station = await served.booted()
    served.gate.shut()
    await station.send([2, "last", "StatusNotification", STATUS])
    await wait_all_tasks_blocked()
    stream = station.websocket._stream
    assert isinstance(stream, trio.SocketStream)
    await stream.send_eof()
    await wait_all_tasks_blocked()
    served.gate.opened.set()
    assert await station.receive() == [3, "last", {}]
    await wait_all_tasks_blocked()
    assert not served.system.central.hub.connected("CP001")


async def test_a_rate_counts_each_message_once(
    mock_clock: MockClock, serve: Serve, ways: Ways
) -> None:
    variables = {"OCPP_MESSAGE_RATE": "10", "OCPP_MESSAGE_BURST": "5"}
    async with serve(**variables) as served:
        station = await served.booted()
        for _ in range(4):
            assert await station.call("StatusNotification", STATUS) == {}
        counts = served.system.central.counts
        assert counts.since(Counts()) == {}
        await station.send([2, "late", "StatusNotification", STATUS])
        await wait_all_tasks_blocked()
        assert counts.since(Counts()) == {"messages_delayed": 1}
        assert len(ways.direct) == 5
        mock_clock.jump(0.11)
        # Time stands still, and would not end to wait for it.
        await wait_all_tasks_blocked()
        assert counts.messages_delayed == 1
        assert ways.reader == ["StatusNotification"]
        assert await station.receive() == [3, "late", {}]
        # Waited for, it is over: the next may come at once.
        mock_clock.jump(1)
        assert await station.call("StatusNotification", STATUS) == {}
        assert len(ways.direct) == 6


async def test_a_message_beyond_the_limit_ends_the_connection(serve: Serve, ways: Ways) -> None:
    async with serve(OCPP_MAX_MESSAGE_SIZE="1024") as served:
        station = await served.booted()
        status = STATUS | {"info": "x" * 50}
        fits = json.dumps([2, "fits", "StatusNotification", status]).encode()
        await send_raw(station, frame(fits.ljust(1024)))
        assert await station.receive() == [3, "fits", {}]
        assert len(ways.direct) == 2
        await send_raw(station, frame(fits.ljust(1025)))
        assert await station.close_code() == 1009


# What the socket does not take


@pytest.mark.parametrize("room", [0, 1, 2, 17])
async def test_an_answer_that_does_not_fit_is_sent_whole_before_anything_else(
    served: Served, monkeypatch: pytest.MonkeyPatch, ways: Ways, room: int
) -> None:
    """No write takes more than `room` bytes, and a ping and a command come at the same time."""
    write = WatchedStream._write

    def narrow(self: WatchedStream, data: bytes | bytearray | memoryview) -> int:
        return write(self, data[:room]) if room else 0

    station = await served.booted()
    session = served.session()
    monkeypatch.setattr(WatchedStream, "_write", narrow)
    for number in range(10):
        served.gate.shut()
        await station.send([2, f"n{number}", "StatusNotification", STATUS])
        await wait_all_tasks_blocked()
        served.gate.opened.set()
        session.start(session._ping)
        session.start(partial(session._transport.send, '"command"'))
        found = [await station.receive() for _ in range(2)]
        assert sorted(map(str, found)) == [f"[3, 'n{number}', {{}}]", "command"]
        await wait_all_tasks_blocked()
        assert not session.is_handling
    assert len(ways.direct) == 11
    await station.websocket.ping(b"still understood")


async def stuck(served: Served) -> tuple[TestStation, Session]:
    """A station that does not read a great message, so that an answer must wait behind it."""
    station = await served.connect(size=4096)
    await station.boot()
    session = served.session()
    station.websocket._reader_running = False
    # Its reader takes one more piece.
    await session._transport.send('"the last that is read"')
    await wait_all_tasks_blocked()
    session.start(partial(send_great, session))
    await wait_all_tasks_blocked()
    await station.send([2, "behind", "StatusNotification", STATUS])
    await wait_all_tasks_blocked()
    assert session.is_handling
    return station, session


async def send_great(session: Session) -> None:
    with suppress(ConnectionEnded):
        await session._transport.send(GREAT)


async def test_an_answer_behind_a_message_that_is_not_read_follows_it(
    served: Served, ways: Ways
) -> None:
    station, session = await stuck(served)
    stream = station.websocket._stream
    expected = json.dumps([3, "behind", {}], separators=(",", ":")).encode()
    data = b""
    while not data.endswith(expected):
        data += await stream.receive_some()
    great = b"\x81\x7f" + len(GREAT).to_bytes(8, "big") + GREAT.encode()
    assert data == great + bytes([0x81, len(expected)]) + expected
    await wait_all_tasks_blocked()
    assert not session.is_handling
    assert ways.direct[-1] == "StatusNotification"


@pytest.mark.parametrize("is_replaced", [True, False])
async def test_a_station_that_does_not_read_its_answer_is_dropped(
    mock_clock: MockClock, serve: Serve, is_replaced: bool
) -> None:
    async with serve(OCPP_SEND_TIMEOUT="10") as served:
        station, session = await stuck(served)
        if is_replaced:
            await served.connect()
            assert served.session() is not session
        for _ in range(9):
            mock_clock.jump(1)
            await wait_all_tasks_blocked()
        assert session.start(trio.lowlevel.checkpoint)
        for _ in range(4):
            mock_clock.jump(1)
            await wait_all_tasks_blocked()
        assert not session.start(trio.lowlevel.checkpoint), "it is over"
        assert served.system.central.hub.connected("CP001") == is_replaced
        assert served.system.central.counts.sends_stuck == 1
        await reset(station)


async def test_nothing_follows_half_a_frame(served: Served) -> None:
    """As a send leaves it that was cut off."""
    station = await served.booted()
    session = served.session()
    served.gate.shut()
    await station.send([2, "never", "StatusNotification", STATUS])
    await wait_all_tasks_blocked()
    session._transport.broken = True
    served.gate.opened.set()
    await wait_all_tasks_blocked()
    session.end(1006, "broken")
    with pytest.raises(ConnectionClosed):
        await station.receive()
    assert await served.is_well()


# Ends


async def test_a_ping_that_crosses_our_close_is_not_answered(serve: Serve) -> None:
    async with serve(OCPP_CLOSE_TIMEOUT="0.1") as served:
        tasks = len(served.nursery.child_tasks)
        station = await served.booted()
        session = served.session()
        session.end(1001, "any")
        # Before anything of the end is sent or read.
        await send_raw(station, frame(b"crossing", 0x89))
        assert await station.close_code() == 1001
        while len(served.nursery.child_tasks) > tasks:  # noqa: ASYNC110 - nobody tells of it
            await trio.sleep(0.01)
        assert served.system.central.counts.since(Counts()) == {}


async def test_an_end_waits_for_the_answer_to_a_message_in_work(served: Served) -> None:
    station = await served.booted()
    served.gate.shut()
    await station.send([2, "start", "StartTransaction", START])
    await wait_all_tasks_blocked()
    served.system.central.hub.end_all(1001, "the server is stopping")
    await station.send([2, "ignored", "StatusNotification", STATUS])
    await wait_all_tasks_blocked()
    assert served.system.central.hub.connected("CP001")
    served.gate.opened.set()
    assert (await station.receive())[:2] == [3, "start"]
    assert await station.close_code() == 1001
    await wait_all_tasks_blocked()
    row = await served.system.central.database.read(charge_points.find, "CP001")
    assert row is not None
    assert row["disconnect_reason"] == "the server is stopping"
    rows = await served.system.central.database.read(connectors.of_charge_point, "CP001")
    assert [each["status"] for each in rows if each["status"] == "Available"] == []


async def test_an_end_waits_also_for_what_the_reader_has_not_begun(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Messages.begin

    def begin_and_end(self: Messages, text: str) -> Any:
        todo = begin(self, text)
        self._session.end(1001, "the server is stopping")
        return todo

    station = await served.booted()
    # The connection has it already.
    session = served.session()
    websocket = session._transport._websocket
    assert websocket._begin is not None
    monkeypatch.setattr(
        websocket,
        "_begin",
        partial(begin_and_end, websocket._begin.__self__),  # type: ignore[attr-defined]
    )
    served.gate.shut()
    await station.send([2, "last", "FirmwareStatusNotification", {"status": "Idle"}])
    await wait_all_tasks_blocked()
    served.gate.opened.set()
    assert await station.receive() == [3, "last", {}]
    assert await station.close_code() == 1001


async def test_a_replaced_connection_gets_its_answer_first(served: Served) -> None:
    older = await served.booted()
    served.gate.shut()
    await older.send([2, "start", "StartTransaction", START])
    await wait_all_tasks_blocked()
    connected: list[TestStation] = []

    async def connect() -> None:
        connected.append(await served.connect())

    served.nursery.start_soon(connect)
    await wait_all_tasks_blocked()
    served.gate.opened.set()
    assert (await older.receive())[:2] == [3, "start"]
    assert await older.close_code() == 1008
    await wait_all_tasks_blocked()
    assert await connected[0].boot()
    assert (await connected[0].call("StartTransaction", START))["transactionId"]


@pytest.mark.parametrize("how", ["reset", "dead", "closed by the station"])
async def test_a_connection_that_ends_with_a_message_in_work(served: Served, how: str) -> None:
    """What was begun is stored all the same; nobody else notices."""
    station = await served.booted()
    session = served.session()
    served.gate.shut()
    await station.send([2, "start", "StartTransaction", START])
    await wait_all_tasks_blocked()
    if how == "reset":
        await reset(station)
    elif how == "dead":
        session._transport.broken = True
        session.end(1006, "the station no longer answers")
    else:
        await send_raw(station, frame(b"\x03\xe8", 0x88))
    await wait_all_tasks_blocked()
    # The number of the socket may be somebody else's by then.
    taken = socket.socketpair()
    served.gate.opened.set()
    await wait_all_tasks_blocked()
    assert not served.system.central.hub.connected("CP001")
    assert not session.start(trio.lowlevel.checkpoint)
    for each in taken:
        each.setblocking(False)
        with pytest.raises(BlockingIOError):
            each.recv(1)
    for each in taken:
        each.close()
    assert await served.is_well()
    station = await served.connect()
    assert (await station.call("StartTransaction", START))["transactionId"] == 1


async def test_a_close_that_fails_leaves_no_session_that_takes_tasks(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    await served.booted()
    session = served.session()
    with monkeypatch.context() as failing:
        failing.setattr(Transport, "close", fail)
        session.end(1001, "any")
        await wait_all_tasks_blocked()
    assert not session.start(trio.lowlevel.checkpoint)
    assert await served.is_well()


@pytest.mark.parametrize(
    "how", ["closed by the station", "closed by us", "reset", "dead", "database failing"]
)
async def test_a_connection_that_ended_leaves_nothing_to_be_collected(
    served: Served, monkeypatch: pytest.MonkeyPatch, expected_errors: list[Any], how: str
) -> None:
    gc.disable()
    try:
        station = await served.booted()
        await station.start()
        await station.call("Heartbeat", {})
        session: Session | None = served.session()
        assert session is not None
        left = [
            weakref.ref(each) for each in (session, session.carrier, session._transport._websocket)
        ]
        if how == "database failing":
            with monkeypatch.context() as failing:
                failing.setattr(driver_of(served.system.central.database), "run_batch", full)
                with pytest.raises(Refused, match="InternalError"):
                    await station.call("StatusNotification", STATUS)
        if how == "closed by us":
            session.end(1001, "any")
        elif how == "dead":
            session._transport.broken = True
            session.end(1006, "any")
        elif how == "reset":
            await reset(station)
        else:
            await station.websocket.aclose()
        del session
        # The writer holds its last batch until the next.
        await served.is_well()
        await wait_all_tasks_blocked()
        assert [ref() for ref in left] == [None, None, None]
    finally:
        gc.enable()


# Faults


def full(*_: object) -> None:
    raise StoreUnavailable("disk full")


async def test_a_failing_database_is_answered_with_an_error(
    served: Served, monkeypatch: pytest.MonkeyPatch, ways: Ways
) -> None:
    station = await served.booted()
    with monkeypatch.context() as failing:
        failing.setattr(driver_of(served.system.central.database), "run_batch", full)
        with pytest.raises(Refused, match="InternalError"):
            await station.start()
        failing.setattr(served.system.central.database._queue, "_is_closed", True)
        with pytest.raises(Refused, match="InternalError"):
            await station.start()
    assert (await station.start())["transactionId"] == 1
    assert ways.direct == ["BootNotification", "StartTransaction", "StartTransaction"]
    assert ways.reader == []


def broken(*_: object) -> Any:
    raise KeyError("a bug")


def refused(*_: object) -> Any:
    raise CallRefused("GenericError", "not today")


UNIT = charge_points.find, "CP001"


@pytest.mark.parametrize(
    ("handler", "code", "is_fault"),
    [
        (Write(broken, broken), "InternalError", True),
        (Write(lambda *_: (broken,), broken), "InternalError", True),
        (Write(lambda *_: UNIT, broken), "InternalError", True),
        (Write(lambda *_: UNIT, lambda *_: {"not JSON": object()}), "InternalError", True),
        (Write(refused, broken), "GenericError", False),
        (Write(lambda *_: UNIT, refused), "GenericError", False),
    ],
    ids=["unit", "in the transaction", "answer", "encoding", "unit refuses", "answer refuses"],
)
async def test_a_broken_handler_costs_one_message_not_the_connection(
    served: Served,
    monkeypatch: pytest.MonkeyPatch,
    expected_errors: list[Any],
    handler: Write,
    code: str,
    is_fault: bool,
) -> None:
    monkeypatch.setitem(handlers.HANDLERS, "StatusNotification", handler)
    station = await served.booted()
    for _ in range(4):
        with pytest.raises(Refused, match=code):
            await station.call("StatusNotification", STATUS)
    assert await station.call("Heartbeat", {})
    assert await station.start()
    await station.send([2, "last", "StatusNotification", STATUS])
    if is_fault:
        assert (await station.receive())[:2] == [4, "last"]
        assert await station.close_code() == 1011
        assert [error["event"] for error in expected_errors] == ["handler failed"] * 5
        assert all(error["exc_info"] for error in expected_errors)
    else:
        assert (await station.receive())[:3] == [4, "last", code]
        assert expected_errors == []
    assert await served.is_well()


async def test_what_cannot_be_answered_ends_its_connection_and_not_the_writer(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, expected_errors: list[Any]
) -> None:
    """As if the system could watch no more sockets."""
    async with serve(OCPP_CLOSE_TIMEOUT="0.1") as served:
        station = await served.booted()
        neighbour = await served.booted("/CP002")
        served.gate.shut()
        for each in (station, neighbour):
            await each.send([2, "1", "StatusNotification", STATUS])
        await wait_all_tasks_blocked()
        release = WatchedStream.release
        failing = [served.session()._transport._stream]

        def fail(self: WatchedStream) -> None:
            if self in failing:
                raise OSError("no space left")
            release(self)

        monkeypatch.setattr(WatchedStream, "release", fail)
        served.gate.opened.set()
        assert await neighbour.receive() == [3, "1", {}]
        assert await station.close_code() == 1011
        assert await neighbour.call("StatusNotification", STATUS) == {}
        assert [error["event"] for error in expected_errors] == ["message not answered"]
