"""Text messages in one frame each (RFC 6455 section 5.2), past wsproto's state machine: nearly all
that stations send and are sent.
"""

from __future__ import annotations

import wsproto
from wsproto.connection import ConnectionState

from ocpp_trio.central.stream import Data


class FrameReader(wsproto.WSConnection):
    """wsproto's protocol machine, and a look past it at what nearly all data consists of."""

    def __init__(self) -> None:
        # No extensions are offered: permessage-deflate would inflate without a bound.
        super().__init__(wsproto.ConnectionType.SERVER)

    def split(self, data: Data, limit: int) -> tuple[list[str], Data]:
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


def _whole_message(data: Data, start: int, limit: int) -> tuple[str, int] | None:
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


def text_frame(text: str) -> bytes:
    """A text message in one frame. The server's frames are not masked (RFC 6455 section 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        head = bytes((0x81, size))
    elif size < 65536:
        head = b"\x81\x7e" + size.to_bytes(2, "big")
    else:
        head = b"\x81\x7f" + size.to_bytes(8, "big")
    return head + payload
