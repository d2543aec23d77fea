from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.model import Millis
from worker.output import OutputDirectory, Row, Segment, segment_path

DAY_MS = 86_400_000
START = Millis(1_795_406_706_000)  # 2026-11-23T04:05:06Z
SCHEMA = b'{"title":"Record"}'

Segments = Callable[..., list[Segment]]


def make_row(seq: int, text: str) -> Row:
    ingest = {"schema": 1, "writer": "", "seq": 0, "op": "new", "revision": 0, "ingested_at": "", "feed_id": "a"}
    ingest |= {"cluster_id": None, "duplicate_of": None, "duplicate_kind": None, "license": None}
    body = {"id": f"{seq:032x}", "content_text": text, "_ingest": ingest}
    return Row(seq=seq, op="new", revision=1, ingested_at=Millis(START + seq), body=json.dumps(body).encode())


def make_segments(count: int, *, writer: str = "w1", records: int = 3, a_day: int = 4, size: int = 20) -> list[Segment]:
    """Segments that follow one on the other, `a_day` of them to a date; the same for the same arguments."""
    made = []
    for index in range(count):
        first = 1 + index * records
        days, minutes = divmod(index, a_day)
        path = segment_path(
            at=Millis(START + days * DAY_MS + minutes * 60_000),
            date=f"2026-11-{23 + days:02d}",
            writer=writer,
            first_seq=first,
        )
        rows = tuple(make_row(seq, f"{seq} é\u2028" + "x" * size) for seq in range(first, first + records))
        made.append(Segment(path=path, writer=writer, first_seq=first, rows=rows))
    return made


@pytest.fixture
def segments() -> Segments:
    return make_segments


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def reopen(out: Path) -> Callable[[], OutputDirectory]:
    """Opens the output directory anew, as the next process would."""
    return lambda: OutputDirectory.open(out, schema=SCHEMA)
