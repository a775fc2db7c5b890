"""trio-websocket's connection, with the bounds it lacks and a short way for what stations send.

Of the server only this module and `transport` import trio_websocket and wsproto.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import trio
import trio_websocket
import wsproto
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, Request, TextMessage

from ocpp_trio.central.stream import WatchedStream
from ocpp_trio.config import Settings
from ocpp_trio.limits import Counts, Throttle

RECEIVE_BUFFER = 4096
MAX_PARTS = 64
"""Pieces of a message that are kept apart: one that comes byte by byte would be a long list."""

Deliver = Callable[[str], Awaitable[None]]


class FrameReader(wsproto.WSConnection):
    """wsproto's protocol machine, and a look past it at what nearly all data consists of."""

    def __init__(self) -> None:
        # No extensions are offered: permessage-deflate would inflate without a bound.
        super().__init__(wsproto.ConnectionType.SERVER)

    def split(self, data: bytes | bytearray, limit: int) -> tuple[list[str], bytes | bytearray]:
        """The text messages of up to `limit` bytes, each in one masked frame that came whole, with
        which `data` begins; and the rest, which is to be received as ever.
        """
        texts: list[str] = []
        start = 0
        if self._is_between_messages():
            while (message := _whole_message(data, start, limit)) is not None:
                text, start = message
                texts.append(text)
        return texts, data[start:] if start else data

    def _is_between_messages(self) -> bool:
        connection = self.connection
        if connection is None or connection.state is not ConnectionState.OPEN:
            return False
        protocol = connection._proto
        decoder = protocol._frame_decoder
        return (
            not decoder.buffer
            and decoder.header is None
            and protocol._message_decoder.opcode is None
        )


def _whole_message(data: bytes | bytearray, start: int, limit: int) -> tuple[str, int] | None:
    """The text message whose only frame lies at `start`, and where it ends. None if there is none
    of up to `limit` bytes, or if wsproto must look at it (RFC 6455 section 5.2).
    """
    # FIN and the opcode of text, no reserved bit; the frame is masked.
    if data[start : start + 1] != b"\x81" or len(data) < start + 6:
        return None
    size = data[start + 1] - 0x80
    body = start + 6
    if size == 126:
        size = int.from_bytes(data[start + 2 : start + 4], "big")
        body += 2
        if size < 126:
            return None
    elif not 0 <= size < 126:
        return None
    end = body + size
    if end > len(data) or size > limit:
        return None
    # One operation on two numbers as long as the payload.
    mask = data[body - 4 : body] * (size // 4 + 1)
    payload = int.from_bytes(data[body:end], "little") ^ int.from_bytes(mask[:size], "little")
    try:
        return payload.to_bytes(size, "little").decode(), end
    except UnicodeDecodeError:
        return None


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
        self.attached = trio.Event()
        self.reader_ended = trio.Event()

    def attach(self, deliver: Deliver) -> None:
        """From now on messages go to `deliver`; until then the reader waits."""
        self.deliver = deliver
        self._watched.take = self._take
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
        self.deliver = None
        self._watched.take = None
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

    async def _take(self, data: bytes | bytearray) -> bytes | bytearray:
        """Deliver the messages with which `data` begins; the rest is for wsproto."""
        texts, rest = self._frames.split(data, self._max_message_size)
        for text in texts:
            await self._pace()
            assert self.deliver is not None
            await self.deliver(text)
        return rest

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
        await super()._handle_ping_event(event)

    async def _handle_pong_event(self, event: Pong) -> None:
        await self._pace()

    async def _pace(self) -> None:
        """Count a frame. Beyond its rate, read nothing: the rest waits on the peer's own side."""
        wait = self._throttle.take(self._watched.last_received)
        if wait > 0:
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
        """Send a text message as one frame. The server's frames are not masked (RFC 6455 5.2)."""
        if self._close_reason is not None:
            raise ConnectionClosed(self._close_reason)
        payload = text.encode()
        size = len(payload)
        if size < 126:
            head = bytes((0x81, size))
        elif size < 65536:
            head = b"\x81\x7e" + size.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + size.to_bytes(8, "big")
        lock = self._stream_lock
        if lock.locked():
            await lock.acquire()
        else:
            lock.acquire_nowait()
        try:
            await self._stream.send_all(head + payload)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await self._abort_web_socket()
            raise ConnectionClosed(self._close_reason) from None
        finally:
            lock.release()

    async def send_ping(self, payload: bytes) -> None:
        """Send a ping and wait for nothing: whatever comes back shows that the peer lives."""
        await self._send(Ping(payload=payload))
