"""How hosts are treated, by what they answer: slowed when they refuse, and as their robots.txt asks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from worker.model import Broken, Done, HandedBack, HostPolicy, Millis, PollDone, Retry
from worker.schedule import WHOLE, answered, refused
from worker.store import tables as t
from worker.store.dialects import Each
from worker.store.feeds import in_force

PATIENCE_MS = 300_000
"""Within which a second refusal, of another feed or page, is taken for the host's."""
_THESE = Each(lambda which: select(t.host).where(which(t.host.c.id)))
_SLOWED = Each(lambda which: select(t.host).where(which(t.host.c.id), t.host.c.share < WHOLE))
_OF_OTHER_PACE = Each(
    lambda which: select(t.host).where(which(t.host.c.id), t.host.c.crawl_ms != bindparam("crawl_ms"))
)


def note_answers(connection: Connection, released: Sequence[Done], now: Millis) -> None:
    """Halves the pace of hosts that refused, and lets that of others come back.

    A refusal that does not say for how long is at first the feed's or page's alone, which waits; the next one that
    comes meanwhile makes the whole host wait.
    """
    refusing = [done for done in released if _is_refusal(done)]
    refused_by = {done.lease.host_id for done in refusing}
    untold = {done.lease.host_id for done in refusing if getattr(done, "not_before", None) is None}
    others = {done.lease.host_id for done in released if not isinstance(done, HandedBack | Broken)} - refused_by
    for row in _THESE.rows(connection, refused_by):
        again = row.id in untold and row.refused_at is not None and now - row.refused_at < PATIENCE_MS
        not_before = max(row.not_before, now + PATIENCE_MS) if again else row.not_before
        _treat(connection, row, share=refused(row.share), refused_at=now, not_before=not_before)
    for row in _SLOWED.rows(connection, others):
        _treat(connection, row, share=answered(row.share))


def heed_crawl_delay(connection: Connection, host_ids: Collection[int], crawl_ms: int) -> None:
    """No faster than a site's robots.txt asks for, at its host and where it redirected to."""
    for row in _OF_OTHER_PACE.rows(connection, host_ids, crawl_ms=crawl_ms):
        _treat(connection, row, crawl_ms=crawl_ms)


def _treat(connection: Connection, row: Row[Any], **changes: int) -> None:
    policy = HostPolicy(concurrency=row.concurrency, delay_ms=row.policy_ms)
    crawl_ms, share = changes.get("crawl_ms", row.crawl_ms), changes.get("share", row.share)
    values = in_force(policy, crawl_ms=crawl_ms, share=share) | changes
    connection.execute(update(t.host).where(t.host.c.id == row.id).values(values))


def _is_refusal(done: Done) -> bool:
    match done:
        case PollDone():
            return done.failure == "throttled"
        case Retry():
            return done.throttled
        case _:
            return False
