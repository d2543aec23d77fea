from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Feedmill
from worker.output import locked, read_records, verify

MERGED = [
    "records/date=2026-11-23/20261123T040506Z-w1-000000000001_000000000004.jsonl",
    "records/date=2026-11-24/20261124T040506Z-w1-000000000005_000000000008.jsonl",
]


@pytest.fixture
def configured(out: Path) -> Path:
    """The output directory of the configuration; of what it holds, two days are closed."""
    (out.parent / "config").mkdir()
    (out.parent / "config/worker.yaml").write_text("feeds: []\noutput: {compact: {grace: 0s}}\n")
    return out


def test_it_says_what_it_does(configured: Path, feedmill: Feedmill) -> None:
    """A line for each file that it makes, and for those that it removes with the next run; then there is no more."""
    assert feedmill("compact").stdout.splitlines() == [f"{path}: made of 2 files" for path in MERGED]
    assert feedmill("compact").stdout.splitlines() == [
        f"{path.partition('_')[0]}.jsonl and 1 more file removed: their records are in a merged file" for path in MERGED
    ]
    assert feedmill("compact").stdout == "Nothing to do.\n"
    assert len(list(read_records(configured))) == 12
    assert verify(configured).is_sound


def test_it_packs_as_configured(configured: Path, feedmill: Feedmill) -> None:
    """With zstd; what is printed for programs is JSON. Records are read as before."""
    config = configured.parent / "config/worker.yaml"
    config.write_text("feeds: []\noutput: {compact: {zstd: true, grace: 0s}}\n")
    told = json.loads(feedmill("compact", "--json").stdout)
    assert told == {"ok": True, "done": [f"{path}.zst: made of 2 files" for path in MERGED], "failed": []}
    assert len(feedmill("records").stdout.splitlines()) == 12


def test_damage_is_said_and_keeps_nothing_else_back(configured: Path, feedmill: Feedmill) -> None:
    """The other day is compacted; the status is 1."""
    damaged = sorted(configured.glob("records/*/*"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    done = feedmill("compact", status=1)
    assert f"{damaged} is damaged, so its day is left as it is" in done.stderr
    assert done.stdout.splitlines() == [f"{MERGED[1]}: made of 2 files"]


def test_beside_a_worker_it_does_nothing(configured: Path, feedmill: Feedmill) -> None:
    """The worker does it by itself; the status is 2."""
    with locked(configured):
        done = feedmill("compact", status=2)
    assert f"is being written by process {os.getpid()}, which compacts it by itself" in done.stderr
    assert len(list(configured.glob("records/*/*"))) == 6


def test_where_nothing_was_written_there_is_nothing_to_compact(tmp_path: Path, feedmill: Feedmill) -> None:
    """No directory is made."""
    (tmp_path / "worker.yaml").write_text("feeds: []\noutput: {dir: out}\n")
    assert "there is no output directory" in feedmill("compact", "-c", "worker.yaml", status=1).stderr
    assert not (tmp_path / "out").exists()
