"""HTTP requests of the benchmarks, on one connection that is kept open."""

import asyncio
import contextlib
import time

STATUS = "/api/status"
REQUESTS = 500
"""On one connection: servers end one that has seen very many."""
INTERVAL = 0.1
"""Seconds between two questions of a watch."""


class ApiError(OSError):
    """An answer that is none of the 2xx."""


class ApiClient:
    """One kept connection to the HTTP API at 127.0.0.1:`port`."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> "ApiClient":
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._requests = 0

    async def _close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[float, bytes]:
        """Milliseconds until the whole answer was there, and its body. Raises ApiError."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        if self._requests == REQUESTS:
            await self._close()
            await self._open()
        self._requests += 1
        started = time.perf_counter()
        self._writer.write(head.encode() + body)
        status, *headers = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in headers if line)
        if fields.get("transfer-encoding") == "chunked":
            answer = await self._chunks()
        else:
            answer = await self._reader.readexactly(int(fields.get("content-length", 0)))
        took = (time.perf_counter() - started) * 1000
        if status.split()[1][0] != "2":
            raise ApiError(f"{method} {path}: {status}: {answer[:300]!r}")
        return took, answer

    async def _chunks(self) -> bytes:
        parts = []
        while size := int(await self._reader.readline(), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readline()
        await self._reader.readline()
        return b"".join(parts)


class ApiWatch:
    """Asks for the status again and again. A question is due every INTERVAL, whatever became of the
    one before, and its time counts from then.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._took: list[float] = []

    async def start(self) -> None:
        """Begin to ask; until `stop`."""
        self._task = asyncio.create_task(self._ask())

    async def stop(self) -> list[float]:
        """The milliseconds each question took, ascending. Raises what went wrong."""
        if not self._task.done():
            self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        return sorted(self._took)

    async def _ask(self) -> None:
        async with ApiClient(self._port) as client:
            due = time.perf_counter()
            while True:
                await client.request("GET", STATUS)
                self._took.append((time.perf_counter() - due) * 1000)
                due += INTERVAL
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
