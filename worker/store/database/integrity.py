"""Whether the file of a SQLite state is a whole database.

When a file is opened, SQLite itself refuses one that is no database or has fewer pages than its header says. But if the
file ends inside a page, SQLite silently takes the rest for zeros, so that is checked here every time.

Pages that are whole but inconsistent can only be found by reading all of them, which takes 1.9 s a GB with a warm
cache. This is done if the process before did not end properly, or met damage. Two things show that: the lock still
names it, or its write-ahead log is still there, which is removed when a database is closed. Other damage shows when a
statement meets it; then all pages are read, too, because a disk that fails for a moment looks the same. If it shows in
another way, such as impossible rows, all pages are read to see whether damage is the cause.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, ExceptionContext, event, select
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from worker.errors import FeedmillError, StateDamaged, StateError
from worker.store.database.tables import metadata

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""Mask for the primary code in an extended result code (https://sqlite.org/rescode.html)."""
_WAYS_OUT = {
    sqlite3.SQLITE_FULL: "make room on that file system",
    sqlite3.SQLITE_IOERR: "look at the disk: the kernel's log says more; or is a quota used up?",
    sqlite3.SQLITE_READONLY: "let the user that runs feedmill write there, or mount it writable",
    sqlite3.SQLITE_PROTOCOL: "it could not be locked: is it on a network file system?",
}
_LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
_ROWS = 2_000
"""Rows fetched at once."""


_HEADER = struct.Struct(">16s H 6x I I 60x I 4x")
"""Magic, page size, change counter, size in pages, "version-valid-for" (https://sqlite.org/fileformat2.html#the_database_header)."""
_LOG_HEADER = struct.Struct(">4x 4x I 4x 8s 8x")
"""Page size and salts of a write-ahead log (https://sqlite.org/fileformat2.html#the_write_ahead_log)."""
_FRAME = struct.Struct(">I 4x 8s 8x")
"""Page number and salts of one of its frames, before the page itself."""


def left_log(path: Path) -> bool:
    """Whether a process that had the state open ended without closing it. Only meaningful before the state is
    opened."""
    log = _log(path)
    return log.exists() and log.stat().st_size > 0


class Files:
    """The state and its log as they were opened. If one is removed or replaced, everything written afterwards is lost,
    because SQLite goes on writing to a file that has no name any more."""

    def __init__(self, path: Path) -> None:
        self._path, self._names = path, (path.resolve(), _log(path))
        self._opened = self._found()

    def check(self) -> None:
        """Raises StateDamaged if they are no longer the files that were opened. What a failing disk does not show is
        looked at after the next commit."""
        try:
            found = self._found()
        except (FileNotFoundError, NotADirectoryError):
            found = None
        except OSError:
            return
        if found != self._opened:
            raise StateDamaged(str(self._path), "it, or its log, was removed or replaced while it was in use")

    def _found(self) -> list[tuple[int, int]]:
        return [(found.st_dev, found.st_ino) for found in map(os.stat, self._names)]


