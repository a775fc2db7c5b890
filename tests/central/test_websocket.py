"""What is read at a glance is read as wsproto would read it."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TypeVar

import pytest
import wsproto
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, CloseConnection, Event, Request, TextMessage

from ocpp_trio.central.text_frames import FrameReader

HANDSHAKE = (
    b"GET /CP001 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
LIMIT = 100_000
Reader = TypeVar("Reader", bound=wsproto.WSConnection)
MASK = b"\x11\x22\x33\x44"


def masked(data: bytes, mask: bytes = MASK) -> bytes:
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))


def frame(payload: bytes, head: int = 0x81, *, mask: bytes | None = MASK, wide: int = 0) -> bytes:
    """A frame; `wide` spells its length with more bytes than it needs: 2 or 8."""
    bit = 0 if mask is None else 0x80
    size = len(payload)
    if wide == 8 or size > 65535:
        length = bytes([bit | 127]) + struct.pack("!Q", size)
    elif wide == 2 or size > 125:
        length = bytes([bit | 126]) + struct.pack("!H", size)
    else:
        length = bytes([bit | size])
    body = payload if mask is None else mask + masked(payload, mask)
    return bytes([head]) + length + body


def opened(reader: Reader) -> Reader:
    """A connection after its handshake."""
    reader.receive_data(HANDSHAKE)
    assert isinstance(next(iter(reader.events())), Request)
    reader.send(AcceptConnection())
    return reader


Outcome = tuple[list[tuple[type[Event], object]], str, ConnectionState]


def outcome(reader: wsproto.WSConnection, pieces: list[bytes]) -> Outcome:
    """All that a connection makes of what comes in, the parts of one message put together."""
    seen: list[tuple[type[Event], object]] = []
    text = ""
    try:
        for piece in pieces:
            rest: bytes | bytearray = piece
            if isinstance(reader, FrameReader):
                whole, rest = reader.split(piece, LIMIT)
                seen += [(TextMessage, each) for each in whole]
                if not rest:
                    continue
            reader.receive_data(bytes(rest))
            for event in reader.events():
                if isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        seen.append((TextMessage, text))
                        text = ""
                elif isinstance(event, CloseConnection):
                    seen.append((CloseConnection, (event.code, event.reason)))
                else:
                    seen.append((type(event), getattr(event, "data", None)))
    except wsproto.utilities.ProtocolError as error:
        seen.append((CloseConnection, str(error)))
    return seen, text, reader.state


texts = st.text(max_size=200).map(str.encode)
frames = st.one_of(
    texts.map(frame),
    st.binary(max_size=8).map(frame),
    st.builds(
        frame,
        texts | st.just(b"x" * 70_000),
        st.sampled_from([0x81, 0x01, 0x80, 0x00, 0x82, 0x89, 0x8A, 0x88, 0xC1, 0x83]),
        mask=st.none() | st.binary(min_size=4, max_size=4),
        wide=st.sampled_from([0, 2, 8]),
    ),
)


@given(st.lists(frames, max_size=6), st.data())
def test_every_stream_of_frames_means_what_wsproto_says(
    parts: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(parts)
    places = st.lists(st.integers(0, len(stream)), max_size=6) | st.just(range(len(parts) and 40))
    cuts = sorted({0, *(cut for cut in data.draw(places) if cut < len(stream)), len(stream)})
    pieces = [stream[start:end] for start, end in pairwise(cuts)]

    plain = opened(wsproto.WSConnection(wsproto.ConnectionType.SERVER))
    assert outcome(opened(FrameReader()), pieces) == outcome(plain, pieces)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535])
def test_a_message_of_any_usual_size_is_read_at_a_glance(size: int) -> None:
    reader = opened(FrameReader())

    texts, rest = reader.split(frame(b"a" * size) + frame(b"next"), LIMIT)

    assert (texts, rest) == (["a" * size, "next"], b"")


def test_a_message_beyond_the_limit_is_left_to_be_counted() -> None:
    reader = opened(FrameReader())
    stream = frame(b"fits") + frame(b"a" * 11)

    assert reader.split(stream, 10) == (["fits"], stream[-17:])


def test_messages_before_a_cut_off_frame_come_before_it() -> None:
    reader = opened(FrameReader())
    stream = frame(b"one") + frame(b"two") + frame(b"three")

    texts, rest = reader.split(stream[:-2], LIMIT)
    assert texts == ["one", "two"]

    reader.receive_data(bytes(rest))
    assert [each.data for each in reader.events() if isinstance(each, TextMessage)] == ["thr"]
    # Between two messages only wsproto knows what comes next.
    stream = stream[-2:] + frame(b"four")
    assert reader.split(stream, LIMIT) == ([], stream)
