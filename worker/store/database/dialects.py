"""One statement for many rows, in the way that is fastest for each database.

SQLite gets a list of ids as a list, and a change of many rows as one prepared statement per row. PostgreSQL gets arrays
for both: one statement, whatever their length, prepared once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Executable,
    Row,
    Table,
    bindparam,
    literal_column,
    update,
)
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from worker.store.database.batches import SIZE, bound, chunks, to
from worker.store.database.columns import storable
from worker.store.database.locks import among, is_shared, numbers

_POSTGRESQL = PGDialect()  # type: ignore[no-untyped-call]

Which = Callable[[Any], ColumnElement[bool]]
"""Given a column, the condition that its value is among the ids."""


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


class Each:
    """A statement for rows with certain ids. `make` gets the function that makes the condition for them."""

    def __init__(self, make: Callable[[Which], Any]) -> None:
        self._of_list = make(lambda column: column.in_(bindparam("ids", expanding=True)))
        self._of_array = make(among)

    def execute(self, connection: Connection, ids: Collection[Any], **values: Any) -> None:
        """values: its other parameters."""
        for statement, some in self._parts(connection, ids):
            connection.execute(statement, {"ids": some, **values})

    def rows(self, connection: Connection, ids: Collection[Any], **values: Any) -> Sequence[Row[Any]]:
        """Like `execute`, for a statement that returns rows."""
        found: list[Row[Any]] = []
        for statement, some in self._parts(connection, ids):
            found += connection.execute(statement, {"ids": some, **values})
        return found

    def _parts(self, connection: Connection, ids: Collection[Any]) -> list[tuple[Any, Sequence[Any]]]:
        ids = sorted(set(ids))
        if ids and is_shared(connection):
            return [(self._of_array, ids)]
        return [(self._of_list, batch) for batch in chunks(ids)]


class Many:
    """A statement that is run once for each of many rows of parameters.

    SQLite gets them directly, with SQL that is compiled once, because SQLAlchemy takes longer over each row than SQLite
    does. Its column types are bypassed, so none of them may convert values.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement: Any = statement
        self._worded: dict[tuple[str, ...], tuple[str, Callable[[dict[str, Any]], Any]]] = {}

    def execute(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """All rows must have the same parameters."""
        if not rows:
            return
        if not is_sqlite(connection):
            connection.execute(self._statement, rows)
            return
        names = tuple(rows[0])
        if names not in self._worded:
            self._worded[names] = self._words(names, connection.dialect)
        words, values = self._worded[names]
        connection.exec_driver_sql(words, [values(row) for row in rows])

    def _words(self, names: tuple[str, ...], dialect: Dialect) -> tuple[str, Callable[[dict[str, Any]], Any]]:
        compiled = self._statement.compile(dialect=dialect, column_keys=names)
        order = compiled.positiontup
        fixed = {name: compiled.params[name] for name in order if name not in names}
        values = itemgetter(*order) if len(order) > 1 else lambda row: (row[order[0]],)
        return compiled.string, (lambda row: values(row | fixed)) if fixed else values


def change(connection: Connection, statement: Many, at_once: str, rows: Sequence[dict[str, int]]) -> None:
    """Runs an UPDATE for each of the rows of integer parameters.

    at_once: PostgreSQL's statement for all rows together, where each parameter is an array; one statement per row would
    cost the worker three times as much CPU.
    """
    if not rows:
        return
    if is_shared(connection):
        connection.exec_driver_sql(at_once, {name: numbers(row[name] for row in rows) for name in rows[0]})
    else:
        statement.execute(connection, rows)


class Among:
    """A query without other parameters, for rows in which a column has one of many values. `make` gets the function
    that makes the condition. As with `Many`, SQLite gets the values directly, and returns values as it stores them."""

    _HERE = "(@among)"

    def __init__(self, make: Callable[[Which], Any]) -> None:
        self._of_list = make(lambda column: column.in_(bindparam("ids", expanding=True)))
        self._of_words = make(lambda column: column.op("IN", is_comparison=True)(literal_column(self._HERE)))
        self._of_any, self._words = "", dict[int, str]()

    def rows(self, connection: Connection, values: Collection[Any]) -> Iterable[Row[Any]]:
        for batch in chunks(sorted(values)):
            if not is_sqlite(connection):
                yield from connection.execute(self._of_list, {"ids": batch}).all()
            else:
                # Padded to one of a few lengths, so that SQLite has the statement prepared; repeats change nothing.
                size = min(SIZE, 1 << (len(batch) - 1).bit_length())
                words = self._words.get(size) or self._for_size(size, connection.dialect)
                yield from connection.exec_driver_sql(words, (*batch, *repeat(batch[-1], size - len(batch)))).all()

    def _for_size(self, size: int, dialect: Dialect) -> str:
        self._of_any = self._of_any or str(self._of_words.compile(dialect=dialect))
        self._words[size] = self._of_any.replace(self._HERE, f"({', '.join('?' * size)})")
        return self._words[size]


class Update:
    """Sets `columns` of the rows of `table`, each row to its own values.

    PostgreSQL gets them as one JSON document; an array per column would take the worker ten times as long.
    """

    def __init__(self, table: Table, columns: Iterable[str]) -> None:
        self._columns = tuple(map(str, columns))  # plain ones, not SQLAlchemy's
        self._singly = Many(update(table).where(table.c.id == bindparam("this")).values(bound(self._columns)))
        types = {name: table.c[name].type.compile(_POSTGRESQL) for name in ("id", *self._columns)}
        self._binary = [name for name in self._columns if types[name] == "BYTEA"]
        self._text = [name for name in ("id", *self._columns) if types[name] == "TEXT"]
        self._at_once = (
            f"UPDATE {table.name} SET {', '.join(f'{name} = one.{name}' for name in self._columns)} "  # noqa: S608
            f"FROM json_to_recordset(%(rows)s::json) AS one ({', '.join(f'{n} {kind}' for n, kind in types.items())}) "
            f"WHERE {table.name}.id = one.id"
        )

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Each row must have its id and all of the columns, and may have more."""
        if not rows:
            return
        if is_shared(connection):
            connection.exec_driver_sql(
                self._at_once, {"rows": orjson.dumps([self._plain(row) for row in rows]).decode()}
            )
        else:
            self._singly.execute(connection, [{"this": row["id"]} | to(row, self._columns) for row in rows])

    def _plain(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row for JSON, with bytes in PostgreSQL's notation."""
        plain = {name: row[name] for name in ("id", *self._columns)}
        for name in self._binary:
            if plain[name] is not None:
                plain[name] = "\\x" + plain[name].hex()
        for name in self._text:
            plain[name] = storable(plain[name])
        return plain


class _Extreme(FunctionElement[int]):
    """Of several instants."""

    type = BigInteger()
    inherit_cache = True
    shared: str
    """The name of the function in PostgreSQL."""
    embedded: str
    """The name of the function in SQLite."""


class latest(_Extreme):  # noqa: N801  # a function of SQL
    """The greatest of several instants."""

    inherit_cache = True
    shared, embedded = "greatest", "max"


class earliest(_Extreme):  # noqa: N801
    """The least of several instants."""

    inherit_cache = True
    shared, embedded = "least", "min"


@compiles(_Extreme, "postgresql")
def _on_postgresql(element: _Extreme, compiler: Any, **how: Any) -> str:
    return f"{element.shared}({compiler.process(element.clauses, **how)})"


@compiles(_Extreme, "sqlite")
def _on_sqlite(element: _Extreme, compiler: Any, **how: Any) -> str:
    return f"{element.embedded}({compiler.process(element.clauses, **how)})"
