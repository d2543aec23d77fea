"""What people ask of the state. Reads only, beside the engine that writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from worker.model import FeedId, Millis, State
from worker.schedule import WHOLE, coverage
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.database.opening import is_worked_on, reading
from worker.store.known.names import FEED_ID
from worker.store.published.publications import Publications, against
from worker.store.work.standing import moves_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """A feed as the state knows it."""

    id: FeedId
    url: str
    title: str | None
    site_url: str | None
    added_at: Millis
    """When it was listed first."""
    polled_at: Millis | None
    next_poll_at: Millis | None
    """When it is due, but no sooner than its host may be asked."""
    why: str | None
    """The reason for that time."""
    new_last: int
    """New entries at the last poll."""
    new_total: int
    new_at: Millis | None
    """The last poll that brought something new."""
    status: int | None
    """Of HTTP, at the last poll."""
    error: str | None
    errors: int
    """Failed polls in a row."""
    failing_since: Millis | None
    moved_to: str | None
    """Where it is asked instead, since its server says so each time."""
    retired: bool
    """It is gone by its server's word, and not polled any more."""
    suggestion: str | None
    """Where it may be now, by its site."""
    flaw: str | None
    """What was wrong with its last document, which could be read all the same: it is malformed, or has entries that
    are left out."""
    gaps: int = 0
    """Polls that found nothing of what the poll before had seen."""
    gap_at: Millis | None = None
    """The last of them."""
    coverage: float = 1.0
    """An estimate of the part of its entries that was seen, in [0, 1]."""
    skipped: int = 0
    """Entries that its rules leave out."""
    paused: bool = False
    """Not polled, by the operator's will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """A host that is not asked at its configured pace now."""

    name: str
    delay_ms: int
    """From one fetch to the next, in force."""
    not_before: Millis
    """It is not asked before."""
    refused_at: Millis | None
    """Its last 429 or 503."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The state in figures."""

    feeds: int
    failing: int
    articles: int
    duplicates: int
    near_duplicates: int
    """Of the articles, those that name another."""
    skipped: int
    """Entries that the rules of their feeds leave out."""
    queued: int
    quarantined: int
    unpublished: int


def read_hosts(state: State, *, now: Millis) -> list[HostStatus]:
    """The hosts that refused lately, or ask for more patience than is configured, by name. Raises StateError."""
    slowed = (t.host.c.share < WHOLE) | (t.host.c.delay_ms > t.host.c.policy_ms)
    held = t.host.c.not_before - now > t.host.c.delay_ms
    with reading(state) as connection:
        rows = connection.execute(select(t.host).where(slowed | held).order_by(t.host.c.name)).all()
    return [
        HostStatus(name=row.name, delay_ms=row.delay_ms, not_before=row.not_before, refused_at=row.refused_at)
        for row in rows
    ]


def read_reload(state: State) -> str | None:
    """What is to be told of the running worker's last reload of the configuration. Raises StateError."""
    if isinstance(state, Path) and not is_worked_on(state):
        return None
    with reading(state) as connection:
        return notes.kept(connection, notes.RELOAD)


def read_trouble(state: State) -> str | None:
    """What the worker that holds the state can't do now, as it said last; None: nothing, or none holds it. Raises
    StateError."""
    if not is_worked_on(state):
        return None
    with reading(state) as connection:
        return notes.kept(connection, notes.TROUBLE)


def read_publications(state: State, last: tuple[str, int] | None, shard: int) -> Publications:
    """As of `Store.publications`, where nobody is at work. Raises StateError."""
    with reading(state) as connection:
        return against(connection, last, shard=shard)


def read_feeds(state: State) -> list[FeedStatus]:
    """All feeds that are listed, by id. Raises StateError."""
    with reading(state) as connection:
        feeds = _feeds(connection)
    return feeds


