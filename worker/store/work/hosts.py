"""How hosts are treated depending on what they answer: slowed down when they refuse, or when their robots.txt asks for
it; forgotten when they have not been asked for long."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, or_, select, update

from worker.model import DAY_MS, Broken, Done, HandedBack, HostPolicy, Millis, PollDone, Retry
from worker.schedule import WHOLE, answered, refused
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.database.dialects import Each
from worker.store.known.feeds import in_force

PATIENCE_MS = 300_000
"""A second refusal within this time, of another feed or page, counts as the whole host's."""
FORGET_MS = 90 * DAY_MS
"""After this time nothing that a host answered matters any more; even its robots.txt has been forgotten by then."""
AT_ONCE = 5_000
"""How many hosts one transaction looks at, so that no other call waits long for it."""
_THESE = Each(lambda which: select(t.host).where(which(t.host.c.id)))
_SLOWED = Each(lambda which: select(t.host).where(which(t.host.c.id), t.host.c.share < WHOLE))
_OF_OTHER_PACE = Each(
    lambda which: select(t.host).where(which(t.host.c.id), t.host.c.crawl_ms != bindparam("crawl_ms"))
)


def note_answers(connection: Connection, released: Sequence[Done], now: Millis) -> None:
    """Halves the pace of hosts that refused, and lets the pace of the others recover.

    A refusal without a Retry-After at first delays only the feed or page that met it; another one within `PATIENCE_MS`
    makes the whole host wait.
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
    """Applies a site's Crawl-delay to these hosts."""
    for row in _OF_OTHER_PACE.rows(connection, host_ids, crawl_ms=crawl_ms):
        _treat(connection, row, crawl_ms=crawl_ms)


def forget_unused(connection: Connection, *, now: Millis, after: int) -> int | None:
    """Deletes those of the next hosts after id `after` that have not been asked for `FORGET_MS` and have no work.
    Returns the last id looked at, None when no hosts are left."""
    next_ids = select(t.host.c.id).where(t.host.c.id > after).order_by(t.host.c.id).limit(AT_ONCE)
    ids: Sequence[int] = connection.scalars(next_ids).all()
    if not ids:
        return None
    taken = or_(t.slot.c.work_id.is_not(None), t.slot.c.lease_until > now)
    idle = (
        t.host.c.name != t.NO_HOST,
        t.host.c.not_before <= now - FORGET_MS,
        ~exists().where(t.work.c.host_id == t.host.c.id),
        ~exists().where(t.slot.c.host_id == t.host.c.id, taken),
    )
    # Whoever queues work for a host locks its row (`feeds.host_ids`). So once the row is locked here, the next
    # statement sees all such work.
    unused = select(t.host.c.id).where(t.host.c.id.between(ids[0], ids[-1]), *idle)
    for batch in chunks(connection.scalars(unused.with_for_update(skip_locked=True)).all()):
        gone = delete(t.host).where(t.host.c.id.in_(batch), *idle).returning(t.host.c.id)
        connection.execute(delete(t.slot).where(t.slot.c.host_id.in_(connection.scalars(gone).all())))
    return ids[-1]


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
