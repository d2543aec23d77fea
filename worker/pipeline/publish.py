"""publish(rows): rows of the outbox → segments in the output directory; and what becomes of these later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from worker.errors import OutputError
from worker.model import Millis
from worker.output import Archive, Keeping, OutputDirectory, Row, Segment, Step, is_expiry, segment_path
from worker.store import OutboxRow, OutboxSegment, Store

log = structlog.stdlib.get_logger("feedmill.publish")


class Publisher:
    """Seals segments of one shard by age and by number of records, and maintains those of closed days. One call at a
    time, because the manifest is a chain."""

    def __init__(
        self,
        *,
        store: Store,
        directory: OutputDirectory,
        archive: Archive | None,
        seal_after_ms: int,
        seal_records: int,
        keeping: Keeping,
        sealed: Callable[[OutboxSegment, str], None] = lambda _, __: None,
        keep_lock: Callable[[], bool] = lambda: False,
        shard: int = 0,
    ) -> None:
        """directory: the shard's. archive: the directory's, or None. sealed: called with each published segment and its
        path. keep_lock: see `locked`."""
        self._store, self._directory, self.archive, self._keeping = store, directory, archive, keeping
        self._shard = shard
        self._seal_after_ms, self._seal_records = seal_after_ms, seal_records
        self._sealed, self._keep_lock = sealed, keep_lock
        self.due_at: Millis | None = None
        """When the waiting records are old enough, as of the last `publish`; None: nothing waits."""

    async def publish(
        self, *, now: Millis, everything: bool = False, enough: Callable[[], bool] = lambda: False
    ) -> int:
        """Publishes full or old enough segments, or `everything`. Returns how many records.

        Of records that come meanwhile (later than `now`), only those that fill a segment are included. Stops between
        two segments when `enough` returns True; the rest stays in the outbox.

        First makes sure that nobody else can write there. Raises StateError, OutputError.
        """
        await self._keep()
        records = 0
        count, oldest = await self._store.waiting(self._shard)
        # Records dated in the future (the clock was set back) count as old, or they would wait until it has caught up.
        aged = oldest is not None and not 0 <= now - oldest < self._seal_after_ms
        due = count if aged else 0
        while True:
            self.due_at = None if oldest is None else Millis(oldest + self._seal_after_ms)
            if enough():
                return records
            if count == 0 or not (everything or records < due or count >= self._seal_records):
                return records
            records += await self._seal(now)
            count, oldest = await self._store.waiting(self._shard)

    async def untidy(self, *, now: Millis) -> list[Step]:
        """What has to be done with the files of closed days. Also deletes archived pages that have expired. Raises
        StateError; OutputError if the manifest can't be read, or another process can write there."""
        await self._keep()
        keep_ms = self._keeping.keep_ms
        if keep_ms is not None:
            keep_ms += now - await self._store.believed(now=now)
        keeping = replace(self._keeping, keep_ms=keep_ms)
        steps = await asyncio.to_thread(self._directory.due, keeping, now=now)
        # Pages are deleted after the records that point to them: next time, if those are still to be deleted.
        if self.archive is not None and not any(is_expiry(step) for step in steps):
            await asyncio.to_thread(self.archive.expire, now=now, keep_ms=keep_ms)
        return steps

    async def tidy(self, step: Step, *, now: Millis) -> None:
        """Takes one of these steps. A damaged day is logged and does not hold up the others."""
        try:
            await self._keep()
            await asyncio.to_thread(self._directory.carry_out, step, now=now)
            log.info("output.tidied", step=type(step).__name__.lower())
        except OutputError as error:
            log.error("output.untidy", error=str(error))

    async def take_down(self, *, now: Millis) -> int:
        """Removes from the output what the state has forgotten. Returns how many records.

        Each removal is first announced by a delete record. After an interruption the next call does the rest; the files
        show what was already announced. Raises OutputError if an article could not be removed from some file; the
        others are done anyway. Also drops the keys of what is no longer kept out.
        """
        for key in await self._store.lifted(self._shard):
            await asyncio.to_thread(self._directory.let_in, key)
            await self._store.heard(key)
        record_ids = await self._store.takedowns(self._shard)
        if not record_ids:
            return 0
        await self.publish(now=now, everything=True)  # or numbered records would be published afterwards
        notices, unread = await asyncio.to_thread(self._directory.notices, record_ids)
        if notices:
            await self._store.tell(notices, now=now)
            await self.publish(now=now, everything=True)
        records = 0
        failure: OutputError | None = None
        for record_id, unknown in record_ids.items():
            try:
                records += await asyncio.to_thread(
                    self._directory.forget, record_id, now=now, unread=unread, unknown=unknown
                )
                if self.archive is not None:
                    await asyncio.to_thread(self.archive.forget, record_id)
            except OutputError as error:
                failure = failure or error
                continue
            await self._store.taken_down(record_id)
            log.info("article.forgotten", entry=record_id)
        if failure is not None:
            raise failure
        return records

    async def _keep(self) -> None:
        """Makes sure that nobody else can write there. Raises OutputError."""
        if await asyncio.to_thread(self._keep_lock):
            log.warning("output.lock_removed", shard=self._shard, hint="it was taken again: let nothing remove it")

    async def _seal(self, now: Millis) -> int:
        rows = await self._store.number(now=now, limit=self._seal_records, shard=self._shard)
        if rows is None:
            return 0
        published = await asyncio.to_thread(self._directory.publish, _segment(rows))
        await self._store.mark(rows.id, path=published.path, sha256=published.sha256)
        self._sealed(rows, published.path)
        log.info("segment.published", path=published.path, records=published.records, bytes=published.bytes)
        return published.records


def _kind(row: OutboxRow) -> str | None:
    """A copy with exactly the same text has no record, or one without content (op `duplicate`)."""
    if row.duplicate_of is None:
        return None
    return "exact" if row.op == "duplicate" else "near"


def _segment(numbered: OutboxSegment) -> Segment:
    rows = tuple(
        Row(
            seq=row.seq,
            op=row.op,
            revision=row.revision,
            ingested_at=row.ingested_at,
            duplicate_of=row.duplicate_of,
            duplicate_kind=_kind(row),
            cluster_id=row.cluster_id,
            body=row.body,
        )
        for row in numbered.rows
    )
    first_seq = rows[0].seq
    path = segment_path(at=numbered.created_at, date=numbered.date, writer=numbered.writer, first_seq=first_seq)
    return Segment(path=path, writer=numbered.writer, first_seq=first_seq, rows=rows)
