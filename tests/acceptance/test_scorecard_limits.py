"""Peers that take too much, too slowly or too often: rows of the scorecard, against a live server.

Time limits are shortened; after each row the server is as well as before.
"""

from __future__ import annotations

import json
import resource
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trio
from websockets.exceptions import ConnectionClosed

from tests.acceptance import scorecard
from tests.acceptance.honest import Honest, Watch
from tests.acceptance.raw import call, frame, is_open, opened, request, rest, upgrade
from tests.acceptance.scorecard import check_well, new_name
from tests.support.server import SERVE, Server, running
from tests.support.sync_station import connected, whole_session
from tests.support.waiting import until

pytestmark = pytest.mark.slow

STALL = 5.0
"""Seconds within which an honest neighbour is answered on a machine that does other things too."""

SHORT = {
    "OCPP_WAITING_GRACE": "0",
    "OCPP_HANDSHAKE_TIMEOUT": "2",
    "OCPP_HEADER_TIMEOUT": "1",
    "OCPP_BODY_TIMEOUT": "1",
    "OCPP_SEND_TIMEOUT": "1",
    "OCPP_PING_INTERVAL": "1",
    "OCPP_PING_TIMEOUT": "1",
    "OCPP_MESSAGE_RATE": "400",
    "OCPP_MESSAGE_BURST": "400",
    "OCPP_LIMITS_INTERVAL": "0.2",
}


@pytest.fixture(scope="module")
def scored_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, int]]:
    """One server for all rows, and how many file descriptors it has open."""
    with scorecard.scored(tmp_path_factory.mktemp("limits"), **SHORT) as scored:
        yield scored


def counts(server: Server) -> dict[str, int]:
    """How often each limit was reached."""
    found: dict[str, int] = server.get("/api/status")["limits"]
    return found


def rss(server: Server) -> int:
    """Its memory in bytes."""
    assert server.process is not None
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def neighbours_work(server: Server, number: int, sessions: int) -> None:
    """So many honest stations hold so many sessions each; none fails, none waits long."""
    watch = Watch()

    async def pause() -> None:
        await trio.sleep(0.1)

    async def work(station: Honest) -> None:
        for _ in range(sessions):
            await station.connect()
            await station.session(pause)
            await station.close()

    async def all_of_them() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(number):
                nursery.start_soon(work, Honest(server.websocket_port, new_name(), watch))

    trio.run(all_of_them)
    assert watch.sessions == number * sessions
    assert watch.percentile(0.99) < STALL


def test_s05_a_station_of_another_protocol_is_refused_before_the_upgrade(
    well_server: Server,
) -> None:
    for protocol in ("ocpp2.0.1", "ocpp1.5", None):
        name = new_name()
        with opened(well_server.websocket_port, upgrade(name, protocol=protocol)) as sock:
            answer = rest(sock)
        assert answer.startswith(b"HTTP/1.1 400 "), protocol
        assert answer.endswith(b"\r\n\r\n")
        assert b"upgrade" not in answer.lower()
        assert well_server.request("GET", f"/api/charge-points/{name}").status == 404


def test_s09_a_message_too_large_ends_its_connection(well_server: Server) -> None:
    before = counts(well_server)["messagesTooLarge"]
    with connected(well_server.url, new_name()) as neighbour:
        neighbour.boot()
        with connected(well_server.url, new_name()) as station:
            station.boot()
            with suppress(ConnectionClosed):
                # The server may close before it has all of it.
                station.websocket.send("x" * 1_150_000)
            with pytest.raises(ConnectionClosed):
                station.websocket.recv(timeout=5)
            assert station.websocket.close_code == 1009
        assert neighbour.call("Heartbeat", {})[0] == 3
    assert counts(well_server)["messagesTooLarge"] == before + 1


