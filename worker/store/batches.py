"""Lists for `IN (…)` in pieces that every database takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

SIZE = 500  # SQLite's limit of variables was 999 for long, and a plan for more is no better


def chunks(items: Iterable[T], size: int = SIZE) -> Iterator[Sequence[T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
