"""Lists for `IN (…)` in pieces that every database takes, and statements that are built once.

A statement costs more to build than to carry out. `bound` names the parameters of one that sets columns, and `to` the
values for them: `to_` keeps them apart from the columns' own names, which SQLAlchemy takes for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BindParameter, bindparam

T = TypeVar("T")

SIZE = 500  # SQLite's limit of variables was 999 for long, and a plan for more is no better


def chunks(items: Iterable[T], size: int = SIZE) -> Iterator[Sequence[T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


def bound(columns: Iterable[str]) -> dict[str, BindParameter[Any]]:
    """The values of a statement that sets these columns."""
    return {column: bindparam(f"to_{column}") for column in columns}


def to(values: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    """The parameters of one that was made with `bound(columns)`, out of `values`."""
    return {f"to_{column}": values[column] for column in columns}
