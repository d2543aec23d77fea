"""An output directory in shards: how it is laid out, and that it stays so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.output.conftest import SCHEMA, make_segments
from worker.errors import OutputError
from worker.output import OutputDirectory, make_shards, shards_in
from worker.record import shard_name


def write_to(folder: Path) -> None:
    OutputDirectory.open(folder, schema=SCHEMA).publish(make_segments(1)[0])


def test_one_shard_is_no_folder(out: Path) -> None:
    """Nothing is made, not even the directory: whether it is the right one is not known yet."""
    make_shards(out, 1)
    assert not out.exists()
    assert shards_in(out) == [""]


def test_all_folders_are_there_from_the_beginning(out: Path) -> None:
    """In the order of their numbers, however many digits these have; made twice, they are the same."""
    make_shards(out, 12)
    make_shards(out, 12)
    assert shards_in(out) == [f"shard={number:02}" for number in range(12)]
    make_shards(out.with_name("more"), 256)
    assert shards_in(out.with_name("more"))[98:102] == ["shard=98", "shard=99", "shard=100", "shard=101"]


def test_what_a_crash_left_undone_is_done(out: Path) -> None:
    """Before all folders are there, there is no record."""
    (out / "shard=01").mkdir(parents=True)
    make_shards(out, 3)
    assert shards_in(out) == ["shard=00", "shard=01", "shard=02"]


@pytest.mark.parametrize(("before", "then"), [(1, 4), (4, 1), (4, 2), (2, 4)])
def test_a_directory_with_records_keeps_its_number(out: Path, before: int, then: int) -> None:
    make_shards(out, before)
    write_to(out / shard_name(before - 1, before))
    with pytest.raises(OutputError, match=rf"laid out for {before} shards?, output.shards says {then}: set it to"):
        make_shards(out, then)
    make_shards(out, before)


def test_folders_that_are_no_longer_shards_are_not_left_beside_the_records(out: Path) -> None:
    """Readers would go by them."""
    make_shards(out, 4)
    with pytest.raises(OutputError, match="laid out for 4 shards"):
        make_shards(out, 1)


def test_what_else_is_there_is_no_shard(out: Path) -> None:
    for name in ("shard=1", "shard=000", "shard=x", "consumers", "shard=00.bak"):
        (out / name).mkdir(parents=True)
    assert shards_in(out) == [""]
