"""Schema steps on PostgreSQL: forward, each whole or not at all, never from the future."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from ocpp_trio import config
from ocpp_trio.config import Settings
from ocpp_trio.errors import SchemaError, StoreError
from ocpp_trio.store import migrate, migrate_postgres, opening_postgres
from ocpp_trio.store.migrate import State, Step
from tests.support.postgres import Postgres

KNOWN = tuple(step.name for step in migrate.steps("postgres"))
FURTHER = Step("9001_further", "CREATE TABLE further (id TEXT);\nINSERT INTO further VALUES ('x');")
NUMBERS = count()


@pytest.fixture
def settings(postgres: Postgres) -> Iterator[Settings]:
    """Those of a database with nothing in it."""
    name = f"migrate_{next(NUMBERS)}"
    yield config.load(postgres.create(name))
    postgres.drop(name)


def add_step(monkeypatch: pytest.MonkeyPatch, *further: Step) -> None:
    """As if this version came with further steps."""
    steps = [*migrate.steps("postgres"), *further]
    monkeypatch.setattr(migrate, "steps", lambda dialect: steps)


def tables(settings: Settings) -> set[str]:
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    with opening_postgres.connected(settings) as connection:
        return {row["relname"] for row in connection.execute(query)}


def test_both_databases_have_the_same_steps() -> None:
    assert tuple(step.name for step in migrate.steps("sqlite")) == KNOWN


def test_from_nothing_and_a_second_time(settings: Settings) -> None:
    assert opening_postgres.state(settings) == State((), KNOWN)
    assert opening_postgres.bring_up_to_date(settings) == State((), KNOWN)
    assert opening_postgres.state(settings) == State(KNOWN, ())
    assert {"charge_points", "transactions", "review_items"} <= tables(settings)
    assert opening_postgres.bring_up_to_date(settings) == State(KNOWN, ())


def test_every_text_compares_by_its_bytes(settings: Settings) -> None:
    opening_postgres.bring_up_to_date(settings)
    with opening_postgres.connected(settings) as connection:
        others = connection.execute(
            "SELECT attrelid::regclass::text AS name, attname FROM pg_attribute"
            " JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relnamespace = 'public'::regnamespace AND atttypid = 'text'::regtype"
            " AND attcollation <> '\"C\"'::regcollation"
        ).fetchall()
    assert others == []


def test_a_further_step_keeps_the_data(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    opening_postgres.bring_up_to_date(settings)
    add_step(monkeypatch, FURTHER)
    assert opening_postgres.state(settings) == State(KNOWN, (FURTHER.name,))
    assert opening_postgres.bring_up_to_date(settings).pending == (FURTHER.name,)
    with opening_postgres.connected(settings) as connection:
        assert connection.execute("SELECT id FROM further").fetchall() == [{"id": "x"}]


@pytest.mark.parametrize("end", ["INSERT INTO nowhere VALUES (1);", "SELECT 1 FROM"])
def test_a_failing_step_leaves_nothing_and_those_before_it_stay(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    with monkeypatch.context() as patch:
        bad = Step("9002_bad", f"CREATE TABLE bad (id TEXT);\n{end}\n")
        add_step(patch, FURTHER, bad)
        with pytest.raises(StoreError, match="the schema step 9002_bad failed: "):
            opening_postgres.bring_up_to_date(settings)
        assert opening_postgres.state(settings) == State((*KNOWN, FURTHER.name), ("9002_bad",))
    assert "further" in tables(settings)
    assert "bad" not in tables(settings)


def test_a_database_of_a_newer_version_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        add_step(patch, FURTHER)
        opening_postgres.bring_up_to_date(settings)
    for use in (opening_postgres.state, opening_postgres.bring_up_to_date):
        with pytest.raises(SchemaError, match=r"newer version \(it has 9001_further\)"):
            use(settings)


def test_two_servers_start_at_once(settings: Settings) -> None:
    found: list[State] = []
    threads = [
        threading.Thread(target=lambda: found.append(opening_postgres.bring_up_to_date(settings)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(state.pending) for state in found) == [0, 0, 0, len(KNOWN)]
    assert opening_postgres.state(settings) == State(KNOWN, ())


def test_a_user_who_may_not_is_told_so(settings: Settings, postgres: Postgres) -> None:
    postgres.execute("CREATE ROLE guest LOGIN")
    try:
        guest = config.load(postgres.variables(settings.db_name) | {"DB_USER": "guest"})
        with pytest.raises(StoreError, match="failed: permission denied for schema public"):
            opening_postgres.bring_up_to_date(guest)
        assert opening_postgres.state(settings) == State((), KNOWN)
    finally:
        postgres.execute("DROP ROLE guest")


def test_the_lock_is_our_own() -> None:
    assert migrate_postgres.LOCK.to_bytes(8, "big") == b"ocpptrio"
