"""Whether a state and an output directory belong together, and what is said where they do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from worker.model import Millis
from worker.output import OutputDirectory, Row, Segment, segment_path
from worker.pipeline.pairing import Pairing, lacking, pairing
from worker.store import Publications

AT = Millis(1_795_406_706_000)
BODY = b'{"id":"x","_ingest":{}}'


def publish(root: Path, *firsts: int) -> list[str]:
    """Segments of a record each; their paths."""
    directory = OutputDirectory.open(root, schema=b"{}")
    paths = [segment_path(at=AT, date="2026-11-23", writer="w1", first_seq=first) for first in firsts]
    for path, seq in zip(paths, firsts, strict=True):
        row = Row(seq=seq, op="new", revision=1, ingested_at=AT, body=BODY)
        directory.publish(Segment(path=path, writer="w1", first_seq=seq, rows=(row,)))
    return paths


def nothing(root: Path) -> Publications:
    return Publications(last=None, theirs="none")


def new_beside_records(root: Path) -> Publications:
    publish(root, 1)
    return Publications(last=None, theirs="unknown")


def older(root: Path) -> Publications:
    one, _ = publish(root, 1, 2)
    return Publications(last=one, theirs="unknown")


def up_to_date(root: Path) -> Publications:
    *_, two = publish(root, 1, 2)
    return Publications(last=two, theirs="same")


def gone(root: Path) -> Publications:
    return Publications(last="records/date=2026-11-23/x.jsonl", theirs="none")


def an_older_directory(root: Path) -> Publications:
    publish(root, 1)
    return Publications(last="records/date=2026-11-23/x.jsonl", theirs="older")


def of_another(root: Path) -> Publications:
    publish(root, 1)
    return Publications(last="records/date=2026-11-23/x.jsonl", theirs="unknown")


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        (nothing, "together"),
        (up_to_date, "together"),
        (new_beside_records, "behind"),
        (older, "behind"),
        (gone, "lacking"),
        (an_older_directory, "lacking"),
        (of_another, "lacking"),
    ],
)
def test_each_knows_how_far_the_other_has_come(
    tmp_path: Path, scene: Callable[[Path], Publications], expected: Pairing
) -> None:
    """Only a state that knows the directory's last segment goes on, and only where its own last one is."""
    assert pairing(tmp_path / "out", scene(tmp_path / "out")) == expected


def test_what_is_lacking_is_named() -> None:
    """With the setting to put right, and the command that does without."""
    error = lacking(Path("/mnt/out"), Publications(last="records/x.jsonl", theirs="none"))
    assert all(part in str(error) for part in ("/mnt/out", "records/x.jsonl", "output.dir", "recover --new-output"))