def test_s09_a_size_that_is_only_announced_takes_no_memory(well_server: Server) -> None:
    before = rss(well_server)
    with ExitStack() as stack:
        for _ in range(20):
            sock = stack.enter_context(
                opened(well_server.websocket_port, upgrade(new_name()) + frame(b"", length=2**62))
            )
            assert b" 101 " in sock.recv(4096)
            assert sock.send(b"x" * 1000) == 1000
        assert rss(well_server) - before < 20 * 2**20


def test_t14_frames_without_end_end_their_connection(well_server: Server) -> None:
    before = counts(well_server)["messagesInTooManyFrames"]
    flood = frame(b"", 0x01) + frame(b"", 0x00) * 200_000
    with opened(well_server.websocket_port, upgrade(new_name())) as sock:
        assert b" 101 " in sock.recv(4096)
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(_send_until_closed, sock, flood)
            closing_frame = b"\x88" + bytes((2 + len("the message has too many frames"),))
            assert closing_frame + struct.pack("!H", 1008) in rest(sock)
            sending.result(10)
    assert counts(well_server)["messagesInTooManyFrames"] == before + 1


def _send_until_closed(sock: socket.socket, data: bytes) -> None:
    try:
        sock.sendall(data)
    except OSError:
        return


def _trickle(port: int, data: bytes) -> tuple[float, bytes]:
    """Send a byte every 50 ms; after how many seconds the other side closed, and what it said."""
    began = time.monotonic()
    received = b""
    with opened(port) as sock:
        sock.settimeout(0.05)
        for byte in data * 100:
            try:
                sock.send(bytes([byte]))
                piece = sock.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                break
            received += piece
            if not piece:
                break
    return time.monotonic() - began, received


