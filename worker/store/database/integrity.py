"""Whether the file of the state is a whole database.

SQLite itself refuses a file that is no database, or whole pages shorter than its header says, as soon as it is opened;
of one that ends inside a page it takes the rest for zeros and says nothing, so that is looked at here, each time.
Pages that are whole but do not fit together take a look at all of them: 1.9 s a GB on a warm cache. It is taken when
the process before did not come to its end, or met damage. Two things tell: the lock names it still; and its write-ahead
log is there, which who closes a database last takes away. Damage that is there all the same shows with the statement
that meets it, whichever that is: it raises StateDamaged. Where it shows as something else, as rows that can't be, all
pages are looked at for it.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, ExceptionContext, event, select
from sqlalchemy.exc import DatabaseError, OperationalError

from worker.errors import FeedmillError, StateDamaged, StateError
from worker.store.database.tables import metadata

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""Of an extended result code (https://sqlite.org/rescode.html)."""
_ROWS = 2_000
"""That are read at once."""


_HEADER = struct.Struct(">16s H 6x I I 60x I 4x")
"""Magic, page size, change counter, size in pages, "version-valid-for" (https://sqlite.org/fileformat2.html#the_database_header)."""
_LOG_HEADER = struct.Struct(">4x 4x I 4x 8s 8x")
"""Page size and salts of a write-ahead log (https://sqlite.org/fileformat2.html#the_write_ahead_log)."""
_FRAME = struct.Struct(">I 4x 8s 8x")
"""Page number and salts of one of its frames, before the page itself."""


def left_log(path: Path) -> bool:
    """Whether a process that had the state open ended without closing it. To be asked before it is opened."""
    log = _log(path)
    return log.exists() and log.stat().st_size > 0


class Files:
    """The state and its log as they are open. Whoever removes or replaces one takes away all that is written since,
    and SQLite goes on with what has no name any more."""

    def __init__(self, path: Path) -> None:
        self._path, self._names = path, (path.resolve(), _log(path))
        self._opened = self._found()

    def check(self) -> None:
        """Raises StateDamaged where they are not these."""
        try:
            found = self._found()
        except OSError:
            found = None
        if found != self._opened:
            raise StateDamaged(str(self._path), "it, or its log, was removed or replaced while it was in use")

    def _found(self) -> list[tuple[int, int]]:
        return [(found.st_dev, found.st_ino) for found in map(os.stat, self._names)]


def check_length(path: Path) -> None:
    """Looks whether the file has all the pages that its header speaks of, but for those that its log has anew.

    To be called before it is opened, for SQLite fills it up; while no other process writes to it. What can't be read,
    or is no database at all, is left for SQLite to refuse. Raises StateDamaged.
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
        # The size in pages is only to be believed when both counters agree; another program may have written here.
        expected = pages if changes == valid_for else -(-size // page_size)
        lacking = set(range(size // page_size + 1, expected + 1))
        if lacking and not lacking <= set(_logged(_log(path), page_size)):
            raise StateDamaged(str(path), f"it ends at byte {size}, within its {expected} pages of {page_size} bytes")
    except OSError:
        return


def _log(path: Path) -> Path:
    state = path.resolve()  # SQLite has its log beside the file, whatever links lead to it
    return state.with_name(state.name + "-wal")


def _logged(log: Path, page_size: int) -> Iterator[int]:
    """The numbers of the pages that stand in a log; also those that no commit ends, which a whole look will find."""
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
    """Looks at every page, though not at every index entry (`quick_check`); with `every_row` at these, too, and at what
    the rows say, which costs several times that. Raises StateDamaged, StateError."""
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
        raise StateError(f"can't look at the state {path}: {error.orig}") from error


def suspect(engine: Engine, path: Path, error: Exception) -> bool:
    """Looks at every page after an error that damage may be behind: none of the disk's, or of time. Whether it did.
    Raises StateDamaged."""
    if isinstance(error, FeedmillError | OperationalError):
        return False
    try:
        check(engine, path)
    except StateDamaged as damage:
        raise damage from error
    except StateError:
        pass  # it could not be looked at: the error is told as it is
    return True


def tell_damage(engine: Engine, path: Path) -> None:
    """Has the statement that meets damage of the file raise StateDamaged, where SQLite's own error would be."""

    @event.listens_for(engine, "handle_error")
    def _told(context: ExceptionContext) -> None:
        problem = _damage(context.original_exception)
        if problem is not None:
            raise StateDamaged(str(path), problem) from context.original_exception


def _damage(error: BaseException) -> str | None:
    if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _DAMAGED:
        return str(error)
    # SQLite takes any bytes for text, feedmill has written none that are not UTF-8.
    is_text = isinstance(error, UnicodeDecodeError) or str(error).startswith("Could not decode to UTF-8")
    return "a text is not UTF-8" if is_text else None
