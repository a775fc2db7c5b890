"""The process that writes a server's SQLite database: batches in, outcomes out.

In a process of its own the writer has a Python lock of its own: statements and flushes run beside
the server's work instead of in turns with it. It ends when the server does, whatever ended it: then
the socket ends. Signals to all of a terminal's or a service's processes are the server's to obey.
"""

from __future__ import annotations

import gc
import signal
import socket
import sys
from pathlib import Path

from ocpp_trio.errors import StoreError, StoreLost, StoreUnavailable
from ocpp_trio.store.batch_messages import HEAD, answer, failure, jobs_of
from ocpp_trio.store.sqlite import SqliteDriver


def serve(sock: socket.socket, path: Path, busy_timeout: float) -> None:
    """Open the database, say so, and run what comes until the socket ends."""
    try:
        driver = SqliteDriver(path, busy_timeout=busy_timeout)
    except Exception as error:
        sock.sendall(failure(StoreError(f"cannot open {path}: {error}")))
        return
    try:
        sock.sendall(answer([]))
        while (body := _receive(sock)) is not None:
            sock.sendall(_run(driver, body))
    except ConnectionError:
        # The server is gone. What it was not told is stored all the same, and harms nobody.
        return
    finally:
        driver.close()


def _run(driver: SqliteDriver, body: bytes) -> bytes:
    """Run one batch, or look after the file if it is empty."""
    try:
        jobs = jobs_of(body)
        if jobs:
            driver.run_batch(jobs)
        else:
            driver.check()
    except (StoreUnavailable, StoreLost) as error:
        return failure(error)
    except Exception as error:
        return failure(StoreLost(f"the writer failed: {error!r}"))
    return answer(jobs)


def _receive(sock: socket.socket) -> bytes | None:
    head = sock.recv(HEAD, socket.MSG_WAITALL)
    if len(head) < HEAD:
        return None
    size = int.from_bytes(head, "big")
    body = sock.recv(size, socket.MSG_WAITALL)
    return body if len(body) == size else None


def main() -> None:
    """`python -m ocpp_trio.store.writer_process <descriptor> <path> <seconds>`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # What a batch leaves has no cycles.
    gc.freeze()
    gc.set_threshold(50_000)
    descriptor, path, busy_timeout = sys.argv[1:]
    with socket.socket(fileno=int(descriptor)) as sock:
        serve(sock, Path(path), float(busy_timeout))


if __name__ == "__main__":
    main()
