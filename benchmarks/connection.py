"""What the load generator does on a connection, and what its connections share."""

import array
import asyncio
import json
import time
from typing import Any

import picows

from benchmarks.station import Call, Station


class LoadError(Exception):
    """The run is void."""


class Run:
    """What all connections of a run share. Times are seconds of `time.perf_counter`."""

    def __init__(self, connections: int) -> None:
        loop = asyncio.get_running_loop()
        self.unprepared = connections
        self.in_flight = 0
        self.answered = 0
        self.measuring = False
        self.stopping = False
        self.latencies = array.array("d")
        self.prepared: asyncio.Future[None] = loop.create_future()
        self.prepared_at = 0.0
        self.drained: asyncio.Future[None] = loop.create_future()
        self.failed: asyncio.Future[str] = loop.create_future()

    def fail(self, reason: str) -> None:
        """End the run; the first reason counts."""
        if not self.failed.done():
            self.failed.set_result(reason)

    def stop(self) -> None:
        """Let no station send another CALL."""
        self.stopping = True
        self.settle()

    def settle(self) -> None:
        """Notice that the last answer is in."""
        if self.stopping and self.in_flight == 0 and not self.drained.done():
            self.drained.set_result(None)

    async def until(self, event: asyncio.Future[None], seconds: float, what: str) -> None:
        """Wait for the event, at most so long."""
        waiting: list[asyncio.Future[Any]] = [event, self.failed]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        self.check()
        if not event.done():
            raise LoadError(f"{what}: not within {seconds:g} s ({self.in_flight} CALLs unanswered)")

    async def during(self, seconds: float) -> None:
        """Let the load run for exactly so long."""
        await asyncio.wait([self.failed], timeout=seconds)
        self.check()

    def check(self) -> None:
        """Raise what ended the run, if anything did."""
        if self.failed.done():
            raise LoadError(self.failed.result())


class Connection(picows.WSListener):
    """One charge point's connection: sends what the station says, feeds it the answers."""

    def __init__(self, identity: str, station: Station, run: Run) -> None:
        self._identity = identity
        self._station = station
        self._run = run
        self._prepared = False
        self._sent_at = 0.0
        self._call: Call | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._advance(transport, None)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        now = time.perf_counter()
        if frame.msg_type is picows.WSMsgType.CLOSE:
            self._fail(f"closed by the server: {frame.get_close_code()} {frame.get_close_reason()}")
            return
        if frame.msg_type is not picows.WSMsgType.TEXT or not frame.fin:
            self._fail(f"unexpected frame: {frame}")
            return
        answer = frame.get_payload_as_bytes()
        call, run = self._call, self._run
        if call is not None and self._is_answer(call, answer):
            self._call = None
            run.in_flight -= 1
            if call.counted:
                run.answered += 1
                if run.measuring:
                    run.latencies.append(now - self._sent_at)
            if run.stopping:
                run.settle()
            else:
                self._advance(transport, answer)
        else:
            self._refuse(transport, answer)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        if not self._run.drained.done():
            self._fail("disconnected")

    @staticmethod
    def _is_answer(call: Call, message: bytes) -> bool:
        """Whether the message is the CALLRESULT to the CALL; the usual spelling is seen at once."""
        end = 4 + len(call.unique_id)
        if (
            message[:4] == b'[3,"'
            and message[4:end] == call.unique_id
            and message[end : end + 1] == b'"'
        ):
            return True
        return _head(message) == (3, call.unique_id.decode())

    def _refuse(self, transport: picows.WSTransport, message: bytes) -> None:
        """Answer a CALL of the server with a CALLERROR, end the run for anything else."""
        kind, unique_id = _head(message)
        if kind == 2:
            refusal = json.dumps([4, unique_id, "NotImplemented", "", {}])
            transport.send(picows.WSMsgType.TEXT, refusal.encode())
        else:
            sent = "nothing" if self._call is None else self._call.frame.decode()
            self._fail(f"{message.decode(errors='replace')} in answer to {sent}")

    def _advance(self, transport: picows.WSTransport, answer: bytes | None) -> None:
        try:
            call = next(self._station) if answer is None else self._station.send(answer)
        except StopIteration:
            return
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")
            return
        run = self._run
        if call.counted and not self._prepared:
            self._prepared = True
            run.unprepared -= 1
            if run.unprepared == 0:
                run.prepared_at = time.perf_counter()
                run.prepared.set_result(None)
        wait = 0.0 if call.due is None else call.due - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._send, transport, call)
        else:
            self._send(transport, call)

    def _send(self, transport: picows.WSTransport, call: Call) -> None:
        if self._run.stopping or self._run.failed.done():
            return
        self._call = call
        self._run.in_flight += 1
        self._sent_at = time.perf_counter() if call.due is None else call.due
        transport.send(picows.WSMsgType.TEXT, call.frame)

    def _fail(self, reason: str) -> None:
        self._run.fail(f"{self._identity}: {reason}")


def _head(message: bytes) -> tuple[Any, Any]:
    """Message type and id of an OCPP-J frame, (None, None) for anything else."""
    try:
        kind, unique_id = json.loads(message)[:2]
    except (ValueError, TypeError, KeyError):
        return None, None
    return kind, unique_id
