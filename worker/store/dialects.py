"""One statement for many rows, as each of the two databases carries it out best.

To SQLite a list of ids is a list, and a change of many rows is a prepared statement for each of them. To PostgreSQL
both are arrays: one statement, whatever their length, prepared once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, Row, any_, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from worker.store.batches import chunks
from worker.store.locks import is_shared

Which = Callable[[Any], ColumnElement[bool]]
"""Whether a column is among the ids."""


class Each:
    """A statement for the rows with some ids: `make` is told how it says which those are."""

    def __init__(self, make: Callable[[Which], Any]) -> None:
        self._of_list = make(lambda column: column.in_(bindparam("ids", expanding=True)))
        self._of_array = make(lambda column: column == any_(bindparam("ids", type_=ARRAY(column.type))))

    def execute(self, connection: Connection, ids: Collection[Any], **values: Any) -> None:
        """values: of its other parameters."""
        ids = sorted(set(ids))
        if ids and is_shared(connection):
            connection.execute(self._of_array, {"ids": ids, **values})
            return
        for batch in chunks(ids):
            connection.execute(self._of_list, {"ids": batch, **values})

    def rows(self, connection: Connection, ids: Collection[Any], **values: Any) -> Sequence[Row[Any]]:
        """Of one that selects."""
        ids = sorted(set(ids))
        if ids and is_shared(connection):
            return connection.execute(self._of_array, {"ids": ids, **values}).all()
        found: list[Row[Any]] = []
        for batch in chunks(ids):
            found += connection.execute(self._of_list, {"ids": batch, **values})
        return found


def change(connection: Connection, statement: Any, at_once: str, rows: Sequence[dict[str, int]]) -> None:
    """Carries out an UPDATE for each of the rows of parameters, which are integers.

    at_once: the same for all of them in PostgreSQL's words, where each parameter is an array: to carry out one for each
    row costs the worker three times as much CPU.
    """
    if not rows:
        return
    if is_shared(connection):
        connection.exec_driver_sql(at_once, {name: [row[name] for row in rows] for name in rows[0]})
    else:
        connection.execute(statement, rows)


class latest(FunctionElement[int]):  # noqa: N801  # a function of SQL
    """The greatest of several instants."""

    type = BigInteger()
    inherit_cache = True


class earliest(FunctionElement[int]):  # noqa: N801
    """The least of several instants."""

    type = BigInteger()
    inherit_cache = True


@compiles(latest, "postgresql")
def _greatest(element: latest, compiler: Any, **how: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **how)})"


@compiles(earliest, "postgresql")
def _least(element: earliest, compiler: Any, **how: Any) -> str:
    return f"least({compiler.process(element.clauses, **how)})"


@compiles(latest, "sqlite")
def _max(element: latest, compiler: Any, **how: Any) -> str:
    return f"max({compiler.process(element.clauses, **how)})"


@compiles(earliest, "sqlite")
def _min(element: earliest, compiler: Any, **how: Any) -> str:
    return f"min({compiler.process(element.clauses, **how)})"