def check_length(path: Path) -> None:
    """Checks that the file has all the pages its header claims, except those that its log has.

    Call it before the file is opened, because SQLite then fills it up, and while no other process writes to it. A file
    that can't be read or is no database is left for SQLite to refuse. Raises StateDamaged.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
            size = os.fstat(file.fileno()).st_size
        if len(head) < _HEADER.size:
            return
        magic, page_size, changes, pages, valid_for = _HEADER.unpack(head)
        page_size = 65536 if page_size == 1 else page_size
        if magic != b"SQLite format 3\0" or page_size < 512:
            return
        # The size in pages is valid only if both counters agree; an old version of SQLite may have written the file.
        expected = pages if changes == valid_for else -(-size // page_size)
        lacking = set(range(size // page_size + 1, expected + 1))
        if lacking and not lacking <= set(_logged(_log(path), page_size)):
            raise StateDamaged(str(path), f"it ends at byte {size}, within its {expected} pages of {page_size} bytes")
    except OSError:
        return


def _log(path: Path) -> Path:
    state = path.resolve()  # SQLite puts its log beside the real file, not beside a link to it
    return state.with_name(state.name + "-wal")


def _logged(log: Path, page_size: int) -> Iterator[int]:
    """The numbers of the pages in a log, including uncommitted ones; reading all pages will find those missing."""
    if not log.exists():
        return
    with log.open("rb") as file:
        head = file.read(_LOG_HEADER.size)
        if len(head) < _LOG_HEADER.size or _LOG_HEADER.unpack(head)[0] != page_size:
            return
        salts = _LOG_HEADER.unpack(head)[1]
        while len(frame := file.read(_FRAME.size)) == _FRAME.size:
            page, own_salts = _FRAME.unpack(frame)
            if own_salts != salts:
                return
            yield page
            file.seek(page_size, os.SEEK_CUR)


def check(engine: Engine, path: Path, *, every_row: bool = False) -> None:
    """Reads every page, but not every index entry (`quick_check`); with `every_row`, those and all rows, too, which
    takes several times as long. Raises StateDamaged, StateError."""
    try:
        with engine.connect() as connection:
            pragma = "integrity_check" if every_row else "quick_check"
            found = connection.exec_driver_sql(f"PRAGMA {pragma}(1)").scalar()
            if found != "ok":
                raise StateDamaged(str(path), " ".join(str(found).split()))
            for table in metadata.sorted_tables if every_row else ():
                for _ in connection.execute(select(table).execution_options(yield_per=_ROWS)).partitions():
                    pass
    except DatabaseError as error:
        raise StateError(f"can't look at the state {path}: {reason(error)}") from error


def reason(error: DBAPIError) -> str:
    """What the database says, in one line, and what can be done about it where that is known."""
    said = " ".join(str(error.orig).split())
    way_out = _WAYS_OUT.get(getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY)
    if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        way_out = "another session keeps it locked: pg_locks and pg_stat_activity tell which"
    return f"{said} ({way_out})" if way_out else said


def suspect(engine: Engine, path: Path, error: Exception) -> bool:
    """After an error that damage may have caused (not one of the disk, or a timeout), reads every page. Returns whether
    it did. Raises StateDamaged."""
    if isinstance(error, FeedmillError | OperationalError):
        return False
    try:
        check(engine, path)
    except StateDamaged as damage:
        raise damage from error
    except StateError:
        pass  # the check itself failed, so the error is reported as it is
    return True


def tell_damage(engine: Engine, path: Path) -> None:
    """Makes statements that meet damage in the file raise StateDamaged instead of SQLite's own error.

    SQLite also takes a disk that fails to read for damage. So all pages are read once more: if they are sound now, or
    can't be read, the statement raises StateError, and can be tried again.
    """

    @event.listens_for(engine, "handle_error")
    def _told(context: ExceptionContext) -> None:
        error = context.original_exception
        if _is_no_text(error):
            raise StateDamaged(str(path), "a text is not UTF-8") from error
        if not _is_damage(error):
            return
        if context.connection is not None:
            _drop_cache(context.connection.connection.driver_connection)
        try:
            sound = _is_sound(path)
        except sqlite3.Error as other:
            raise StateError(f"the state {path} may be damaged ({error}), or can't be read now: {other}") from error
        if sound:
            raise StateError(f"the state {path} could not be read ({error}), but is sound: look at the disk") from error
        raise StateDamaged(str(path), str(error)) from error


def _is_damage(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _DAMAGED


def _is_no_text(error: BaseException) -> bool:
    """SQLite accepts any bytes as text, but feedmill only ever writes UTF-8."""
    return isinstance(error, UnicodeDecodeError) or str(error).startswith("Could not decode to UTF-8")


def _drop_cache(connection: Any) -> None:
    """Lets the connection read its pages from the file again."""
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA shrink_memory")


def _is_sound(path: Path) -> bool:
    """Reads every page and index entry, over another connection. Raises sqlite3.Error if that is not possible."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                return False
            raise