def test_s14_one_byte_at_a_time_is_too_slow(well_server: Server) -> None:
    before = counts(well_server)
    body = request(
        "POST", "/api/authorizations", "Content-Type: application/json", "Content-Length: 9999"
    )
    port, api = well_server.websocket_port, well_server.api_port
    with ThreadPoolExecutor(4) as pool:
        handshake = pool.submit(
            _trickle, port, upgrade(new_name()).replace(b"\r\n\r\n", b"\r\nX: ")
        )
        header = pool.submit(_trickle, api, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")

        def slow_body() -> bytes:
            with opened(api, body) as sock:
                sock.settimeout(0.05)
                received = b""
                for _ in range(200):
                    try:
                        sock.send(b" ")
                        received += sock.recv(4096)
                    except TimeoutError:
                        continue
                    except OSError:
                        break
                    if received:
                        break
                return received

        slow = pool.submit(slow_body)
        with connected(well_server.url, new_name()) as neighbour:
            assert neighbour.boot()["status"] == "Accepted"
        # The bytes that come in between win no time.
        assert handshake.result(30)[0] < 2 + STALL
        assert header.result(30)[0] < 1 + STALL
        assert slow.result(30).startswith(b"HTTP/1.1 408 ")
    after = counts(well_server)
    assert after["handshakesTimedOut"] == before["handshakesTimedOut"] + 1
    assert after["bodiesTooSlow"] == before["bodiesTooSlow"] + 1


def test_s15_idle_connections_by_the_thousand_harm_nobody(well_server: Server) -> None:
    before = counts(well_server)
    _need_open_files(4000)
    with ExitStack() as stack:
        # Less than 256 of each address: none is dropped for another.
        idle = [
            stack.enter_context(
                opened(well_server.websocket_port, source=f"127.0.1.{1 + number // 250}")
            )
            for number in range(2000)
        ]
        neighbours_work(well_server, 50, 2)
        for sock in idle:
            assert rest(sock) == b""
    after = counts(well_server)
    assert after["handshakesTimedOut"] == before["handshakesTimedOut"] + 2000
    assert after["handshakesDropped"] == before["handshakesDropped"]


def _need_open_files(number: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def test_t16_past_256_of_one_address_its_oldest_go_and_the_newest_comes_in(
    well_server: Server,
) -> None:
    before = counts(well_server)
    _need_open_files(2000)
    with ExitStack() as stack:
        # Of the same address as the honest station, on both ports.
        halves = [
            stack.enter_context(opened(well_server.websocket_port, upgrade("HALF")[:70]))
            for _ in range(300)
        ]
        requests = [
            stack.enter_context(opened(well_server.api_port, b"GET /healthz HTTP/1.1\r\nX: "))
            for _ in range(300)
        ]
        whole_session(well_server.url, new_name(), "TAG")
        assert well_server.request("GET", "/healthz").status == 200
        assert [rest(sock) for sock in (*halves[:44], *requests[:44])] == [b""] * 88
    after = counts(well_server)
    assert after["handshakesDropped"] >= before["handshakesDropped"] + 44
    assert after["httpConnectionsDropped"] >= before["httpConnectionsDropped"] + 44


def test_s36_a_silent_station_keeps_nobody_elses_commands(well_server: Server) -> None:
    silent, other = new_name(), new_name()

    def command(name: str, timeout: str = "0.2") -> Any:
        path = f"/api/commands/clear-cache?timeout={timeout}"
        return well_server.request("POST", path, {"chargePointId": name})

    before = counts(well_server)["commandsRefused"]
    with (
        connected(well_server.url, silent) as station,
        connected(well_server.url, other) as neighbour,
        ThreadPoolExecutor(24) as pool,
    ):
        station.boot()
        neighbour.boot()
        answers = [pool.submit(command, silent) for _ in range(20)]
        asked = pool.submit(command, other, "10")
        _, number, action, _ = json.loads(neighbour.websocket.recv(timeout=5))
        neighbour.websocket.send(json.dumps([3, number, {"status": "Accepted"}]))
        assert action == "ClearCache"
        assert asked.result(10).status == 200
        results = [each.result(30) for each in answers]
    statuses = sorted(result.status for result in results)
    assert statuses == [429] * statuses.count(429) + [504] * statuses.count(504)
    # One under way and sixteen that wait.
    assert statuses.count(504) == 17
    timed_out = [result.body for result in results if result.status == 504]
    assert {body["outcome"] for body in timed_out} <= {"unknown"}
    assert counts(well_server)["commandsRefused"] == before + 3


def test_s38_who_leaves_and_asks_again_gets_the_outcome_of_the_first(well_server: Server) -> None:
    name = new_name()
    body = json.dumps({"chargePointId": name}).encode()
    headers = {"Idempotency-Key": f"key-of-{name}"}
    head = (
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Idempotency-Key: key-of-{name}",
    )
    with connected(well_server.url, name) as station, ThreadPoolExecutor(1) as pool:
        station.boot()
        path = "/api/commands/clear-cache"
        with opened(well_server.api_port, request("POST", path, *head, body=body)):
            _, number, action, _ = json.loads(station.websocket.recv(timeout=5))
        assert action == "ClearCache"
        again = pool.submit(well_server.request, "POST", path, json.loads(body), headers)
        station.websocket.send(json.dumps([3, number, {"status": "Rejected"}]))
        answer = again.result(10)
        # Nothing else was sent to it.
        assert station.call("Heartbeat", {})[0] == 3
    (command,) = well_server.get(f"/api/commands?chargePointId={name}")
    assert (answer.status, answer.body["commandId"]) == (200, command["id"])
    assert (command["action"], command["state"]) == ("ClearCache", "refused")


def test_s39_a_link_that_froze_is_found_and_the_station_may_come_back_at_once(
    well_server: Server,
) -> None:
    name = new_name()

    def shown() -> Any:
        return well_server.get(f"/api/charge-points/{name}")

    with opened(well_server.websocket_port, upgrade(name)) as frozen:
        assert b" 101 " in frozen.recv(4096)
        assert shown()["isConnected"]
        # It answers no ping from here on, and says no goodbye.
        until(lambda: shown()["disconnectReason"] == "the station no longer answers")
        assert not shown()["isConnected"]
    with opened(well_server.websocket_port, upgrade(name)) as frozen:
        assert b" 101 " in frozen.recv(4096)
        # Back before anybody knew.
        with connected(well_server.url, name) as station:
            assert station.boot()["status"] == "Accepted"
            assert shown()["isConnected"]


@pytest.fixture
def unhurried(tmp_path: Path) -> Iterator[Server]:
    """A server with the default time limits."""
    with scorecard.scored(tmp_path) as (server, baseline):
        yield server
        check_well(server, baseline)


@pytest.mark.slow
def test_s40_two_thousand_stations_come_back_at_once(unhurried: Server) -> None:
    _need_open_files(4000)
    watch = Watch()
    names = [new_name() for _ in range(2000)]
    stations = [Honest(unhurried.websocket_port, name, watch) for name in names]
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}

    async def come_back(station: Honest) -> None:
        while True:
            try:
                await station.connect()
                break
            except ConnectionError:
                # Taken for a half handshake: this client is slow with so many.
                await trio.sleep(1)
        await station.call("Heartbeat", {})

    async def all_together() -> None:
        for station in stations:
            await station.connect()
            await station.call("BootNotification", boot)
        for station in stations:
            await station.close()
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for station in stations:
                    nursery.start_soon(come_back, station)
        for station in stations:
            await station.close()

    # Refused, that is told to come later or not at all, is none.
    trio.run(all_together)
    assert len(watch.connects) == 4000
    until(lambda: unhurried.get("/api/status")["chargePointsConnected"] == 0)


def test_s46_a_station_that_floods_waits_itself(well_server: Server) -> None:
    before = counts(well_server)["messagesDelayed"]
    answered: list[str] = []

    def flood() -> None:
        with opened(well_server.websocket_port, upgrade(new_name()), limit=60) as sock:
            assert b" 101 " in sock.recv(4096)
            boot = {"chargePointVendor": "V", "chargePointModel": "M"}
            sock.sendall(call("BootNotification", boot, "boot"))
            numbers = count(1)
            burst = b"".join(call("Heartbeat", {}, f"m{next(numbers)}") for _ in range(3000))
            with ThreadPoolExecutor(1) as pool:
                sending = pool.submit(sock.sendall, burst)
                buffer = b""
                while len(answered) < 3001:
                    buffer += sock.recv(65536)
                    while len(buffer) >= 2 and len(buffer) >= 2 + buffer[1]:
                        if buffer[0] == 0x81:
                            answered.append(json.loads(buffer[2 : 2 + buffer[1]])[1])
                        buffer = buffer[2 + buffer[1] :]
                sending.result(10)

    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(flood)
        memory = rss(well_server)
        neighbours_work(well_server, 20, 3)
        flooding.result(60)
    # All of it, in order: nothing was dropped.
    assert answered == ["boot", *(f"m{number}" for number in range(1, 3001))]
    assert counts(well_server)["messagesDelayed"] >= before + 1000
    assert rss(well_server) - memory < 30 * 2**20


def test_f22_who_reads_no_answer_is_cut_off_on_both_ports(well_server: Server) -> None:
    before = counts(well_server)
    deaf = []
    for port, data in (
        (well_server.api_port, request("GET", "/docs") * 2000),
        (
            well_server.websocket_port,
            upgrade(new_name()) + call("Heartbeat", {}, "x" * 36) * 100_000,
        ),
    ):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", port))
        deaf.append(sock)
        sock.settimeout(30)
        with ThreadPoolExecutor(1) as pool:
            # It takes no more once its answers are stuck, and closes in time.
            pool.submit(_send_until_closed, sock, data).result(40)
    after = counts(well_server)
    assert after["httpSendsStuck"] == before["httpSendsStuck"] + 1
    assert after["sendsStuck"] == before["sendsStuck"] + 1
    for sock in deaf:
        sock.close()


def test_what_was_reached_is_told_in_the_log(well_server: Server) -> None:
    with opened(well_server.websocket_port, b"\x00\xff" * 100) as sock:
        rest(sock)
    until(lambda: "connections_broken" in well_server.log())


def test_t17_at_the_cap_the_newest_are_told_to_come_later(tmp_path: Path) -> None:
    variables = {"OCPP_MAX_CONNECTIONS": "3", "OCPP_MAX_HTTP_CONNECTIONS": "4"}
    with running(tmp_path, **variables) as server, ExitStack() as stack:
        assert server.request("POST", "/api/authorizations", {"idTag": "TAG"}).status == 201
        stations = [stack.enter_context(connected(server.url, f"CP{n}")) for n in range(3)]
        for station in stations:
            station.boot()
        with opened(server.websocket_port, upgrade("CP4")) as sock:
            answer = rest(sock)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 30" in answer
        assert [station.call("Heartbeat", {})[0] for station in stations] == [3] * 3
        assert "OCPP_MAX_CONNECTIONS" in server.log()
        # The API: idle connections make room, those at work do not.
        idle = [stack.enter_context(opened(server.api_port)) for _ in range(4)]
        assert server.request("GET", "/healthz").status == 200
        assert sum(not is_open(sock) for sock in idle) >= 1
        head = ("Content-Type: application/json", "Content-Length: 9", "Expect: 100-continue")
        sent = request("POST", "/api/authorizations", *head)
        busy = []
        for _ in range(4):
            busy.append(stack.enter_context(opened(server.api_port, sent)))
            assert busy[-1].recv(12) == b"HTTP/1.1 100"
        with opened(server.api_port, request("GET", "/healthz")) as sock:
            assert rest(sock).startswith(b"HTTP/1.1 503 ")


def _without_files(server: Server, spare: int) -> tuple[int, int]:
    """Leave a running server so many descriptors; its limits before."""
    assert server.process is not None
    pid = server.process.pid
    used = max(int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()) + 1
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + spare, before[1]))
    return before


