"""The database: how it is locked, opened, migrated and read."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, event, select

from tests.store.conftest import OpenRun
from tests.store.released import migrate
from tests.store.samples import KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans, Run, make_entry
from tests.store.schemas import tables_on
from worker.errors import StateDamaged, StateError, StateLocked, StateLost
from worker.store import Reader, Store, all_members, backup, database_url, is_there, read_status, read_trouble
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.database.holding import lock_of, locked
from worker.store.database.opening import open_database, reading

HOLDER = """
import asyncio, sys
from pathlib import Path
from worker.store import Store

async def hold():
    async with Store(Path(sys.argv[1]), policies=None, planner=None, window_ms=1, keep_ms=1):
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(hold())
"""


def new_store(path: Path) -> Store:
    return Store(path, policies=lambda _: NO_PATIENCE, planner=Plans(), window_ms=WINDOW_MS, keep_ms=KEEP_MS)


@contextmanager
def held_by_another(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the state."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


# --- the lock -----------------------------------------------------------------------------------------------------


async def test_a_second_process_is_refused_until_the_first_is_gone(state_path: Path) -> None:
    """One process a state: another is told who has it, through whatever link it comes; kill -9 frees it."""
    link = state_path.with_name("link.db")
    link.symlink_to(state_path)
    with held_by_another(state_path) as process:
        for path in (state_path, link):
            with pytest.raises(StateLocked, match=rf"{path.name} is in use by process {process.pid};"):
                await new_store(path).__aenter__()
        process.send_signal(signal.SIGKILL)
        process.wait()
    async with new_store(state_path) as store:
        assert await store.waiting() == (0, None)


async def test_a_closed_state_can_be_opened_again(state_path: Path) -> None:
    """The lock ends with the store that holds it, and the one who was refused may try again."""
    async with new_store(state_path):
        refused = new_store(state_path)
        with pytest.raises(StateLocked):
            await refused.__aenter__()
    async with new_store(state_path):
        pass


WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("UPDATE feed SET title = title")
connection.commit()
connection.close()
"""


async def test_who_reads_where_the_state_is_written_leaves_its_locks(state_path: Path) -> None:
    """Else a command, which writes beside, takes itself for the last to leave, and removes the log."""
    async with new_store(state_path):
        pass
    log = state_path.with_name(f"{state_path.name}-wal")
    async with new_store(state_path) as store:
        assert log.stat().st_size == 0  # as after each clean end
        with Reader(state_path) as reader:
            await reader(lambda connection: connection.exec_driver_sql("SELECT * FROM feed").all())
        writer = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, str(state_path))
        assert await writer.wait() == 0
        assert log.exists()
        assert await store.waiting() == (0, None)


@pytest.mark.parametrize("suffix", ["", "-wal"])
async def test_files_that_are_removed_or_replaced_end_the_work(state_path: Path, suffix: str) -> None:
    file = state_path.with_name(state_path.name + suffix)
    async with new_store(state_path) as store:
        copy = shutil.copyfile(file, file.with_name("copy"))
        file.unlink()
        with pytest.raises(StateDamaged, match="removed or replaced"):
            await store.waiting()
        copy.rename(file)
        with pytest.raises(StateDamaged, match="removed or replaced"):
            await store.waiting()


async def test_a_lock_that_is_removed_is_taken_again(state_path: Path) -> None:
    """With the next transaction; nobody who comes later gets in."""
    async with new_store(state_path) as store:
        lock_of(state_path).unlink()
        await store.note_reload("by the first")
        with pytest.raises(StateLocked, match=f"in use by process {os.getpid()};"):
            await new_store(state_path).__aenter__()
        assert await store.waiting() == (0, None)


async def test_what_a_worker_can_t_do_is_said_in_its_lock(state_path: Path) -> None:
    """The state may be what it can't write. With the worker, it ends."""
    async with new_store(state_path) as store:
        assert read_trouble(state_path) is None
        await store.note_trouble("the disk is full")
        assert read_trouble(state_path) == "the disk is full"
        await store.note_trouble(None)
        assert read_trouble(state_path) is None
        await store.note_trouble("the disk is full")
    assert read_trouble(state_path) is None


