"""What runs come to, so that two can be compared."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing

from tests.whole.conftest import Worker
from worker.record import Record

Outcome = Counter[tuple[frozenset[str], int, str]]


SOON_MS = 600_000


def outcome(worker: Worker, records: Sequence[Record], *, ahead_ms: int = 0) -> Outcome:
    """Records by the entries that they stand for, revision and content hash; nothing may wait that is due soon, by a
    clock that is so far ahead.

    A record stands for its entry and all whose duplicate it is, whichever came first. Its id is a hash of feed and
    guid (or link), the same in every run.
    """
    with closing(sqlite3.connect(worker.state)) as state:
        rows = state.execute("SELECT id, lower(hex(record_id)), duplicate_of FROM entry").fetchall()
        assert state.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
        soon = time.time_ns() // 1_000_000 + ahead_ms + SOON_MS
        due = state.execute("SELECT url FROM work WHERE entry_id IS NOT NULL AND due_at <= ?", (soon,)).fetchall()
        assert due == []
    record_ids = {row_id: record_id for row_id, record_id, _ in rows}
    originals = {row_id: original for row_id, _, original in rows if original is not None}
    members: dict[str, set[str]] = {}
    for row_id, record_id, _ in rows:
        first = row_id
        while first in originals:
            first = originals[first]
        members.setdefault(record_ids[first], set()).add(record_id)
    assert len({(record["id"], record["_ingest"]["revision"]) for record in records}) == len(records)
    return Counter(
        (frozenset(members[record["id"]]), record["_ingest"]["revision"], record["_ingest"]["content_hash"])
        for record in records
    )
