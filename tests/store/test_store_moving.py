"""A whole state moved from one database to the other, and back."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from tests.postgresql import EmptyState
from tests.store.conftest import OpenRun
from tests.store.invariants import check_state
from tests.store.samples import (
    KEEP_MS,
    NO_PATIENCE,
    START,
    WINDOW_MS,
    Plans,
    Run,
    ask,
    make_draft,
    make_entry,
    make_version,
)
from worker.errors import StateError, StateLocked
from worker.model import Server, State
from worker.store import Recovery, Store, move, read_status
from worker.store.database import tables as t

pytestmark = pytest.mark.embedded  # at first
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def server(empty_database: EmptyState) -> Server:
    return empty_database.emptied()


def opened(state: State) -> Store:
    return Store(state, policies=lambda _: NO_PATIENCE, planner=Plans(), window_ms=WINDOW_MS, keep_ms=KEEP_MS)


def rows(state: State) -> dict[str, list[str]]:
    """All there is, but for what a database has of its own: its words for truths, the NULs that one can't have."""
    found: dict[str, list[str]] = {}
    for table in t.metadata.sorted_tables:
        truths = [column.type.python_type is bool for column in table.c]
        columns = ", ".join(f'"{column.name}"' for column in table.c)
        all_rows = ask(state, f"SELECT {columns} FROM {table.name}")  # noqa: S608  # our own names
        found[table.name] = sorted(
            repr([_plain(value, truth) for value, truth in zip(row, truths, strict=True)])
            for row in all_rows
            if row[0] != "moved"
        )
    return found


def _plain(value: object, is_truth: bool) -> object:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return bool(value) if is_truth else value


@pytest.fixture
async def filled(open_run: OpenRun, state_path: Path) -> Path:
    """A state with something in most of its tables, of which some is not published, and a title with a NUL in it."""
    async with open_run() as run:
        await run.start("a", "b")
        await run.poll("a", make_entry("one"), make_entry("two"), version=make_version("v", title="The\0A"))
        await run.ingest("one")
        await run.publish()
        await run.poll("b", make_entry("one", feed="b", url="https://a.example/one"), make_entry("three", feed="b"))
        await run.ingest("three", make_draft("one"), feed="b")
        await run.ingest("two")
    return state_path


async def test_nothing_is_lost_on_the_way_there_and_back(filled: Path, server: Server, tmp_path: Path) -> None:
    """Each row is there, and the next ones are numbered behind them; the way back is the same."""
    before = rows(filled)
    assert move(filled, server) == sum(map(len, before.values()))
    assert rows(server) == before
    assert ask(server, "SELECT title FROM feed WHERE id = 'a'") == [("The\ufffdA",)]
    check_state(server)
    async with opened(server) as store:
        run = Run(store, Plans(), START)
        await run.start("a", "b", "c")
        assert (await run.poll("c", make_entry("two", feed="c", url="https://a.example/two"))).duplicates == 1
        assert [row.seq for row in await run.publish()] == [2]
    there = rows(server)
    back = tmp_path / "back.db"
    move(server, back)
    assert rows(back) == {**there, "meta": [row for row in there["meta"] if "lists" not in row]}
    check_state(back)
    async with opened(back) as store:
        await store.start([], now=START)


async def test_the_old_state_is_refused(filled: Path, server: Server) -> None:
    """Two that publish under the same names would write everything twice; and what `status` read there would be out of
    date."""
    move(filled, server)
    with pytest.raises(StateError, match="was moved to postgresql://"):
        await opened(filled).__aenter__()
    with pytest.raises(StateError, match="was moved to postgresql://"):
        read_status(filled)
    with pytest.raises(StateError, match="was moved to"):
        move(filled, server)


async def test_a_state_that_is_in_use_is_not_moved(filled: Path, server: Server) -> None:
    """Neither from nor to a database that somebody works on."""
    async with opened(filled):
        with pytest.raises(StateLocked):
            move(filled, server)
    async with opened(server):
        with pytest.raises(StateLocked):
            move(filled, server)


async def test_a_move_that_fails_has_done_nothing(filled: Path, server: Server) -> None:
    """What SQLite takes for a small number PostgreSQL may not: said, and all is as it was."""
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("UPDATE work SET tries = 40000")
    before = rows(filled)
    with pytest.raises(StateError, match="out of range"):
        move(filled, server)
    assert rows(filled) == before
    assert not any(rows(server).values())
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("UPDATE work SET tries = 0")
    move(filled, server)


async def test_a_database_with_a_state_is_not_written_over(filled: Path, server: Server) -> None:
    """Whatever little it has."""
    async with opened(server) as store:
        await store.start([], now=START)
    with pytest.raises(StateError, match="there is a state in"):
        move(filled, server)


def killed_at_commit(number: int, source: State, target: State) -> bool:
    """Whether the move was killed over one of its commits, counted from 1."""

    def run() -> None:
        commits = itertools.count(1)

        @event.listens_for(Engine, "commit")
        def _commit(_: object) -> None:
            if next(commits) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        move(source, target)

    process = FORK.Process(target=run)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


async def refuses(state: State) -> bool:
    """Whether a worker that starts is told of a move."""
    try:
        async with opened(state):
            return False
    except StateError as error:
        assert "move" in str(error)  # noqa: PT017
        return True


@pytest.mark.parametrize("to", ["a file", pytest.param("a server", marks=pytest.mark.slow)])
async def test_a_move_that_is_killed_is_ended_by_the_next(
    filled: Path, empty_state: Path, tmp_path: Path, to: str, request: pytest.FixtureRequest
) -> None:
    """Whichever of its commits it was killed over: never are there two states to go on with."""
    before = rows(filled)
    for number in itertools.count(1):
        source = Path(shutil.copy(filled, tmp_path / f"source-{number}.db"))
        target: State = Path(shutil.copy(empty_state, tmp_path / f"target-{number}.db"))
        if to == "a server":
            target = request.getfixturevalue("empty_database").emptied()
        if not killed_at_commit(number, source, target):
            break
        assert not any(rows(target).values()) or await refuses(target)
        assert move(source, target) == sum(map(len, before.values()))
        assert rows(target) == before
        assert await refuses(source)
        assert not await refuses(target)
    assert number > 4


async def test_a_copy_that_was_cut_off_is_not_read_back_into(filled: Path, tmp_path: Path) -> None:
    """`recover` would make a second state of it."""
    target = tmp_path / "target.db"
    killed_at_commit(4, filled, target)
    with pytest.raises(StateError, match="let `feedmill migrate-state` end it"), Recovery(target, replace=False):
        pass
