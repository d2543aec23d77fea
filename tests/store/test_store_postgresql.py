"""What PostgreSQL is given: its tables, its locks, and words that it does not take."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, select, text

from tests import pooler
from tests.postgresql import Cluster
from tests.store.conftest import OpenRun
from tests.store.released import migrate
from tests.store.samples import Run, make_entry, make_version
from tests.store.schemas import tables_on
from worker.errors import StateError, StateLocked
from worker.model import Server
from worker.store import read_status
from worker.store.database import tables as t
from worker.store.database.opening import open_database, open_readonly

SCHEMA = """
    SELECT tablename, replace(indexdef, %(schema)s, 'x') FROM pg_indexes WHERE schemaname = %(schema)s
    UNION ALL SELECT relname, reloptions::text FROM pg_class WHERE relnamespace = %(schema)s::regnamespace
    UNION ALL SELECT table_name, concat_ws(' ', column_name, data_type, is_nullable, column_default)
        FROM information_schema.columns WHERE table_schema = %(schema)s
"""


@pytest.fixture
def empty(postgresql: Cluster) -> Server:
    """A database of this test's own, with nothing in it."""
    name = f"test_{secrets.token_hex(4)}"
    postgresql.sql(f"CREATE DATABASE {name}")
    return postgresql.server(name)


def schema_of(server: Server, schema: str) -> set[tuple[Any, ...]]:
    with psycopg.connect(server.url) as connection:
        found = connection.execute(SCHEMA.encode(), {"schema": schema}).fetchall()
    said = {tuple(str(part).replace(f"{schema}.", "").replace(f"'{schema}'", "") for part in row) for row in found}
    return said


def test_ten_may_start_at_once_and_the_tables_are_as_they_are_meant(empty: Server) -> None:
    """One of them makes the tables and the others wait for it; they are those that the migrations make, to the last
    index and the room on a page."""
    with ThreadPoolExecutor(10) as pool:
        engines = list(pool.map(lambda _: open_database(empty), range(10)))
    with engines[0].connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables_on("postgresql")) == []
    for engine in engines:
        engine.dispose()
    with psycopg.connect(empty.url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA migrated")
    migrated = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(empty.url, options="-csearch_path=migrated")
    )
    migrate(migrated)
    found = schema_of(empty, "public")
    assert found == schema_of(empty, "migrated")
    assert ("work", str([f"{name}={value}" for name, value in t.BUSY.items()]).replace("'", "").replace(", ", ",")) in {
        (name, options.replace("{", "[").replace("}", "]")) for name, options in found
    }


@pytest.mark.shared
async def test_characters_that_it_does_not_take_are_replaced(run: Run, state: Server) -> None:
    """NULs in what strangers write."""
    await run.start("a")
    await run.poll("a", make_entry("one"), version=make_version("v", title="A\0B"), error="\0")
    (status,) = read_status(state)[0]
    assert (status.title, status.error) == ("A\ufffdB", "\ufffd")


@pytest.mark.shared
async def test_who_only_reads_can_not_write_and_sees_one_instant(open_run: OpenRun, state: Server) -> None:
    """However long it takes; what it asks for has an end."""
    async with open_run() as run:
        await run.start("a")
        engine = open_readonly(state)
        with engine.connect() as connection:
            before = connection.execute(select(t.work)).all()
            await run.poll("a", make_entry("one"))
            assert connection.execute(select(t.work)).all() == before
            assert connection.scalar(text("SHOW statement_timeout")) == "30s"
            with pytest.raises(Exception, match="read-only transaction"):
                connection.execute(t.work.delete())
        engine.dispose()


def test_a_database_without_a_state_is_told_of(empty: Server) -> None:
    """By who only looks; and who has it open, whatever its schema."""
    with pytest.raises(StateError, match="there is no state"):
        read_status(empty)


