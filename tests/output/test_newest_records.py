"""The records that were sealed last, the newest first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.output.conftest import NOW, Segments, compact
from worker.errors import OutputError
from worker.output import OutputDirectory, newest

Reopen = Callable[[], OutputDirectory]


def seqs(out: Path, limit: int = 100) -> list[int]:
    return [record["_ingest"]["seq"] for record in newest(out, limit)]


def test_they_come_from_the_ends_of_files(out: Path, reopen: Reopen, segments: Segments) -> None:
    """As many as are asked for, over the days."""
    for segment in segments(6):
        reopen().publish(segment)
    assert seqs(out, 5) == [18, 17, 16, 15, 14]
    assert seqs(out) == list(range(18, 0, -1))


def test_what_was_merged_is_there_too(out: Path, reopen: Reopen, segments: Segments) -> None:
    """In its place, though the manifest names it later."""
    made = segments(6)
    for segment in made[:5]:
        reopen().publish(segment)
    list(compact(reopen()))
    reopen().publish(made[5])
    assert seqs(out) == list(range(18, 0, -1))


def test_packed_days_are_left_out(out: Path, reopen: Reopen, segments: Segments) -> None:
    """They are read from the beginning only, which a page can't wait for."""
    for segment in segments(6):
        reopen().publish(segment)
    list(compact(reopen(), now=NOW, pack=True))
    assert seqs(out) == list(range(18, 12, -1))  # the last day is still open


def test_where_there_is_nothing_it_is_none(tmp_path: Path) -> None:
    """No directory, no record."""
    assert newest(tmp_path, 10) == []


def test_a_damaged_file_is_named(out: Path, reopen: Reopen, segments: Segments) -> None:
    """By its path."""
    (segment,) = segments(1)
    reopen().publish(segment)
    path = out / segment.path
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-20] + b"!\n")
    with pytest.raises(OutputError, match=path.name):
        newest(out, 10)
