from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from worker import record
from worker.cli import main
from worker.model import Millis
from worker.output import OutputDirectory, Row, Segment, segment_path
from worker.record import Ingest

DAY_MS = 86_400_000
START = Millis(1_795_406_706_000)  # 2026-11-23T04:05:06Z

ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONPATH": str(Path(__file__).parents[2])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    stdout: str
    stderr: str


Feedmill = Callable[..., Done]


@pytest.fixture
def feedmill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Feedmill:
    """The command, typed in an empty folder; it has to end as it should. In this process: another takes a second."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str, status: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["feedmill", *args])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == status, said
        return Done(stdout=said.out, stderr=said.err)

    return run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Twelve records of two feeds in six files of three days; the fourth record corrects the first."""
    out = tmp_path / "out"
    publish(out, range(6))
    return out


def publish(out: Path, indexes: range, *, size: int = 0) -> None:
    """Files of two records each, two files a day."""
    directory = OutputDirectory.open(out, schema=orjson.dumps(record.json_schema()))
    for index in indexes:
        days, minutes = divmod(index, 2)
        first = 1 + 2 * index
        at = Millis(START + days * DAY_MS + minutes * 60_000)
        date = datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
        path = segment_path(at=at, date=date, writer="w1", first_seq=first)
        rows = (_row(first, at, size), _row(first + 1, at, size))
        directory.publish(Segment(path=path, writer="w1", first_seq=first, rows=rows))


def _row(seq: int, at: Millis, size: int) -> Row:
    dates = dict.fromkeys(("ingested_at", "first_seen_at"), "2026-11-23T04:05:06Z")
    ingest = dict.fromkeys(Ingest.__annotations__) | {"schema": 1, "writer": "", "seq": 0, "op": "new", "revision": 0}
    feed = "a" if seq % 2 else "b"
    ingest |= dates | {"feed_id": feed, "feed_url": f"https://{feed}.example/feed", "feed_tags": ["all", f"t-{feed}"]}
    ingest |= {
        "content_hash": "sha256-1:" + "0" * 64,
        "extraction": "ok",
        "word_count": 2,
        "sources": {},
        "removed_lines": 0,
    }
    id = f"{1 if seq == 4 else seq:032x}"
    body = {
        "id": id,
        "content_text": f"{seq} é" + "x" * size,
        "authors": [],
        "tags": [],
        "attachments": [],
        "_ingest": ingest,
    }
    corrected = seq == 4
    return Row(
        seq=seq,
        op="update" if corrected else "new",
        revision=2 if corrected else 1,
        ingested_at=at,
        body=orjson.dumps(body),
    )