@pytest.mark.parametrize("holder", ["nobody", "another"])
async def test_a_lock_that_is_replaced_ends_the_work(state_path: Path, holder: str) -> None:
    """Another process may be at work by then, or have been: nothing more is written."""
    async with new_store(state_path) as store:
        lock_of(state_path).unlink()
        if holder == "nobody":
            lock_of(state_path).touch()
        async with new_store(state_path) if holder == "another" else AsyncExitStack():
            for _ in range(2):
                with pytest.raises(StateLost, match=r"\.db\.lock was replaced while it was in use\): start this one"):
                    await store.note_reload("by the first")
            with pytest.raises(StateLost):
                await store.lost()
    with reading(state_path) as connection:
        assert notes.kept(connection, notes.RELOAD) is None


async def test_files_that_a_disk_does_not_show_for_a_moment_are_not_gone(
    state_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work goes on: a worker that ended with the advice to recover its state would do harm."""
    real = os.stat

    def failing(path: Path, **options: bool) -> os.stat_result:
        if path == state_path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, **options)

    async with new_store(state_path) as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", failing)
            assert await store.waiting() == (0, None)
        assert await store.waiting() == (0, None)


# --- what can't be opened -----------------------------------------------------------------------------------------


def no_database(path: Path) -> Path:
    path.write_text("this is no database, but long enough to be one " * 100)
    return path


def of_a_later_version(path: Path) -> Path:
    open_database(path).dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    return path


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


def in_a_file(path: Path) -> Path:
    path.write_text("a file where the folder should be")
    return path / "feedmill.db"


def with_a_lock_that_is_a_folder(path: Path) -> Path:
    path.with_name(path.name + ".lock").mkdir()
    return path


def test_a_state_whose_folder_may_not_be_written_says_whom_to_let(tmp_path: Path) -> None:
    """Its lock is made first; the error names it, and the way out."""
    (folder := tmp_path / "state").mkdir(mode=0o555)
    os.seteuid(65534 if (user := os.geteuid()) == 0 else user)
    try:
        refused = pytest.raises(StateError, match=r"state\.db\.lock: Permission denied \(let the user that runs")
        with refused, locked(folder / "state.db"):
            pass
    finally:
        os.seteuid(user)


def test_a_state_whose_folder_may_not_be_looked_into_is_said_so(tmp_path: Path) -> None:
    """To who only reads, asks whether there is one, or copies it: not that there is none."""
    (folder := tmp_path / "state").mkdir(mode=0o600)
    for look in (read_status, is_there, lambda path: backup(path, tmp_path / "copy.db")):
        os.seteuid(65534 if (user := os.geteuid()) == 0 else user)
        try:
            with pytest.raises(StateError, match=r"^can't read the state .*state\.db: Permission denied$"):
                look(folder / "state.db")
        finally:
            os.seteuid(user)


def test_who_only_reads_refuses_a_later_version_too(tmp_path: Path) -> None:
    """With the way out, which is not to start this one."""
    with pytest.raises(StateError, match="written by a later feedmill: it is of version 9999; install that one"):
        read_status(of_a_later_version(tmp_path / "state.db"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(no_database, "file is not a database", id="no database"),
        pytest.param(of_a_later_version, "written by a later feedmill.*9999", id="of a later version"),
        pytest.param(a_folder, "unable to open database file", id="a folder"),
        pytest.param(in_a_file, "Not a directory|File exists", id="in a file"),
        pytest.param(with_a_lock_that_is_a_folder, "Is a directory", id="the lock is a folder"),
    ],
)
async def test_what_is_no_state_is_refused_by_name(tmp_path: Path, spoil: object, said: str) -> None:
    """A state that can't be opened is an error that names it, and leaves nothing locked."""
    path = spoil(tmp_path / "broken.db")  # type: ignore[operator]
    for _ in range(2):
        with pytest.raises(StateError, match=said) as raised:
            await new_store(path).__aenter__()
        assert not isinstance(raised.value, StateLocked)
        assert said.startswith("written") or "broken.db" in str(raised.value)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(no_database, "file is not a database", id="no database"),
        pytest.param(of_a_later_version, "of version 9999", id="of a later version"),
        pytest.param(lambda path: path, "there is no state at", id="not there"),
        pytest.param(lambda path: path.touch() or path, "there is no state", id="empty"),
    ],
)
def test_what_is_no_state_can_not_be_read(tmp_path: Path, spoil: object, said: str) -> None:
    """A command that reads says what is wrong with the state, and makes none."""
    path = spoil(tmp_path / "broken.db")  # type: ignore[operator]
    before = path.exists() and path.read_bytes()
    with pytest.raises(StateError, match=said):
        read_status(path)
    assert (path.exists() and path.read_bytes()) == before


