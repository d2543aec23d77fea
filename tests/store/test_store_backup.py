"""Copies of the state, and what becomes of files that are none."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans, Run, make_entry
from tests.store.test_store_database import held_by_another
from worker.errors import StateDamaged, StateError
from worker.store import Store, backup, read_status
from worker.store.database.opening import open_database


def new_store(path: Path) -> Store:
    return Store(path, policies=lambda _: NO_PATIENCE, planner=Plans(), window_ms=WINDOW_MS, keep_ms=KEEP_MS)


async def filled(run: Run, entries: int = 300) -> None:
    await run.start("a")
    await run.poll("a", *(make_entry(f"entry-{n}") for n in range(entries)))


# --- copies -------------------------------------------------------------------------------------------------------


async def test_a_copy_has_the_last_commit_and_is_one_file(run: Run, state_path: Path, tmp_path: Path) -> None:
    """Beside the engine that holds the state, with what only its write-ahead log has so far."""
    await filled(run)
    target = tmp_path / "copies" / "copy.db"
    target.parent.mkdir()
    size = backup(state_path, target)
    await run.ingest("entry-0")
    assert [path.name for path in target.parent.iterdir()] == ["copy.db"]
    assert target.stat().st_size == size
    assert (read_status(target)[1].queued, read_status(state_path)[1].queued) == (300, 299)


async def test_a_copy_is_a_state(run: Run, state_path: Path, tmp_path: Path) -> None:
    """It can be opened in the place of the one it was made of."""
    await filled(run, 3)
    backup(state_path, tmp_path / "copy.db")
    async with new_store(tmp_path / "copy.db") as store:
        again = Run(store, Plans(), run.now)
        await again.start("a")
        assert (await again.ingest("entry-1")).op == "new"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644], ids=oct)
def test_a_copy_is_no_more_open_than_the_state(state_path: Path, tmp_path: Path, mode: int) -> None:
    """Whatever the umask would allow."""
    state_path.chmod(mode)
    before = os.umask(0)
    try:
        backup(state_path, tmp_path / "copy.db")
    finally:
        os.umask(before)
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == mode


def test_a_file_that_is_there_is_replaced_only_when_asked(state_path: Path, tmp_path: Path) -> None:
    """And then at once: whoever has the old one open reads that on."""
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(StateError, match="is there already; --force replaces it"):
        backup(state_path, target)
    assert target.read_text() == "precious"
    backup(state_path, target, force=True)
    assert read_status(target)[1].queued == 0


@pytest.mark.parametrize(
    "name", ["feedmill.db", "feedmill.db-wal", "feedmill.db.lock", "sub/../feedmill.db", "link.db"]
)
def test_the_state_is_not_copied_over_itself(state_path: Path, tmp_path: Path, name: str) -> None:
    """Under none of its names, even with --force."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.db").symlink_to(state_path)
    with pytest.raises(StateError, match="is the state itself"):
        backup(state_path, tmp_path / name, force=True)
    assert read_status(state_path)[1].queued == 0


COPY = """
import sys
from pathlib import Path
from worker.store import backup
backup(Path(sys.argv[1]), Path(sys.argv[2]))
"""

PAUSED = """
import signal, sys
from pathlib import Path
from worker import store
of = sys.modules[store.backup.__module__]

def pause(_):
    print("copied", flush=True)
    signal.pause()

of._sync = pause
store.backup(Path(sys.argv[1]), Path(sys.argv[2]))
"""
"""A copy that stands still before it bears its name."""


def test_what_a_copy_left_that_was_killed_is_cleared_by_the_next(state_path: Path, tmp_path: Path) -> None:
    """Whatever that is named. What one that is under way has is left, as is all that is not feedmill's."""
    folder = tmp_path / "copies"
    folder.mkdir()
    for name in ("mine", ".feedmill-backup-mine", ".feedmill-backup-0123456g", ".copy.db.01234567"):
        (folder / name).touch()
    others = {path.name for path in folder.iterdir()}
    command = [sys.executable, "-c", PAUSED, str(state_path), str(folder / "one.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        try:
            assert killed.stdout is not None
            assert killed.stdout.readline() == "copied\n"
            backup(state_path, folder / "two.db")
            (part,) = {path.name for path in folder.iterdir()} - others - {"two.db"}
            assert (folder / part).stat().st_size == (folder / "two.db").stat().st_size
            (folder / f"{part}-journal").touch()
        finally:
            killed.kill()
    backup(state_path, folder / "three.db")
    assert {path.name for path in folder.iterdir()} == others | {"two.db", "three.db"}


def test_a_folder_that_somebody_else_has_locked_is_not_cleared(state_path: Path, tmp_path: Path) -> None:
    """Nor waited for, as under `flock FOLDER feedmill backup FOLDER/copy.db`."""
    left = tmp_path / ".feedmill-backup-01234567"
    left.touch()
    descriptor = os.open(tmp_path, os.O_RDONLY)
    command = [sys.executable, "-c", COPY, str(state_path), str(tmp_path / "one.db")]
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        subprocess.run(command, check=True, timeout=20)
    finally:
        os.close(descriptor)
    assert read_status(tmp_path / "one.db")[1].queued == 0
    assert left.exists()


def no_folder(path: Path) -> Path:
    return path / "nowhere" / "copy.db"


def a_folder(path: Path) -> Path:
    (path / "copy.db").mkdir()
    return path / "copy.db"


def in_use(path: Path) -> Path:
    (path / "copy.db").touch()
    (path / "copy.db-wal").touch()
    return path / "copy.db"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(no_folder, "No such file or directory", id="its folder is not there"),
        pytest.param(a_folder, "is there already$", id="a folder"),
        pytest.param(in_use, "copy.db-wal is in the way", id="a state in use"),
    ],
)
def test_what_can_not_be_written_is_named(state_path: Path, tmp_path: Path, spoil: object, said: str) -> None:
    """And nothing is left of the copy."""
    target = spoil(tmp_path)  # type: ignore[operator]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StateError, match=said):
        backup(state_path, target, force=True)
    assert sorted(tmp_path.rglob("*")) == before