def test_a_database_of_another_encoding_is_refused(postgresql: Cluster) -> None:
    """Before a feed has a title that it can't hold; what makes the right one is told."""
    name = f"test_{secrets.token_hex(4)}"
    postgresql.sql(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(StateError, match=r"SQL_ASCII; .*createdb --encoding UTF8"):
        open_database(postgresql.server(name))


def test_what_the_role_takes_for_its_encoding_is_not_ours(empty: Server) -> None:
    """A title may have any character."""
    name = name_of(empty)
    with psycopg.connect(empty.url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET client_encoding = 'LATIN1'".encode())
    engine = open_database(empty)
    with engine.connect() as connected:
        assert connected.scalar(text("SELECT '灯台 🐦'")) == "灯台 🐦"
    engine.dispose()


async def test_who_has_it_alone_is_not_hurried(empty: Server) -> None:
    """A recovery, or a move, may be one long transaction."""
    engine = open_database(empty, alone=True)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "0"
        assert connection.scalar(text("SHOW statement_timeout")) == "0"
    engine.dispose()


WORK_BY = {
    "entry_id IN ($1, $2)": "work_entry",
    "entry_id = $1": "work_entry",
    "feed_id = ANY (ARRAY[$1::text, $2::text])": "work_of_feed",
    "feed_id = $1::text AND entry_id IS NULL AND pages IS NULL": "work_of_feed",
    "host_id = $1 AND priority = 0 AND due_at <= $2": "work_next",
}
"""How work is asked for, and the index that finds it."""


@pytest.mark.shared
@pytest.mark.parametrize("asked", WORK_BY)
def test_work_is_found_by_an_index_whatever_is_asked_for(state: Server, asked: str) -> None:
    """By plans that are made once for all values, as of prepared statements, too: an index of a part of the rows is one
    that the plan has to be sure of."""
    with psycopg.connect(state.url, autocommit=True) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
        connection.execute(f"PREPARE asked AS SELECT * FROM work WHERE {asked}".encode())  # noqa: S608  # our own words
        values = "'1', '2'" if "$2" in asked else "'1'"
        plan = connection.execute(f"EXPLAIN EXECUTE asked({values})".encode()).fetchall()
    assert WORK_BY[asked] in str(plan)
    assert "Seq Scan" not in str(plan)


def test_a_process_that_has_just_closed_its_connection_is_waited_for(empty: Server) -> None:
    """The server notices a little later, and holds until then what the process held."""
    open_database(empty).dispose()
    worker = open_database(empty)
    worker.connect().close()
    parting = threading.Timer(0.2, worker.dispose)
    parting.start()
    open_database(empty, alone=True).dispose()
    parting.join()


@pytest.fixture
def pooled() -> None:
    """Skips where there is no PgBouncer, unless nothing may be skipped."""
    if pooler.binary() is None and "FEEDMILL_SKIP_NOTHING" not in os.environ:
        pytest.skip("pgbouncer is not installed")


@pytest.mark.usefixtures("pooled")
@pytest.mark.parametrize(("mode", "size"), [("transaction", 20), ("transaction", 1), ("statement", 20)])
def test_a_pooler_that_shares_connections_is_refused(postgresql: Cluster, empty: Server, mode: str, size: int) -> None:
    """Before anything is made; what keeps other processes out would be held by nobody, or for ever."""
    with (
        pooler.pooler(postgresql, name_of(empty), mode=mode, size=size) as between,
        pytest.raises(StateError, match="PgBouncer: pool_mode = session"),
    ):
        open_database(between)
    with pytest.raises(StateError, match="there is no state"):
        read_status(empty)


@pytest.mark.usefixtures("pooled")
@pytest.mark.parametrize("size", [20, 1])
def test_behind_a_pooler_of_sessions_a_worker_keeps_others_out(postgresql: Cluster, empty: Server, size: int) -> None:
    """Also one with room for no second connection; and when the worker is gone, the state is free."""
    open_database(empty).dispose()
    with pooler.pooler(postgresql, name_of(empty), mode="session", size=size) as between:
        worker = open_database(between)
        with worker.connect() as connected:
            assert connected.scalar(text("SHOW statement_timeout")) == "1min"
            with pytest.raises(StateLocked):
                open_database(empty, alone=True)
        worker.dispose()
        open_database(empty, alone=True).dispose()


def name_of(server: Server) -> str:
    """Of its database."""
    return server.url.partition("?")[0].rpartition("/")[2]


def test_settings_of_the_role_or_the_database_are_not_those_of_a_session(empty: Server) -> None:
    """An administrator's limits are meant for people: who asks for a state in use is told so, however short they are,
    and a worker may be idle."""
    name = name_of(empty)
    with psycopg.connect(empty.url, autocommit=True) as connection:
        for setting in ("statement_timeout", "lock_timeout", "idle_session_timeout"):
            connection.execute(f"ALTER DATABASE {name} SET {setting} = '300ms'".encode())
    worker = open_database(empty)
    with worker.connect() as connected:
        assert connected.scalar(text("SHOW idle_session_timeout")) == "0"
        with pytest.raises(StateLocked):
            open_database(empty, alone=True)
    worker.dispose()


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """psycopg is loaded where a state is on PostgreSQL, and only there."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "worker.store.database.postgresql", raising=False)
    monkeypatch.delattr("worker.store.database.postgresql", raising=False)
    with pytest.raises(StateError, match=r"feedmill\[cluster\]"):
        read_status(Server("postgresql://db.example/feedmill"))


def test_entries_of_an_older_state_are_brought_forward(empty: Server) -> None:
    """In the new form each says what it said, and the next one has the next number."""
    old = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(empty.url))
    migrate(old, "0019")
    with psycopg.connect(empty.url) as connection:
        connection.execute(
            """
            INSERT INTO entry (feed_id, record_id, url, version, title_key, first_seen_at, seen_at, revision,
                               revised_at, revision_key, text_key, extraction)
            VALUES ('a', '\\x11', 'https://a.example/x/y?z', '\\x0102030405060708', '\\x', 1000, 1000, 1, 5000,
                    '\\xa1a2a3a4a5a6a7a8', '\\xb1b2b3b4b5b6b7b8b9', 'feed_only'),
                   ('b', '\\x12', NULL, '\\x', '\\x', 1000, 2000, 0, NULL, '\\x', NULL, NULL);
            INSERT INTO identity (key, entry_id, extra) VALUES ('\\x000102030405060708090a0b0c0d0e0f', 1, true);
            INSERT INTO content (key, entry_id, expires_at) VALUES ('\\x101112131415161718191a1b1c1d1e1f', 1, 9000);
            INSERT INTO tombstone (key) VALUES ('\\x202122232425262728292a2b2c2d2e2f'), ('\\x2021222324252627')
            """
        )
    open_database(empty).dispose()
    with psycopg.connect(empty.url) as connection:
        found = connection.execute(
            """
            SELECT feed.text, start.text, path, seen_at, revised_after, version, revision_key, text_mark, extraction
            FROM entry JOIN name AS feed ON feed.no = feed_no LEFT JOIN name AS start ON start.no = origin_no
            ORDER BY id
            """
        ).fetchall()
        assert found == [
            (
                "a",
                "https://a.example/",
                "x/y?z",
                None,
                4000,
                bytes(range(1, 6)),
                bytes(range(0xA1, 0xA6)),
                bytes(range(0xB1, 0xB9)),
                1,
            ),
            ("b", None, None, 2000, None, b"", b"", None, None),
        ]
        assert connection.execute("SELECT * FROM identity").fetchall() == [(bytes(range(10)), 1, True)]
        assert connection.execute("SELECT * FROM content").fetchall() == [(bytes(range(16, 26)), 1, 9000)]
        dead = connection.execute("SELECT key FROM tombstone ORDER BY key").fetchall()
        assert dead == [(bytes(range(32, 40)),), (bytes(range(32, 42)),)]
        added = connection.execute(
            """
            INSERT INTO entry (feed_no, record_id, version, title_key, first_seen_at, revision, revision_key)
            VALUES (1, '\\x13', '\\x', '\\x', 1000, 0, '\\x') RETURNING id
            """
        ).fetchall()
    assert added == [(3,)]
