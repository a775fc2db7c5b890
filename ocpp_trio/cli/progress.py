"""Progress of what takes a while: a bar on a terminal, a few plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

PLAIN_LINES = 10
"""How many lines of progress are printed where there is no terminal."""


@contextmanager
def show_progress(console: Console, total: int) -> Iterator[Callable[[], None]]:
    """Show how many sessions are played; yields what is called after each."""
    if console.is_terminal:
        columns = (
            TextColumn("sessions"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("sessions", total=total)
            yield lambda: progress.advance(task)
        return
    done = 0
    step = max(1, total // PLAIN_LINES)

    def advance() -> None:
        nonlocal done
        done += 1
        if done % step == 0 or done == total:
            console.print(f"sessions: {done}/{total}")

    yield advance
