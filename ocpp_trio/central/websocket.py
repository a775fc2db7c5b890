"""trio-websocket's connection, with the bounds it lacks and a short way for what stations send.

Of the server only this module, `text_frames` and `transport` import trio_websocket and wsproto.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import trio
import trio_websocket
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, Request, TextMessage

from ocpp_trio.central.stream import Data, WatchedStream
from ocpp_trio.central.text_frames import FrameReader, text_frame
from ocpp_trio.config import Settings
from ocpp_trio.limits import Counts, Throttle

RECEIVE_BUFFER = 4096
MAX_PARTS = 64
"""Pieces of a message that are kept apart: one that comes byte by byte would be a long list."""

Deliver = Callable[[str], Awaitable[None]]
Begin = Callable[[str], Awaitable[None] | None]
"""Takes a message without a turn of a task, or returns what the reader's task is to await."""


class Connection(WebSocketConnection):
    """trio-websocket's connection, which hands each message over where it is read.

    The library would pass it through a channel to another task: one more switch per message. It
    also has no bound on fragments or on the rate of frames, and its ping() waits for the pong.
    """

    def __init__(self, stream: WatchedStream, settings: Settings, counts: Counts) -> None:
        self._frames = FrameReader()
        super().__init__(
            stream,
            self._frames,
            max_message_size=settings.max_message_size,
            receive_buffer_size=RECEIVE_BUFFER,
        )
        self._watched = stream
        self._max_fragments = settings.max_fragments
        self._fragments = 0
        self._throttle = Throttle(settings.message_rate, settings.message_burst)
        self._counts = counts
        self.is_throttled = False
        self.deliver: Deliver | None = None
        self._begin: Begin | None = None
        self.attached = trio.Event()
        self.reader_ended = trio.Event()

    def attach(self, deliver: Deliver, begin: Begin | None) -> None:
        """From now on messages go to `deliver`, or to `begin` where the reader need not wake; until
        then it waits.
        """
        self.deliver = deliver
        self._watched.take = self._take
        if begin is not None:
            self._begin = begin
            self._watched.begin = self._take_now
        self.attached.set()

    async def read(self) -> None:
        """Read until nothing more can come."""
        try:
            await self._reader_task()
            self.reader_ended.set()
        finally:
            self._break_cycles()

    def _break_cycles(self) -> None:
        """Let go of what refers back here, so that all of it is freed at once: collecting cycles is
        expensive with many connections, and therefore seldom.
        """
        self.deliver = self._begin = None
        self._watched.detach()
        protocol = self._wsproto.connection
        if protocol is not None:
            # A generator of wsproto that refers to its own object.
            protocol._proto._parse_more.close()

    async def get_request(self) -> trio_websocket.WebSocketRequest:
        """Wait for the request to connect, which `read` finds."""
        return await self._get_request()

    async def _handle_request_event(self, event: Request) -> None:
        await super()._handle_request_event(event)
        # Until the answer nothing more is read: it would pile up unparsed. What came with the
        # request is forgotten by wsproto, and the bytes behind it would make no sense.
        await self._open_handshake.wait()
        self._wsproto.receive_data(self._wsproto.handshake._h11_connection.trailing_data[0])

    async def _take(self, data: Data) -> Data:
        """Deliver the messages with which `data` begins; the rest is for wsproto."""
        texts, rest = self._frames.split(data, self._max_message_size)
        await self._deliver_all(texts)
        return rest

    async def _deliver_all(self, texts: Sequence[str]) -> None:
        for text in texts:
            await self._pace()
            assert self.deliver is not None
            await self.deliver(text)

    def _take_now(self, data: Data, now: float) -> Awaitable[Data | None] | None:
        """Begin the message that `data` nearly always is, and nothing else; or return what the
        reader's task is to await.
        """
        texts, rest = self._frames.split(data, self._max_message_size)
        if len(texts) != 1 or rest:
            return self._take_rest(texts, rest)
        wait = self._throttle.take(now)
        if wait > 0:
            return self._take_late(wait, texts[0])
        assert self._begin is not None
        return self._begin(texts[0])

    async def _take_rest(self, texts: Sequence[str], rest: Data) -> Data:
        await self._deliver_all(texts)
        return rest

    async def _take_late(self, wait: float, text: str) -> None:
        await self._throttled(wait)
        assert self.deliver is not None
        await self.deliver(text)

    async def _handle_message_event(self, event: BytesMessage | TextMessage) -> None:
        if not self._reader_running:
            return
        if event.frame_finished:
            await self._pace()
        self._message_size += len(event.data)
        parts = cast("list[str]", self._message_parts)
        parts.append(cast(str, event.data))
        if isinstance(event, BytesMessage):
            await self._give_up(1003, "OCPP-J messages are text")
        elif self._message_size > self._max_message_size:
            self._counts.messages_too_large += 1
            await self._give_up(1009, "the message is too large")
        elif not event.message_finished:
            self._fragments += event.frame_finished
            if self._fragments >= self._max_fragments:
                self._counts.messages_in_too_many_frames += 1
                await self._give_up(1008, "the message has too many frames")
            elif len(parts) > MAX_PARTS:
                parts[:] = ["".join(parts)]
        else:
            text = parts[0] if len(parts) == 1 else "".join(parts)
            self._message_size = 0
            self._message_parts = []
            self._fragments = 0
            if self.deliver is None:
                await self.attached.wait()
                assert self.deliver is not None
            await self.deliver(text)

    async def _handle_ping_event(self, event: Ping) -> None:
        await self._pace()
        # While we close, no pong may follow our close frame (RFC 6455 section 5.5.1).
        if self._wsproto.state is ConnectionState.OPEN:
            await super()._handle_ping_event(event)

    async def _handle_pong_event(self, event: Pong) -> None:
        await self._pace()

    async def _pace(self) -> None:
        """Count a frame. Beyond its rate, read nothing: the rest waits on the peer's own side."""
        wait = self._throttle.take(self._watched.last_received)
        if wait > 0:
            await self._throttled(wait)

    async def _throttled(self, wait: float) -> None:
        self._counts.messages_delayed += 1
        self.is_throttled = True
        await trio.sleep(wait)
        # Its bytes were there all the time: a peer that is made to wait is not silent.
        self._watched.last_received = trio.current_time()

    async def _give_up(self, code: int, reason: str) -> None:
        self._message_parts = []
        self._close_reason = trio_websocket.CloseReason(code, reason)
        self._reader_running = False
        # Not waited for: the peer may never answer.
        self.reader_ended.set()
        await self._send(CloseConnection(code=code, reason=reason))

    async def send_text(self, text: str) -> None:
        """Send a text message as one frame."""
        await self._send_frame(text_frame(text))

    async def flush(self) -> None:
        """Send what `send_now` could not."""
        await self._send_frame(b"")

    async def _send_frame(self, frame: bytes) -> None:
        if self._close_reason is not None:
            raise ConnectionClosed(self._close_reason)
        lock = self._stream_lock
        if lock.locked():
            await lock.acquire()
        else:
            lock.acquire_nowait()
        try:
            await self._stream.send_all(frame)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await self._abort_web_socket()
            raise ConnectionClosed(self._close_reason) from None
        finally:
            lock.release()

    def send_now(self, text: str) -> bool:
        """Send a text message without waiting, or as much of it as goes: then False, and `flush` is
        to be awaited. Only where the stream is direct.
        """
        if self._close_reason is not None:
            raise ConnectionClosed(self._close_reason)
        if self._stream_lock.locked():
            self._watched.queue(text_frame(text))
            return False
        try:
            return self._watched.send_now(text_frame(text))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            # The reader finds the same, and ends the connection.
            raise ConnectionClosed(self._close_reason) from None

    async def send_ping(self, payload: bytes) -> None:
        """Send a ping and wait for nothing: whatever comes back shows that the peer lives."""
        await self._send(Ping(payload=payload))
