"""The server's side of its writer process (see writer_process)."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
import trio

import ocpp_trio
from ocpp_trio.errors import StoreError, StoreLost
from ocpp_trio.store.batch import Job
from ocpp_trio.store.batch_messages import HEAD, request, settle

log = structlog.get_logger(source="store")

PIECE = 256 * 1024


class WriterClient:
    """Runs batches in the writer process. See batch.Writer."""

    overlaps = True

    def __init__(self, stream: trio.SocketStream, process: trio.Process) -> None:
        self._stream = stream
        self._process = process

    async def run_batch(self, jobs: Sequence[Job]) -> None:
        """See Driver. Raises StoreLost if the process is gone."""
        message, sent = request(jobs)
        if sent:
            await self._send(message)
            settle(await self._receive(), sent)

    async def check(self) -> None:
        """See Driver. Raises StoreLost if the process is gone."""
        await self._send(request([])[0])
        settle(await self._receive(), [])

    async def opened(self) -> None:
        """Wait until the database is open. Raises StoreError."""
        settle(await self._receive(), [])

    async def _send(self, message: bytes) -> None:
        try:
            await self._stream.send_all(message)
        except trio.BrokenResourceError:
            raise await self._gone() from None

    async def _receive(self) -> bytes:
        received = bytearray()
        size = HEAD
        while len(received) < size:
            try:
                piece = await self._stream.receive_some(PIECE)
            except trio.BrokenResourceError:
                piece = b""
            if not piece:
                raise await self._gone()
            received += piece
            if size == HEAD and len(received) >= HEAD:
                size += int.from_bytes(received[:HEAD], "big")
        return bytes(memoryview(received)[HEAD:])

    async def _gone(self) -> StoreLost:
        with trio.move_on_after(1):
            await self._process.wait()
        code = self._process.returncode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else "ended"
        return StoreLost(f"the writer process {how}: nobody knows what it has stored")


@asynccontextmanager
async def writer_process(
    path: Path, busy_timeout: float, lock: int, close_timeout: float
) -> AsyncIterator[WriterClient]:
    """A writer process for the database `path`, until the block is left. It inherits the descriptor
    `lock`, and with it the lock: what it still has in hand when this process is gone is finished
    before another server begins. `close_timeout` (seconds): so long its end is waited for.

    Raises StoreError if it cannot open the database.
    """
    ours, theirs = socket.socketpair()
    # Wherever this program was found, and not what lies in the working directory.
    folder = str(Path(ocpp_trio.__file__).parents[1])
    inherited = os.environ.get("PYTHONPATH")
    environment = os.environ | {
        "PYTHONPATH": folder if not inherited else os.pathsep.join((folder, inherited))
    }
    arguments = (str(theirs.fileno()), str(path), str(busy_timeout))
    try:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-P", "-m", "ocpp_trio.store.writer_process", *arguments],
            pass_fds=(theirs.fileno(), lock),
            env=environment,
        )
    except OSError as error:
        ours.close()
        raise StoreError(
            f"cannot start the process that writes {path}: {error}"
            " (OCPP_DB_WRITER=thread does without it)"
        ) from error
    finally:
        theirs.close()
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
    writer = WriterClient(stream, process)
    try:
        await writer.opened()
        yield writer
    finally:
        with trio.CancelScope(shield=True):
            await stream.aclose()
            with trio.move_on_after(close_timeout) as waiting:
                await process.wait()
        if waiting.cancelled_caught:
            log.warning("the writer process has not ended yet", seconds=close_timeout)
