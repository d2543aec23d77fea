"""When there is too little room on disk, and when there is enough again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker.pipeline import Room
from worker.pipeline.room import free_bytes

MB = 1_000_000


def test_the_room_is_that_of_the_file_system(tmp_path: Path) -> None:
    """Without what is reserved for root."""
    found = os.statvfs(tmp_path)
    assert 0 < free_bytes(tmp_path) <= found.f_bfree * found.f_frsize
    assert Room([tmp_path], min_free=1).shortage() is None
    assert str(tmp_path) in (Room([tmp_path], min_free=2**63).shortage() or "")


@pytest.mark.parametrize(
    ("free", "is_short"),
    [
        pytest.param([600, 500, 499, 500, 549, 550, 500], [0, 0, 1, 1, 1, 0, 0], id="down and up"),
        pytest.param([0, 10_000], [1, 0], id="full, and emptied"),
        pytest.param([499, 501, 499, 501], [1, 1, 1, 1], id="a file that comes and goes"),
    ],
)
def test_it_takes_a_tenth_more_to_go_on_than_to_go_on_without_stop(free: list[int], is_short: list[int]) -> None:
    """In MB, with 500 wanted: exactly that is enough, but not to begin again."""
    sizes = iter(free)
    room = Room([Path("out")], min_free=500 * MB, free=lambda _: next(sizes) * MB)
    assert [room.shortage() is not None for _ in free] == [bool(short) for short in is_short]


def test_each_folder_has_to_have_room() -> None:
    """The one that has not is named, with what it has and what is wanted."""
    sizes = {Path("out"): 900 * MB, Path("state"): 12 * MB + 345_678}
    room = Room(list(sizes), min_free=500 * MB, free=sizes.__getitem__)
    assert room.shortage() == "state has 12.3 MB free, output.min_free is 500.0 MB"


def test_little_room_is_told_exactly_enough() -> None:
    """No difference between two figures is rounded away."""
    room = Room([Path("out")], min_free=12_000, free=lambda _: 3_400)
    assert room.shortage() == "out has 3.4 kB free, output.min_free is 12.0 kB"
    room = Room([Path("out")], min_free=500 * MB, free=lambda _: 500 * MB - 100_000)
    assert room.shortage() == "out has 499.9 MB free, output.min_free is 500.0 MB"


def test_a_folder_that_can_not_be_asked_is_passed_over(tmp_path: Path) -> None:
    """Whoever writes there will say what is wrong with it."""
    assert Room([tmp_path / "gone"], min_free=2**63).shortage() is None