def nothing(path: Path) -> None:
    path.unlink()


def no_database(path: Path) -> None:
    path.write_text("this is no database, but long enough to be one " * 100)


def another_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def length(path: Path) -> int:
    return path.stat().st_size


def clipped(path: Path) -> None:
    """Inside its last page, of which SQLite takes the rest for zeros."""
    os.truncate(path, path.stat().st_size - 10)


def scrambled(path: Path) -> None:
    """The pages are all there, and some of them are another's."""
    with closing(sqlite3.connect(path)) as connection:
        pages = [row[0] for row in connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")]
    size = 4096
    data = bytearray(path.read_bytes())
    for page in pages[3:]:
        data[(page - 1) * size : page * size] = b"\x0d" + bytes(range(1, 256)) * 16 + bytes(15)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        pytest.param(nothing, StateError, "there is no state at", id="not there"),
        pytest.param(no_database, StateDamaged, "not a database", id="no database"),
        pytest.param(another_database, StateError, "is no state of feedmill's", id="another database"),
        pytest.param(truncated, StateDamaged, "it ends at byte", id="truncated"),
        pytest.param(clipped, StateDamaged, "it ends at byte", id="without its last bytes"),
        pytest.param(scrambled, StateDamaged, "is damaged", id="scrambled"),
    ],
)
def test_what_is_no_whole_state_is_not_copied(
    tmp_path: Path, state_path: Path, spoil: object, error: type[StateError], said: str
) -> None:
    """A copy that could not be gone back to would be worse than none."""
    spoil(state_path)  # type: ignore[operator]
    with pytest.raises(error, match=said) as raised:
        backup(state_path, tmp_path / "copy.db")
    assert type(raised.value) is error
    assert not [left for left in tmp_path.iterdir() if "copy.db" in left.name or "backup" in left.name]


# --- what is opened -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", [no_database, truncated, clipped])
async def test_a_file_that_is_no_whole_database_is_never_opened(state_path: Path, spoil: object) -> None:
    """Neither to write nor to read: the error says what can be done."""
    spoil(state_path)  # type: ignore[operator]
    with pytest.raises(StateDamaged, match="feedmill recover"):
        await new_store(state_path).__aenter__()
    with pytest.raises(StateDamaged, match="feedmill backup"):
        read_status(state_path)


@pytest.mark.parametrize("logged", [True, False])
async def test_a_file_that_was_cut_is_whole_only_with_what_its_log_has(state_path: Path, logged: bool) -> None:
    """A power failure while the log is carried over may cut the file, and the log makes that good; one that has not the
    pages that the file lacks does not."""
    with closing(sqlite3.connect(state_path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        if logged:
            connection.execute("CREATE TABLE last_page (x)")
        else:
            connection.execute("INSERT INTO meta VALUES ('test', 'on another page')")
        last = length(state_path)
        copy = state_path.with_name("copy.db")
        shutil.copy(state_path.with_name("feedmill.db-wal"), copy.with_name("copy.db-wal"))
        connection.execute("PRAGMA wal_checkpoint")
        size = length(state_path)
        shutil.copy(state_path, copy)
    assert (size > last) is logged
    os.truncate(copy, size - 10)
    if logged:
        async with new_store(copy):
            pass
        assert length(copy) == size
    else:
        with pytest.raises(StateDamaged, match=f"it ends at byte {size - 10}, within its {size // 4096} pages"):
            await new_store(copy).__aenter__()


async def test_pages_are_looked_at_after_a_process_that_died(state_path: Path) -> None:
    """What it left behind is opened when it fits together, and not when it does not."""
    with held_by_another(state_path) as process:
        with closing(sqlite3.connect(state_path)) as connection:
            connection.execute("INSERT INTO meta VALUES ('test', 'kept in the log')")
            connection.commit()
        process.send_signal(signal.SIGKILL)
        process.wait()
    log = state_path.with_name("feedmill.db-wal")
    assert log.stat().st_size > 0
    kept = log.read_bytes()
    async with new_store(state_path):
        pass
    assert not log.exists()
    scrambled(state_path)
    log.write_bytes(kept[:32])  # a log with no commit in it, as a crash right after its beginning leaves
    with pytest.raises(StateDamaged):
        await new_store(state_path).__aenter__()


async def test_pages_are_looked_at_also_where_the_log_is_gone(state_path: Path) -> None:
    """The lock still names who died; once the state was opened and closed well, it names nobody."""
    with held_by_another(state_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    whole = shutil.copy(state_path, state_path.with_name("whole.db"))
    lock = state_path.with_name("feedmill.db.lock")
    assert lock.read_text() == f"process {process.pid}\n"
    for suffix in ("-wal", "-shm"):
        state_path.with_name("feedmill.db" + suffix).unlink()
    scrambled(state_path)
    for _ in range(2):
        with pytest.raises(StateDamaged):
            await new_store(state_path).__aenter__()
    shutil.copy(whole, state_path)
    async with new_store(state_path):
        pass
    assert lock.read_text() == ""


async def test_a_state_that_was_closed_leaves_no_log(open_run: OpenRun, state_path: Path) -> None:
    """So that its next start looks at no page that it does not need."""
    async with open_run() as run:
        await filled(run)
        assert state_path.with_name("feedmill.db-wal").exists()
    assert not state_path.with_name("feedmill.db-wal").exists()
    open_database(state_path).dispose()
