"""Feeds, hosts and totals, as people ask for them. Read only, beside the engine that writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, select

from worker.model import FeedId, Millis, State
from worker.schedule import WHOLE, coverage
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.database.holding import is_worked_on, said_in_lock
from worker.store.database.opening import reading
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
    """When it was first listed."""
    polled_at: Millis | None
    next_poll_at: Millis | None
    """When it is due or, if later, when its host may be asked."""
    why: str | None
    """Why then."""
    new_last: int
    """New entries at the last poll."""
    new_total: int
    new_at: Millis | None
    """The last poll that brought anything new."""
    status: int | None
    """The HTTP status of the last poll."""
    error: str | None
    errors: int
    """Failed polls in a row."""
    failing_since: Millis | None
    moved_to: str | None
    """The URL fetched instead, because the server has redirected there permanently each time."""
    retired: bool
    """Its server says it is gone (410), so it is no longer polled."""
    suggestion: str | None
    """Where it may be now, according to its site."""
    flaw: str | None
    """What was wrong with its last document, which could be read all the same: it is malformed, or some entries had to
    be left out."""
    gaps: int = 0
    """Polls whose document had no entry in common with the one before."""
    gap_at: Millis | None = None
    """When the last of them was."""
    coverage: float = 1.0
    """The estimated share of its entries that were seen, in [0, 1]."""
    skipped: int = 0
    """How many entries its rules leave out."""
    paused: bool = False
    """The operator has stopped it from being polled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """A host that is currently not asked at its configured pace."""

    name: str
    delay_ms: int
    """The delay between two fetches that is in force now."""
    not_before: Millis
    """It is not asked before this time."""
    refused_at: Millis | None
    """When it last answered 429 or 503."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The state in figures."""

    feeds: int
    failing: int
    articles: int
    duplicates: int
    near_duplicates: int
    """Articles that name another as their original."""
    skipped: int
    """How many entries the rules of their feeds leave out."""
    queued: int
    quarantined: int
    unpublished: int


LISTED_FEEDS: Select[Any] = (
    select(t.feed, t.work.c.due_at, t.host.c.not_before, t.host.c.delay_ms)
    .outerjoin(t.work, (t.work.c.feed_id == t.feed.c.id) & t.is_poll)
    .outerjoin(t.host, t.host.c.id == t.work.c.host_id)
    .where(t.feed.c.active)
)
"""Each with when its poll is due, and how its host is treated."""


def read_hosts(state: State, *, now: Millis) -> list[HostStatus]:
    """Hosts that refused lately or currently ask for a longer delay than configured, by name. Raises StateError."""
    slowed = (t.host.c.share < WHOLE) | (t.host.c.delay_ms > t.host.c.policy_ms)
    with reading(state) as connection:
        rows = connection.execute(select(t.host).where(slowed | t.is_held(now)).order_by(t.host.c.name)).all()
    return [
        HostStatus(name=row.name, delay_ms=row.delay_ms, not_before=row.not_before, refused_at=row.refused_at)
        for row in rows
    ]


def read_reload(state: State) -> str | None:
    """What the running worker reports about its last reload of the configuration. Raises StateError."""
    if isinstance(state, Path) and not is_worked_on(state):
        return None
    with reading(state) as connection:
        return notes.kept(connection, notes.RELOAD)


def read_trouble(state: State) -> str | None:
    """What the worker that holds the state last reported it can't do; None if nothing, or if no worker holds it. Raises
    StateError."""
    if not (isinstance(state, Path) and is_worked_on(state)):
        return None
    return said_in_lock(state) or None


def read_publications(state: State, last: tuple[str, int] | None, shard: int) -> Publications:
    """Like `Store.publications`, when no worker runs. Raises StateError."""
    with reading(state) as connection:
        return against(connection, last, shard=shard)


def read_feeds(state: State) -> list[FeedStatus]:
    """All listed feeds, by id. Raises StateError."""
    with reading(state) as connection:
        return _feeds(connection)


def read_moved(state: State) -> Mapping[str, str]:
    """The new addresses of listed feeds that have moved for good, by the URL in the lists. Raises StateError."""
    moved: Select[Any] = select(t.feed.c.url, t.feed.c.moved_to, t.feed.c.moved_polls)
    with reading(state) as connection:
        rows = connection.execute(moved.where(t.feed.c.active, t.feed.c.moved_to.is_not(None))).all()
    return {row.url: to for row in rows if (to := moves_of(row).in_force)}


def read_status(state: State) -> tuple[list[FeedStatus], Totals]:
    """All listed feeds, by id, and the totals, for which all entries have to be counted. Raises StateError."""
    with reading(state) as connection:
        feeds = _feeds(connection)
        entry, work = t.entry.c, t.work.c
        totals = Totals(
            feeds=len(feeds),
            failing=sum(feed.errors > 0 for feed in feeds),
            articles=_count(connection, t.entry, entry.revision > 0, entry.duplicate_of.is_(None)),
            duplicates=_count(connection, t.entry, entry.duplicate_of.is_not(None)),
            # Every copy is in a cluster; the extra condition lets the query use the index on clusters.
            near_duplicates=_count(connection, t.entry, entry.cluster_id.is_not(None), entry.copy_of.is_not(None)),
            skipped=_count(connection, t.entry, entry.skipped.is_not(None)),
            queued=_count(
                connection, t.work, work.entry_id.is_not(None), work.priority < t.BACKFILL, ~work.quarantined
            ),
            quarantined=_count(connection, t.work, work.quarantined),
            unpublished=_count(connection, t.outbox),
        )
    return feeds, totals


def _count(connection: Connection, table: Table, *which: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*which)) or 0


def _feeds(connection: Connection) -> list[FeedStatus]:
    rows = connection.execute(LISTED_FEEDS.order_by(t.feed.c.id)).all()
    by_feed = select(FEED_ID, func.count()).where(t.entry.c.skipped.is_not(None))
    skipped = {row[0]: row[1] for row in connection.execute(by_feed.group_by(t.entry.c.feed_no))}
    return [feed_status(row, skipped=skipped.get(row.id, 0)) for row in rows]


def feed_status(row: Row[Any], *, skipped: int = 0) -> FeedStatus:
    """From a row of `LISTED_FEEDS`. skipped: how many entries its rules leave out, if that was counted."""
    next_at = None if row.retired or row.paused else row.next_at or row.due_at
    why = row.why
    if next_at is not None and row.not_before is not None and row.not_before > next_at:
        if row.not_before - next_at > 2 * row.delay_ms:  # one delay is the normal pace, which may just have changed
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
