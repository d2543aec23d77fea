"""Whether the file of the state is a whole database.

SQLite itself refuses a file that is no database, or shorter than its header says, as soon as it is opened. Pages that
are whole but do not fit together take a look at all of them: 1.9 s a GB on a warm cache. It is taken when the process
before did not come to its end. Two things tell: the lock names it still; and its write-ahead log is there, which who
closes a database last takes away.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from worker.errors import StateDamaged, StateError

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""Of an extended result code (https://sqlite.org/rescode.html)."""


def left_log(path: Path) -> bool:
    """Whether a process that had the state open ended without closing it. To be asked before it is opened."""
    state = path.resolve()  # SQLite has its log beside the file, whatever links lead to it
    log = state.with_name(state.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def check(engine: Engine, path: Path) -> None:
    """Looks at every page, though not at every index entry (`quick_check`). Raises StateDamaged, StateError."""
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    except DatabaseError as error:
        raise damaged(path, error) or StateError(f"can't look at the state {path}: {error.orig}") from error
    if found != "ok":
        raise StateDamaged(str(path), str(found))


def damaged(path: Path, error: DatabaseError) -> StateDamaged | None:
    """What SQLite says, where it means that the file is damaged."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY
    return StateDamaged(str(path), str(error.orig)) if code in _DAMAGED else None
