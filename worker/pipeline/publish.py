"""publish(rows): what the outbox holds, as segments in the output directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from worker.model import Millis
from worker.output import OutputDirectory, Row, Segment, segment_path
from worker.store import OutboxSegment, Store

log = structlog.stdlib.get_logger("feedmill.publish")


class Publisher:
    """Seals segments by age and by count. One at a time: the manifest is a chain."""

    def __init__(self, *, store: Store, directory: OutputDirectory, seal_after_ms: int, seal_records: int) -> None:
        self._store, self._directory = store, directory
        self._seal_after_ms, self._seal_records = seal_after_ms, seal_records

    async def publish(
        self, *, now: Millis, everything: bool = False, enough: Callable[[], bool] = lambda: False
    ) -> int:
        """Publishes the segments that are full or old enough, or `everything` there is; how many records.

        Ends early when `enough` says so, between two segments: what is left stands in the outbox.
        """
        records = 0
        while True:
            count, oldest = await self._store.waiting()
            # A clock that was set back must not leave them waiting until it has caught up.
            aged = oldest is not None and not 0 <= now - oldest < self._seal_after_ms
            if enough():
                return records
            if count == 0 or not (everything or aged or count >= self._seal_records):
                return records
            records += await self._seal(now)

    async def _seal(self, now: Millis) -> int:
        rows = await self._store.number(now=now, limit=self._seal_records)
        if rows is None:
            return 0
        published = await asyncio.to_thread(self._directory.publish, _segment(rows))
        await self._store.mark(rows.id, path=published.path, sha256=published.sha256)
        log.info("segment.published", path=published.path, records=published.records, bytes=published.bytes)
        return published.records


def _segment(numbered: OutboxSegment) -> Segment:
    rows = tuple(
        Row(
            seq=row.seq,
            op=row.op,
            revision=row.revision,
            ingested_at=row.ingested_at,
            duplicate_of=row.duplicate_of,
            duplicate_kind="exact" if row.duplicate_of else None,
            cluster_id=None,
            body=row.body,
        )
        for row in numbered.rows
    )
    first_seq = rows[0].seq
    path = segment_path(at=numbered.created_at, date=numbered.date, writer=numbered.writer, first_seq=first_seq)
    return Segment(path=path, writer=numbered.writer, first_seq=first_seq, rows=rows)
