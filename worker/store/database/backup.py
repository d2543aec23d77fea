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

_PART = ".feedmill-backup-"
"""Begins the name of a copy that is not whole yet."""
_PARTS = re.compile(rf"{re.escape(_PART)}[0-9a-f]{{8}}(-journal|-wal|-shm)?")
_TRIES, _TRY_S = 20, 0.05


def backup(path: Path, target: Path, *, force: bool = False) -> int:
    """Copies the state at `path` to the file `target`, as of one commit; its size in bytes.

    One read transaction: the engine goes on committing meanwhile, and none of that is in the copy. It is one file,
    checked page by page, durable before it bears its name, and no more open to others than the state is.

    force: replace `target` where it is there. Raises StateDamaged where the copy is no whole database, for then the
    state is none; StateError where the one can't be read or the other not be written.
    """
    if not path.exists():
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
    """The folder without what copies that were killed have left there, and held, so that nobody clears it of ours.

    It is cleared by who has it alone. Where it can't be locked (some network file systems), nothing is removed. Raises
    OSError.
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
    """Waits for who clears, which takes but a moment; not for who has locked the folder for longer (`flock FOLDER …`),
    for that keeps others from clearing, too."""
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
            # All pages at one go: a backup in steps begins again whenever another process has written.
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, that can be read where nothing can be written
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
    """Makes a file, or the names in a directory, durable; its size in bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
