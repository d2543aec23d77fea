from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from worker import record
from worker.model import Millis
from worker.output import OutputDirectory, Row, Segment, segment_path
from worker.record import Ingest

DAY_MS = 86_400_000
START = Millis(1_795_406_706_000)  # 2026-11-23T04:05:06Z

Feedmill = Callable[..., subprocess.CompletedProcess[str]]
REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "error", "COLUMNS": "200", "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture
def feedmill(tmp_path: Path) -> Feedmill:
    """The command, typed in an empty folder; it has to end as it should."""

    def run(*args: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "worker.cli", *args]
        done = subprocess.run(
            command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Twelve records of two feeds in six files of three days; the fourth record corrects the first."""
    out = tmp_path / "out"
    directory = OutputDirectory.open(out, schema=orjson.dumps(record.json_schema()))
    for index in range(6):
        days, minutes = divmod(index, 2)
        first = 1 + 2 * index
        at = Millis(START + days * DAY_MS + minutes * 60_000)
        path = segment_path(at=at, date=f"2026-11-{23 + days}", writer="w1", first_seq=first)
        rows = (_row(first, at), _row(first + 1, at))
        directory.publish(Segment(path=path, writer="w1", first_seq=first, rows=rows))
    return out


def _row(seq: int, at: Millis) -> Row:
    dates = dict.fromkeys(("ingested_at", "first_seen_at"), "2026-11-23T04:05:06Z")
    ingest = dict.fromkeys(Ingest.__annotations__) | {"schema": 1, "writer": "", "seq": 0, "op": "new", "revision": 0}
    feed = "a" if seq % 2 else "b"
    ingest |= dates | {"feed_id": feed, "feed_url": f"https://{feed}.example/feed", "feed_tags": ["all", f"t-{feed}"]}
    ingest |= {"content_hash": "sha256-1:" + "0" * 64, "extraction": "ok", "word_count": 2, "sources": {}}
    id = f"{1 if seq == 4 else seq:032x}"
    body = {"id": id, "content_text": f"{seq} é", "authors": [], "tags": [], "attachments": [], "_ingest": ingest}
    corrected = seq == 4
    return Row(
        seq=seq,
        op="update" if corrected else "new",
        revision=2 if corrected else 1,
        ingested_at=at,
        body=orjson.dumps(body),
    )
