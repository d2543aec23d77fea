"""What a directory was given last, looked up without changing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.output.conftest import Segments
from worker.errors import OutputError
from worker.output import OutputDirectory, last_segment, names_segment

Reopen = Callable[[], OutputDirectory]


def test_it_is_the_last_line_of_the_last_day(out: Path, segments: Segments, reopen: Reopen) -> None:
    """And any that was published is named."""
    directory = reopen()
    for segment in (made := segments(6)):
        directory.publish(segment)
        found = last_segment(out)
        assert found is not None
        assert (found.path, found.writer, found.last_seq) == (segment.path, segment.writer, segment.last_seq)
    assert all(names_segment(out, segment.path) for segment in made)
    assert not names_segment(out, segments(7)[-1].path)


def test_there_is_none_where_there_is_no_directory_or_nothing_in_it(out: Path, reopen: Reopen) -> None:
    """It is not made by looking."""
    assert last_segment(out) is None
    assert not out.exists()
    reopen()
    assert last_segment(out) is None
    assert not names_segment(out, "records/x.jsonl")


def test_a_line_without_its_end_is_none(out: Path, segments: Segments, reopen: Reopen) -> None:
    """What a crash cut off was never published; an empty day is passed over."""
    directory = reopen()
    one, two = segments(2)
    directory.publish(one)
    directory.publish(two)
    (day,) = (out / "manifest").iterdir()
    day.write_bytes(day.read_bytes()[:-1])
    (out / "manifest" / "2026-11-25.jsonl").touch()
    found = last_segment(out)
    assert found is not None
    assert found.path == one.path


def test_what_can_not_be_read_is_an_error(out: Path, reopen: Reopen) -> None:
    """By name: nobody goes on after it."""
    reopen()
    (out / "manifest" / "2026-11-25.jsonl").write_text("no manifest\n")
    with pytest.raises(OutputError, match=r"2026-11-25\.jsonl: not a manifest line"):
        last_segment(out)
