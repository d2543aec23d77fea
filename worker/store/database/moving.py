"""A whole state, copied from one database to another: from SQLite to PostgreSQL, or back.

Both are locked meanwhile. Rows are read in one transaction and written in another, then read back and compared. At the
end the old state is marked with where it went and is refused from then on, because two states that publish under the
same names would publish everything twice. Until then the new one is marked as arriving, and is refused, too. If a move
is cut off, the next one starts over or, if only the mark was left to remove, completes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from worker.errors import StateError
from worker.model import State
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.database.columns import storable
from worker.store.database.holding import locked
from worker.store.database.integrity import check, reason
from worker.store.database.migrating import refuse_moved
from worker.store.database.opening import is_there, open_database

_ROWS = 2_000
_TABLES: Sequence[Table] = [table for table in t.metadata.sorted_tables if table is not t.member]
"""All tables except that of the processes working on the state, of which there are none."""


def move(source: State, target: State) -> int:
    """Copies a state. Returns how many rows it has. Raises StateLocked, StateDamaged, StateError; then the source is
    unchanged, and the target is empty as before or has a copy that was cut off."""
    if not is_there(source):
        raise StateError(f"there is no state at {source}")
    with _opened(source) as old, _opened(target) as new:
        if isinstance(source, Path):
            check(old, source)
        cut_off = _said(new, notes.ARRIVING) is not None
        if not (cut_off and _said(old, notes.MOVED) == str(target)):
            refuse_moved(source, old)
            if not cut_off:
                _refuse_full(target, new)
            with old.begin() as reading:
                _copy(source, target, reading, new)
                notes.keep(reading, notes.MOVED, str(target))
        with _told(target), new.begin() as arrived:
            notes.keep(arrived, notes.ARRIVING, None)
            return sum(arrived.scalar(_counted(table)) or 0 for table in _TABLES)


def _said(engine: Engine, name: str) -> str | None:
    with engine.connect() as connection:
        return notes.kept(connection, name)


def _refuse_full(target: State, engine: Engine) -> None:
    with _told(target), engine.connect() as connection:
        if any(connection.execute(_rows(table).limit(1)).first() is not None for table in _TABLES):
            raise StateError(f"there is a state in {target} already; name an empty database or schema")


def _copy(source: State, target: State, reading: Connection, new: Engine) -> None:
    """Copies all rows, in place of those of a copy that was cut off."""
    with _told(target), new.begin() as writing:
        for table in reversed(_TABLES):
            writing.execute(delete(table))
        sums = {table.name: _copied(table, reading, writing) for table in _TABLES}
        notes.keep(writing, notes.ARRIVING, str(source))
    with _told(target), new.connect() as written:
        for table in _TABLES:
            if _sum(_tuples(table, written)) != sums[table.name]:
                raise StateError(f"{target} has other rows of {table.name} than {source}: try again")


@contextmanager
def _opened(state: State) -> Iterator[Engine]:
    with ExitStack() as held:
        held.enter_context(locked(state))
        engine = open_database(state, alone=True)
        held.callback(engine.dispose)
        yield engine


@contextmanager
def _told(state: State) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StateError(f"can't write to {state}: {reason(error)}") from error


def _rows(table: Table) -> Any:
    return _moving(table, select(table).execution_options(yield_per=_ROWS))


def _counted(table: Table) -> Any:
    return _moving(table, select(func.count()).select_from(table))


def _moving(table: Table, rows: Any) -> Any:
    return rows.where(t.meta.c.key.not_in(notes.OF_THE_DATABASE)) if table is t.meta else rows


def _tuples(table: Table, connection: Connection) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The rows in pieces, in a form that every database can store."""
    for rows in connection.execute(_rows(table)).partitions():
        yield [_storable(row) for row in rows]


def _storable(row: Row[Any]) -> tuple[Any, ...]:
    """The row without NUL characters."""
    return tuple(storable(value) if isinstance(value, str) else value for value in row)


def _copied(table: Table, reading: Connection, writing: Connection) -> tuple[int, int]:
    """Copies a table. Returns its `_sum`."""

    def pieces() -> Iterator[Sequence[tuple[Any, ...]]]:
        for rows in _tuples(table, reading):
            _write(table, writing, rows)
            yield rows

    found = _sum(pieces())
    number = table.autoincrement_column
    if writing.dialect.name == "postgresql" and number is not None and found[0]:
        last = writing.scalar(select(func.max(number)))
        sequence = text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
        writing.execute(sequence, {"table": table.name, "column": number.name, "last": last})
    return found


def _write(table: Table, writing: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    names = [column.name for column in table.c]
    if writing.dialect.name != "postgresql":
        writing.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
        return
    import psycopg  # an extra

    driver: Any = writing.connection.driver_connection
    columns = ", ".join(f'"{name}"' for name in names)
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise StateError(f"the rows of {table.name} can't be copied: {' '.join(str(error).split())}") from error


def _sum(pieces: Iterator[Sequence[tuple[Any, ...]]]) -> tuple[int, int]:
    """The number of rows, and the sum of their hashes, which does not depend on their order."""
    count = total = 0
    for rows in pieces:
        count += len(rows)
        for row in rows:
            total += int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=8).digest())
    return count, total % 2**64
