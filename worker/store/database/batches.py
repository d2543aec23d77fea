"""Lists for `IN (…)`, cut into pieces that every database accepts; parameters of statements that are built once.

A statement costs more to build than to run. `bound` names the parameters of one that sets columns, and `to` makes the
values for it. The prefix `to_` is needed because SQLAlchemy reserves the columns' own names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BindParameter, bindparam

T = TypeVar("T")

SIZE = 500  # longer lists gain nothing, and some builds of SQLite take 999 variables at most


def chunks(items: Iterable[T], size: int = SIZE) -> Iterator[Sequence[T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


def bound(columns: Iterable[str]) -> dict[str, BindParameter[Any]]:
    """The `values` of a statement that sets these columns."""
    return {column: bindparam(f"to_{column}") for column in columns}


def to(values: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    """The parameters of a statement made with `bound(columns)`."""
    return {f"to_{column}": values[column] for column in columns}
