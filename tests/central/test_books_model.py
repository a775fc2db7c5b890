"""Whatever happens, the books are as a simple model has them: messages, repeats, cuts, restarts."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ocpp_trio.config import Settings
from ocpp_trio.store import migrate
from tests.conftest import POSTGRES, SQLITE, MakeSettings
from tests.support import operations as op
from tests.support.clock import FakeNow
from tests.support.model import TRANSACTION_ACTIONS
from tests.support.postgres import empty
from tests.support.world import BOOT, KILLED, NOW, QUEUED, UNANSWERED, Sent, world

station = st.sampled_from((*op.STATIONS * 4, op.STRANGER))
how = st.sampled_from((*(NOW,) * 6, QUEUED, UNANSWERED, KILLED))
tag = st.sampled_from(("GOOD", "good", "ONE", "ONE", "BLOCKED", "EXPIRED", "NOBODY"))
say = {"station": station, "how": how, "fixed_id": st.sampled_from((False, False, True))}
about = say | {
    "which": st.sampled_from((0, 0, 0, 1, 2)),
    "alien": st.sampled_from((*(None,) * 9, 0, 1, 2, 3, 4)),
    "clock": st.sampled_from(op.CLOCKS),
    "minute": st.integers(0, 2),
    "meter": st.sampled_from((0, 100, 100, 200, 300, 20_000_000)),
}
again = st.builds(
    op.Again,
    action=st.sampled_from(
        (*TRANSACTION_ACTIONS * 3, "StartTransaction", "Authorize", "BootNotification")
    ),
    back=st.sampled_from((0, 0, 0, 1, 2)),
    same_id=st.sampled_from((False, False, True)),
    how=how,
)
start = st.builds(
    op.Start,
    tag=tag,
    connector=st.sampled_from((1, 1, 1, 1, 2, 0)),
    clock=st.sampled_from(op.CLOCKS),
    minute=st.integers(0, 2),
    meter=st.sampled_from((0, 100, 100)),
    **say,
)
stop = st.builds(
    op.Stop,
    tag=st.one_of(st.none(), tag),
    reason=st.sampled_from((None, "Local", "EVDisconnected")),
    data=st.booleans(),
    **about,
)
meter = st.builds(op.Meter, loose=st.sampled_from((False, False, True)), **about)
whole = st.builds(op.Whole, start=start, stop=stop, again=st.booleans())
operation = st.one_of(
    whole,
    whole,
    start,
    start,
    meter,
    meter,
    stop,
    again,
    again,
    again,
    st.builds(op.Flush, station=station, order=st.integers(0, 5)),
    st.builds(op.Connect, station=station),
    st.builds(op.Cut, station=station),
    st.builds(op.Boot, **say),
    st.builds(op.Authorize, tag=tag, **say),
    st.builds(op.Restart, orderly=st.booleans()),
    st.builds(
        op.Change,
        tag=st.sampled_from(("GOOD", "ONE", "BLOCKED")),
        status=st.sampled_from(("Accepted", "Blocked", "Expired")),
        limit=st.sampled_from((None, 1, 2)),
    ),
    st.builds(op.Pass, minutes=st.sampled_from((1, 60, 3 * 24 * 60))),
)
# A list left to itself has about six elements: here most histories are long.
histories = st.sampled_from((1, 3, 10, 30, 80, 80)).flatmap(
    lambda size: st.lists(operation, min_size=size, max_size=size)
)


async def play(opened: Settings, history: list[op.Operation]) -> None:
    """Stations that are there and have booted, then the history, compared after every step."""
    async with world(opened, FakeNow()) as played:
        for name in op.STATIONS:
            await played.connect(name)
            await played.deliver(Sent(name, "BootNotification", BOOT, played.message_id(False)))
        for each in history:
            await each.run(played)
            played.check()


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with its schema."""
    path = tmp_path_factory.mktemp("empty") / "ocpp.db"
    migrate.migrate_sqlite(path)
    return path


@pytest.fixture
def run_history(
    request: pytest.FixtureRequest, make_settings: MakeSettings, empty_database: Path
) -> partial[None]:
    """Runs one history on a new database."""
    opened = make_settings()

    def run(history: list[op.Operation]) -> None:
        if opened.db_type == POSTGRES:
            empty(request.getfixturevalue("shared_database"))
        else:
            path = Path(opened.db_sqlite_path)
            for old in path.parent.glob(f"{path.name}*"):
                old.unlink()
            shutil.copyfile(empty_database, path)
        trio.run(play, opened, history, clock=MockClock(autojump_threshold=0))

    return partial(run)


SHORT = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
LONG = settings(SHORT, max_examples=150)


@SHORT
@given(histories)
def test_any_history(run_history: partial[None], history: list[op.Operation]) -> None:
    run_history(history)


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", [SQLITE])
@LONG
@given(histories)
def test_any_of_many_histories(run_history: partial[None], history: list[op.Operation]) -> None:
    run_history(history)