# --- where it is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "with spaces", "what?#now", "100%41", "ünï/cödé", "quo'te\"s"])
async def test_a_state_may_have_any_name(tmp_path: Path, name: str) -> None:
    """The state is made with its folders where the configuration says, and read there, whatever the path is."""
    path = tmp_path / name / "feed?mill%20.db"
    async with new_store(path) as store:
        await Run(store, Plans()).start("a")
        assert [feed.id for feed in read_status(path)[0]] == ["a"]
    assert path.is_file()
    assert [feed.id for feed in read_status(path)[0]] == ["a"]


# --- what it is like ----------------------------------------------------------------------------------------------


def test_commits_are_on_disk(tmp_path: Path) -> None:
    """Readers do not wait for the writer (WAL), and a commit that was told of outlasts a loss of power (FULL)."""
    engine = open_database(tmp_path / "state.db")
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 2}


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_migrations_make_the_tables_of_a_new_state(tmp_path: Path) -> None:
    """What the migrations make is what tables.py says, to the last index, and what a new state is made with at once."""
    engine = create_engine(database_url(tmp_path / "migrated.db"))
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables_on("sqlite")) == []
    engine.dispose()
    open_database(tmp_path / "created.db").dispose()
    assert schema_of(tmp_path / "migrated.db") == schema_of(tmp_path / "created.db")


