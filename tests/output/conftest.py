from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from worker.model import Millis, Op
from worker.output import Keeping, OutputDirectory, Row, Segment, Step, segment_path
from worker.record import Ingest

DAY_MS = 86_400_000
START = Millis(1_795_406_706_000)  # 2026-11-23T04:05:06Z
NOW = Millis(START + 10 * DAY_MS)
SCHEMA = b'{"title":"Record"}'

Segments = Callable[..., list[Segment]]


def make_row(
    seq: int,
    text: str,
    *,
    id: int | None = None,
    revision: int = 1,
    op: Op = "new",
    feed: str = "a",
    tags: Sequence[str] = ("t",),
    at: int | None = None,
) -> Row:
    """A row that becomes a record of the schema; of an article of its own, unless `id` says which."""
    dates = dict.fromkeys(("ingested_at", "first_seen_at"), "2026-11-23T04:05:06Z")
    ingest = dict.fromkeys(Ingest.__annotations__) | {"schema": 1, "writer": "", "seq": 0, "op": "new", "revision": 0}
    ingest |= dates | {"feed_id": feed, "feed_url": f"https://{feed}.example/feed", "feed_tags": [*tags]}
    ingest |= {
        "content_hash": "sha256-1:" + "0" * 64,
        "extraction": "ok",
        "word_count": 2,
        "sources": {},
        "removed_lines": 0,
    }
    body = {"id": f"{id or seq:032x}", "content_text": text, "authors": [], "tags": [], "attachments": []}
    data = json.dumps(body | {"_ingest": ingest}).encode()
    return Row(seq=seq, op=op, revision=revision, ingested_at=Millis(START + seq if at is None else at), body=data)


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
        text = " é\u2028" + "x" * size
        others = 0 if writer == "w1" else 1_000_000  # each writer has articles of its own
        rows = tuple(make_row(seq, f"{seq}{text}", id=others + seq) for seq in range(first, first + records))
        made.append(Segment(path=path, writer=writer, first_seq=first, rows=rows))
    return made


def compact(
    directory: OutputDirectory, *, now: int = NOW, pack: bool = False, grace_ms: int = 0, keep_ms: int | None = None
) -> Iterator[Step]:
    """Takes the steps that are due, and those that are due then, one at a time."""
    keeping = Keeping(merge=True, pack=pack, grace_ms=grace_ms, keep_ms=keep_ms)
    while steps := directory.due(keeping, now=Millis(now)):
        for step in steps:
            directory.carry_out(step, now=Millis(now))
            yield step


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
