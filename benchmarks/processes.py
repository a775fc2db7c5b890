"""Starting, watching and ending child processes. Linux only: CPU time comes from /proc."""

import os
import resource
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STOP_TIMEOUT = 20
"""Seconds a server has for leaving after SIGTERM; then it is killed."""
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def environment(folder: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a child: nothing of ours leaks in, so runs can be compared."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "0",
        **(extra or {}),
    }


@contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], folder: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in `folder` for the length of the block, its output going to `log`.

    It gets a session of its own, so that Ctrl-C reaches only us and we end it in order.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    finally:
        process.kill()
        process.wait()


def free_ports(count: int) -> list[int]:
    """Different TCP ports on 127.0.0.1 that nobody listened on a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def accepts_tcp(port: int) -> bool:
    """Whether somebody listens on 127.0.0.1:`port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def request(url: str, body: bytes | None = None) -> int:
    """GET, or POST if there is a JSON body; returns the status, raises OSError for an error."""
    headers = {} if body is None else {"Content-Type": "application/json"}
    with _opener.open(urllib.request.Request(url, body, headers), timeout=10) as response:
        return int(response.status)


def cpu_seconds(pid: int) -> float:
    """CPU time a process has spent so far, user and system, in all its threads."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    fields = stat.rpartition(")")[2].split()  # the name may hold blanks and brackets
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def family_cpu_seconds(pid: int) -> float:
    """The same of a process and its children, those that have ended included.

    Those are counted once their parent has waited for them; until then they are still there.
    """
    own = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total = sum(map(int, own[11:15])) / TICKS_PER_SECOND
    for child in children(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            total += cpu_seconds(child)
    return total


def children(pid: int) -> list[int]:
    """The processes that a process has started, whichever of its threads did."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, (task / "children").read_text().split())
    return found


def memory_kib(pid: int) -> int:
    """Memory of a process and its children that is not shared with others, in KiB."""
    return sum(map(_memory_kib, (pid, *children(pid))))


def _memory_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1])
    raise OSError(f"/proc/{pid}/smaps_rollup does not tell the memory")


def open_files(pid: int) -> int:
    """How many descriptors a process holds."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def raise_file_limit(connections: int) -> None:
    """Let this process, and what it starts, open so many connections. Raises OSError."""
    wanted = connections + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise OSError(f"{wanted} open files are needed, the hard limit is {hard} (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
