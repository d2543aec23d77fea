"""A copy of the state, made beside the engine that writes."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from worker.errors import StateDamaged, StateError
from worker.store.database.integrity import check_length, left_log
from worker.store.database.opening import is_there

_PART = ".feedmill-backup-"
"""The beginning of the name of an unfinished copy."""
_PARTS = re.compile(rf"{re.escape(_PART)}[0-9a-f]{{8}}(-journal|-wal|-shm)?")
_TRIES, _TRY_S = 20, 0.05


def backup(path: Path, target: Path, *, force: bool = False) -> int:
    """Copies the state at `path` to the file `target`, as of one commit. Returns its size in bytes.

    It is read in one transaction, so the engine can go on committing, and none of that gets into the copy. The copy is
    a single file; it is checked page by page, is durable before it gets its name, and has no wider permissions than the
    state.

    force: replace `target` if it exists. Raises StateDamaged if the copy is not a sound database, because then the
    state isn't either; StateError if the state can't be read or the copy can't be written.
    """
    if not is_there(path):
        raise StateError(f"there is no state at {path}")
    _refuse(path, target, force=force)
    if not left_log(path):
        check_length(path)
    part = target.with_name(f"{_PART}{secrets.token_hex(4)}")
    try:
        with _cleared(target.parent):
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, path.stat().st_mode & 0o666))
            try:
                _copy(path, part)
                size = _sync(part)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
            _sync(target.parent)
    except OSError as error:
        raise StateError(f"can't write the copy {target}: {error.strerror}") from error
    return size


@contextmanager
def _cleared(folder: Path) -> Iterator[None]:
    """Deletes what killed backups have left in the folder, then holds a shared lock on it so that nobody deletes ours.

    Deleting takes an exclusive lock. If the folder can't be locked (as on some network file systems), nothing is
    deleted. Raises OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in folder.iterdir():
                if _PARTS.fullmatch(left.name):
                    left.unlink(missing_ok=True)
        with suppress(OSError):
            _hold(descriptor)
        yield
    finally:
        os.close(descriptor)


def _hold(descriptor: int) -> None:
    """Waits for whoever is deleting, which takes only a moment. Gives up on a lock held longer (`flock FOLDER …`),
    because that keeps others from deleting, too."""
    for _ in range(_TRIES):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_TRY_S)


def _refuse(path: Path, target: Path, *, force: bool) -> None:
    state = path.resolve()
    ours = {state.with_name(state.name + suffix) for suffix in ("", "-wal", "-shm", ".lock")}
    if target.resolve() in ours or (target.exists() and target.samefile(state)):
        raise StateError(f"{target} is the state itself; name another file")
    if target.exists() and not (force and target.is_file()):
        raise StateError(f"{target} is there already" + ("" if target.is_dir() else "; --force replaces it"))
    log = target.with_name(target.name + "-wal")
    if log.exists():
        raise StateError(f"{log} is in the way: {target} is in use, or was not closed; name another file")


def _copy(path: Path, part: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10)) as source,
            closing(sqlite3.connect(part)) as copy,
        ):
            # All pages in one step: a backup in several starts over whenever another process writes.
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")  # a single file, readable even where nothing can be written
            found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise StateDamaged(str(path), " ".join(found.split()))
            if copy.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'").fetchone()[0] == 0:
                raise StateError(f"{path} is no state of feedmill's")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise StateDamaged(str(path), str(error)) from error
        raise StateError(f"can't copy the state {path}: {error}") from error


def _sync(path: Path) -> int:
    """Makes a file, or the names in a directory, durable. Returns its size in bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
