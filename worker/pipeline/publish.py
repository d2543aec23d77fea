"""publish(rows): what the outbox holds, as segments in the output directory; what becomes of them later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from worker.errors import OutputError
from worker.model import Millis
from worker.output import Archive, Keeping, OutputDirectory, Row, Segment, Step, is_expiry, segment_path
from worker.store import OutboxRow, OutboxSegment, Store

log = structlog.stdlib.get_logger("feedmill.publish")


class Publisher:
    """Seals segments of a shard by age and by count, and looks after those of closed days. One call at a time: the
    manifest is a chain."""

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
        shard: int = 0,
    ) -> None:
        """directory: of the shard. archive: of the directory; None where it has none. sealed: told of each segment that
        is published, and of its path."""
        self._store, self._directory, self.archive, self._keeping = store, directory, archive, keeping
        self._shard = shard
        self._seal_after_ms, self._seal_records = seal_after_ms, seal_records
        self._sealed = sealed
        self.due_at: Millis | None = None
        """When what waits is old enough, as `publish` found it last; None: nothing waits."""

    async def publish(
        self, *, now: Millis, everything: bool = False, enough: Callable[[], bool] = lambda: False
    ) -> int:
        """Publishes the segments that are full or old enough, or `everything` there is; how many records.

        Of what comes meanwhile, which is later than `now`, only what fills a segment. Ends early when `enough` says so,
        between two segments: what is left stands in the outbox.
        """
        records = 0
        count, oldest = await self._store.waiting(self._shard)
        # A clock that was set back must not leave them waiting until it has caught up.
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
        """What is to be done with the files of closed days, and with pages that are kept no longer. Raises OutputError
        where the manifest can't be read."""
        steps = await asyncio.to_thread(self._directory.due, self._keeping, now=now)
        # Pages go after the records that point to them: the next time, where these are still to go.
        if self.archive is not None and not any(is_expiry(step) for step in steps):
            await asyncio.to_thread(self.archive.expire, now=now, keep_ms=self._keeping.keep_ms)
        return steps

    async def tidy(self, step: Step, *, now: Millis) -> None:
        """Takes one step of those. A day that is damaged, which is logged, keeps no other back."""
        try:
            await asyncio.to_thread(self._directory.carry_out, step, now=now)
            log.info("output.tidied", step=type(step).__name__.lower())
        except OutputError as error:
            log.error("output.untidy", error=str(error))

    async def take_down(self, *, now: Millis) -> int:
        """Takes out of the output what the state has forgotten; how many records.

        Each is told of by a delete first. Whatever cuts this off, the next call does the rest: what is told of already
        the files say. Raises OutputError where an article could not be taken out of some file; of the others it is
        done. What is kept out no more is let go of here, too.
        """
        for key in await self._store.lifted(self._shard):
            await asyncio.to_thread(self._directory.let_in, key)
            await self._store.heard(key)
        record_ids = await self._store.takedowns(self._shard)
        if not record_ids:
            return 0
        await self.publish(now=now, everything=True)  # what has a number already would be published after it
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
    """Who has all of another's text has no record but one without content."""
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