def test_t17_without_a_file_left_who_is_connected_stays_and_the_rest_waits(tmp_path: Path) -> None:
    with running(tmp_path, **SHORT) as server, ExitStack() as stack:
        assert server.request("POST", "/api/authorizations", {"idTag": "TAG"}).status == 201
        station = stack.enter_context(connected(server.url, "CP1"))
        station.boot()
        assert server.process is not None
        before = _without_files(server, 3)
        for port in (server.websocket_port, server.api_port):
            for _ in range(20):
                stack.enter_context(closing(opened(port)))
        for _ in range(20):
            assert station.call("Heartbeat", {})[0] == 3
            time.sleep(0.02)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)
        # By itself, and what waited in the kernel is not lost.
        whole_session(server.url, "CP2", "TAG")
        assert counts(server)["acceptsFailed"] > 0
        assert server.log().count("no connection can be accepted") == 1
        assert server.errors() == []
        assert server.stop() == 0


def test_t17_a_low_limit_of_open_files_is_told_and_kept(tmp_path: Path) -> None:
    server = Server(tmp_path)
    limited = ("sh", "-c", 'ulimit -n 200; exec "$@"', "sh")
    server.start(program=(*limited, *SERVE))
    try:
        assert "only 200 files may be open" in server.log()
        assert server.request("POST", "/api/authorizations", {"idTag": "TAG"}).status == 201
        with ExitStack() as stack:
            for _ in range(150):
                stack.enter_context(closing(opened(server.websocket_port, upgrade("H")[:50])))
                stack.enter_context(closing(opened(server.api_port)))
            whole_session(server.url, "CP1", "TAG")
            assert server.request("GET", "/healthz").status == 200
        assert counts(server)["acceptsFailed"] == 0
        assert server.errors() == []
    finally:
        server.end()