def read_moved(state: State) -> Mapping[str, str]:
    """Where feeds that are listed have moved for good, by the URL in the lists. Raises StateError."""
    moved: Select[Any] = select(t.feed.c.url, t.feed.c.moved_to, t.feed.c.moved_polls)
    with reading(state) as connection:
        rows = connection.execute(moved.where(t.feed.c.active, t.feed.c.moved_to.is_not(None))).all()
    return {row.url: to for row in rows if (to := moves_of(row).in_force)}


def read_status(state: State) -> tuple[list[FeedStatus], Totals]:
    """All feeds that are listed, by id, and the totals, for which all entries are counted. Raises StateError."""
    with reading(state) as connection:
        feeds = _feeds(connection)
        counts = [
            select(func.count()).select_from(t.entry).where(t.entry.c.revision > 0, t.entry.c.duplicate_of.is_(None)),
            select(func.count()).select_from(t.entry).where(t.entry.c.duplicate_of.is_not(None)),
            # Who is a copy of another is in its cluster: of those there is an index.
            select(func.count())
            .select_from(t.entry)
            .where(t.entry.c.cluster_id.is_not(None), t.entry.c.copy_of.is_not(None)),
            select(func.count())
            .select_from(t.work)
            .where(t.work.c.entry_id.is_not(None), t.work.c.priority < t.BACKFILL, ~t.work.c.quarantined),
            select(func.count()).select_from(t.work).where(t.work.c.quarantined),
            select(func.count()).select_from(t.outbox),
        ]
        left_out = select(func.count()).select_from(t.entry).where(t.entry.c.skipped.is_not(None))
        skipped = connection.scalar(left_out) or 0
        found = (connection.scalar(count) or 0 for count in counts)
        articles, duplicates, near, queued, quarantined, unpublished = found
    totals = Totals(
        feeds=len(feeds),
        failing=sum(feed.errors > 0 for feed in feeds),
        articles=articles,
        duplicates=duplicates,
        near_duplicates=near,
        skipped=skipped,
        queued=queued,
        quarantined=quarantined,
        unpublished=unpublished,
    )
    return feeds, totals


def _feeds(connection: Connection) -> list[FeedStatus]:
    rows = connection.execute(
        select(t.feed, t.work.c.due_at, t.host.c.not_before, t.host.c.delay_ms)
        .outerjoin(t.work, (t.work.c.feed_id == t.feed.c.id) & t.work.c.entry_id.is_(None) & t.work.c.pages.is_(None))
        .outerjoin(t.host, t.host.c.id == t.work.c.host_id)
        .where(t.feed.c.active)
        .order_by(t.feed.c.id)
    ).all()
    by_feed = select(FEED_ID, func.count()).where(t.entry.c.skipped.is_not(None))
    skipped = {row[0]: row[1] for row in connection.execute(by_feed.group_by(t.entry.c.feed_no))}
    return [feed_status(row, skipped=skipped.get(row.id, 0)) for row in rows]


def feed_status(row: Row[Any], *, skipped: int = 0) -> FeedStatus:
    """Of a row of `feed` that has its poll's `due_at`, and `not_before` and `delay_ms` of its host. skipped: where that
    was counted."""
    next_at = None if row.retired or row.paused else row.next_at or row.due_at
    why = row.why
    if next_at is not None and row.not_before is not None and row.not_before > next_at:
        if row.not_before - next_at > 2 * row.delay_ms:  # one is the pace, which may just have changed
            why = f"{why or 'due'}; its host is not asked sooner"
        next_at = row.not_before
    return FeedStatus(
        id=FeedId(row.id),
        url=row.url,
        title=row.title,
        site_url=row.site_url,
        added_at=row.added_at,
        polled_at=row.polled_at,
        next_poll_at=next_at,
        why=why,
        new_last=row.new_last,
        new_total=row.new_total,
        new_at=row.new_at,
        status=row.status,
        error=row.error,
        errors=row.errors,
        failing_since=row.failing_since,
        moved_to=moves_of(row).in_force,
        retired=row.retired,
        suggestion=row.suggestion,
        flaw=row.flaw,
        gaps=row.gaps,
        gap_at=row.gap_at,
        coverage=coverage(row.new_total, row.missed),
        skipped=skipped,
        paused=row.paused,
    )
