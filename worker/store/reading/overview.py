"""The state in figures that don't take longer the more articles there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from worker.model import Millis
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.reading.hubs import hubs_by_standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    feeds: int
    """Listed feeds; the following counts are of these."""
    failing: int
    retired: int
    flawed: int
    """Feeds whose last document was faulty but could be read."""
    unpolled: int
    ok_at: Millis | None
    """When any feed was last polled successfully."""
    records: int
    """Records that this state has numbered or, when it was recovered, read."""
    duplicates: int
    polls_due: int
    """Polls that are due, including those that wait for their host."""
    poll_due_at: Millis | None
    """When the longest-waiting of them became due, apart from those whose host wants to be left alone."""
    new: int
    """Entries waiting to be ingested for the first time."""
    retries: int
    looks: int
    """Pages that will be looked at again."""
    quarantined: int
    unpublished: int
    unpublished_at: Millis | None
    """Since when the oldest of them has waited."""
    hosts: int
    hosts_held: int
    """Hosts that will not be asked for longer than their delay."""
    hubs: Mapping[str, int]
    """Hubs of listed feeds, counted by `HubStanding`."""
    reload: str | None
    """What `status` reports about the last reload of the configuration."""


def database_bytes(connection: Connection) -> int:
    """The size of the PostgreSQL database on its server's disk."""
    return int(connection.scalar(select(func.pg_database_size(func.current_database()))) or 0)


def read_overview(connection: Connection, *, now: Millis) -> Overview:
    feed = connection.execute(
        select(
            func.count().label("feeds"),
            func.sum(case((t.feed.c.errors > 0, 1), else_=0)).label("failing"),
            func.sum(case((t.feed.c.retired, 1), else_=0)).label("retired"),
            func.sum(case((t.feed.c.flaw.is_not(None), 1), else_=0)).label("flawed"),
            func.sum(case((t.feed.c.polled_at.is_(None), 1), else_=0)).label("unpolled"),
            func.max(t.feed.c.ok_at).label("ok_at"),
        ).where(t.feed.c.active)
    ).one()
    queue = {
        row.priority: row.number
        for row in connection.execute(
            select(t.work.c.priority, func.count().label("number"))
            .where(t.work.c.due_at < t.FAR)  # without what is put aside
            .group_by(t.work.c.priority)
        )
    }
    due = (t.work.c.priority == t.POLL, t.work.c.due_at <= now)
    told_to_wait = t.work.c.host_id.in_(select(t.host.c.id).where(t.is_held(now)))
    waiting = select(func.count(), func.min(case((~told_to_wait, t.work.c.due_at)))).where(*due)
    polls_due, poll_due_at = connection.execute(waiting).one()
    unpublished, unpublished_at = connection.execute(select(func.count(), func.min(t.outbox.c.ingested_at))).one()
    held = case((t.is_held(now), 1), else_=0)
    hosts, hosts_held = connection.execute(select(func.count(), func.sum(held)).where(t.host.c.name != t.NO_HOST)).one()
    duplicates = select(func.count()).select_from(t.entry).where(t.entry.c.duplicate_of.is_not(None))
    quarantined = select(func.count()).select_from(t.work).where(t.work.c.quarantined)
    numbered = select(func.sum(t.writer.c.last_seq))
    return Overview(
        feeds=feed.feeds,
        failing=feed.failing or 0,
        retired=feed.retired or 0,
        flawed=feed.flawed or 0,
        unpolled=feed.unpolled or 0,
        ok_at=feed.ok_at,
        records=int(connection.scalar(numbered) or 0) + int(notes.kept(connection, notes.RECOVERED) or 0),
        duplicates=connection.scalar(duplicates) or 0,
        polls_due=polls_due,
        poll_due_at=poll_due_at,
        new=queue.get(t.NEW, 0),
        retries=queue.get(t.RETRY, 0),
        looks=queue.get(t.BACKFILL, 0),
        quarantined=connection.scalar(quarantined) or 0,
        unpublished=unpublished,
        unpublished_at=unpublished_at,
        hosts=hosts,
        hosts_held=hosts_held or 0,
        hubs=hubs_by_standing(connection, now=now),
        reload=notes.kept(connection, notes.RELOAD),
    )