def schema_of(path: Path) -> set[tuple[str, str]]:
    """Tables and indexes as SQLite was told to make them: partial indexes, and tables without row ids, included."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {
        (table, part.strip(" ,"))
        for table, sql in rows
        for part in re.split(r",\s*(?=[a-z_]+ [A-Z])|\n", sql.replace("\t", " "))
    }


async def test_opening_again_migrates_nothing(state_path: Path) -> None:
    """A state of this version is taken as it is."""
    async with new_store(state_path):
        pass
    before = schema_of(state_path)
    async with new_store(state_path):
        pass
    assert schema_of(state_path) == before


# --- beside it ----------------------------------------------------------------------------------------------------


async def test_status_is_read_beside_the_writer(run: Run, state_path: Path) -> None:
    """A command that reads sees the last commit while the engine holds its connection, and keeps it from nothing."""
    await run.start("a", "b")
    await run.poll("a", make_entry("one"), make_entry("two"))
    feeds, totals = read_status(state_path)
    assert [(feed.id, feed.new_total) for feed in feeds] == [("a", 2), ("b", 0)]
    assert (totals.feeds, totals.failing, totals.queued, totals.articles, totals.unpublished) == (2, 0, 2, 0, 0)
    await run.ingest("one")
    await run.poll("b", error="refused", failure="network")
    totals = read_status(state_path)[1]
    assert (totals.failing, totals.queued, totals.articles, totals.unpublished) == (1, 1, 1, 1)


async def test_a_reader_in_the_middle_of_reading_stops_nobody(run: Run, state_path: Path) -> None:
    """A reader that takes its time sees one commit throughout, and the engine goes on committing."""
    await run.start("a")
    reader = sqlite3.connect(f"file:{state_path}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    count = "SELECT count(*) FROM entry"
    assert reader.execute(count).fetchone() == (0,)
    await run.poll("a", make_entry("one"))
    assert reader.execute(count).fetchone() == (0,)
    reader.execute("COMMIT")
    assert reader.execute(count).fetchone() == (1,)
    reader.close()


# --- when it can't be written -------------------------------------------------------------------------------------


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file of this process may grow past `room` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_what_can_not_be_written_was_not_done(run: Run, state_path: Path) -> None:
    """A batch for which the disk has no room is an error that says what to do, leaves no trace, and may be told
    again."""
    await run.start("a")
    poll = run.polled(await run.poll_of("a"), *(make_entry(f"entry-{number}") for number in range(600)))
    wal = state_path.with_name(state_path.name + "-wal")
    said = r"the state .*feedmill\.db: disk I/O error \(look at the disk: .*\)"
    with full_disk(wal.stat().st_size + 8_192), pytest.raises(StateError, match=said):
        await run.store.finish([poll], now=run.now)
    assert read_status(state_path)[1].queued == 0
    assert (await run.finish(poll))[0].new == 600


async def test_a_state_can_be_used_after_an_error(open_run: OpenRun, state_path: Path) -> None:
    """An error in the middle of a transaction leaves none open: what was wrong put right, the same call succeeds."""
    async with open_run() as run:
        await run.start("a")
        with sqlite3.connect(state_path, isolation_level=None) as outsider:
            outsider.execute("ALTER TABLE segment RENAME TO lost")
            with pytest.raises(StateError, match="no such table: segment"):
                await number_one(run)
            outsider.execute("ALTER TABLE lost RENAME TO segment")
        outsider.close()
        await number_one(run, expected=1)


async def number_one(run: Run, *, expected: int | None = None) -> None:
    if await run.store.waiting() == (0, None):
        await run.poll("a", make_entry("one"))
        await run.ingest("one")
    segment = await run.store.number(now=run.now, limit=1)
    assert segment is not None
    assert segment.rows[0].seq == expected


# --- damage ---------------------------------------------------------------------------------------------------------


def spoilt(path: Path, table: str) -> Path:
    """With other bytes on the first page of a table."""
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 100)
    return path


async def test_who_reads_beside_tells_of_damage(state_path: Path) -> None:
    """The store that it is told to does nothing any more, and ends who waits for that."""
    async with new_store(state_path) as store:
        await store.waiting()
        other = spoilt(Path(shutil.copy(state_path, state_path.with_name("copy.db"))), "member")
        with Reader(other, damaged=store.lose) as reader, pytest.raises(StateDamaged, match="feedmill recover"):
            await reader(all_members)
        with pytest.raises(StateDamaged):
            await store.lost()
        with pytest.raises(StateDamaged):
            await store.waiting()
    assert state_path.with_name(state_path.name + ".lock").read_text(), "the next one looks at all of it"


def test_a_disk_that_reads_wrong_for_a_moment_is_no_damage(state_path: Path) -> None:
    """All pages are read once more before the state is given up; the statement can be tried again."""
    open_database(state_path).dispose()
    sound = state_path.read_bytes()
    engine = open_database(spoilt(state_path, "takedown"))

    @event.listens_for(engine, "do_execute")
    def _reads_right_again(cursor: sqlite3.Cursor, statement: str, values: tuple[object, ...], _: object) -> bool:
        try:
            cursor.execute(statement, values)
        except sqlite3.DatabaseError:
            state_path.write_bytes(sound)
            raise
        return True

    with engine.connect() as connection:
        with pytest.raises(StateError, match=r"malformed\), but is sound") as told:
            connection.execute(select(t.takedown)).all()
        assert not isinstance(told.value, StateDamaged)
        assert connection.execute(select(t.takedown)).all() == []
    engine.dispose()


async def test_what_meets_damage_once_touches_nothing_any_more(state_path: Path) -> None:
    """Calls that stand in line behind it are refused, too."""
    spoilt(state_path, "takedown")
    async with new_store(state_path) as store:
        calls = [store.takedowns(), store.note_reload("said"), store.note_reload("again")]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [StateDamaged] * 3
