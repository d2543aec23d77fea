"""What operators ask of feeds and of work: paused, resumed, polled at once, tried again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from worker.model import HOUR_MS, FeedId, Millis
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.database.locks import hold_entries, hold_work
from worker.store.finish.polls import call_home
from worker.store.known.feeds import Policies, add_work, let_all_be_said
from worker.store.known.identities import named
from worker.store.known.names import FEED_ID, REVISED_AT
from worker.store.work.claims import settle
from worker.store.work.works import HELD
from worker.urls import host_of

_MOST = 500
"""Entries at one URL that are read again."""
_WAIT_MS = HOUR_MS
"""For so long at most a page that is to be read again waits for the poll of its feed."""
_IDLE_POLL = and_(t.work.c.entry_id.is_(None), t.work.c.pages.is_(None), ~HELD)
"""A poll that nobody is at; the others hear of it when they end, as `standing.after` reads the feed."""


def pause(connection: Connection, feed_ids: Sequence[str]) -> int:
    """Lets feeds be polled no more until `resume`; how many were not paused already. What is queued of their entries
    is still done."""
    changed = 0
    for batch in chunks(feed_ids):
        hold_work(connection, t.work.c.feed_id.in_(batch))
        running = (t.feed.c.id.in_(batch), t.feed.c.active, ~t.feed.c.paused)
        statement = update(t.feed).where(*running).values(paused=True, next_at=None, why="paused")
        changed += connection.execute(statement).rowcount
        _set_due(connection, and_(t.work.c.feed_id.in_(batch), _IDLE_POLL), t.FAR)
    return changed


def resume(connection: Connection, feed_ids: Sequence[str], *, now: Millis) -> int:
    """Ends a pause: the feeds are due at once, but for those that are retired; how many were paused."""
    changed = 0
    for batch in chunks(feed_ids):
        hold_work(connection, t.work.c.feed_id.in_(batch))
        paused = (t.feed.c.id.in_(batch), t.feed.c.active, t.feed.c.paused)
        ids = connection.scalars(select(t.feed.c.id).where(*paused)).all()
        values = {"paused": False, "why": "resumed"}
        changed += connection.execute(update(t.feed).where(t.feed.c.id.in_(ids)).values(values)).rowcount
        due = select(t.feed.c.id).where(t.feed.c.id.in_(ids), ~t.feed.c.retired)
        connection.execute(update(t.feed).where(t.feed.c.id.in_(due)).values(next_at=now))
        _set_due(connection, and_(t.work.c.feed_id.in_(due), _IDLE_POLL), now)
    return changed


def hasten(
    connection: Connection,
    feed_ids: Sequence[str],
    policies: Policies,
    *,
    now: Millis,
    due_at: Millis | None = None,
    why: str = "asked for",
) -> int:
    """Lets feeds be due `now`, also those that are paused or retired, for one poll; how many of them are listed. Hosts
    keep their turns. due_at: they and what else is due of them are to be told by it from what is due by itself."""
    found = 0
    for batch in chunks(feed_ids):
        hold_work(connection, t.work.c.feed_id.in_(batch))
        call_home(connection, policies, t.work.c.feed_id.in_(batch), _IDLE_POLL)
        listed = (t.feed.c.id.in_(batch), t.feed.c.active)
        values = {"next_at": now, "why": why}
        found += connection.execute(update(t.feed).where(*listed).values(values)).rowcount
        _set_due(connection, and_(t.work.c.feed_id.in_(batch), _IDLE_POLL), now if due_at is None else due_at)
    if due_at is not None:
        put_first(connection, feed_ids, now=now, due_at=due_at)
    return found


def before_all(connection: Connection, *, now: Millis) -> Millis:
    """An instant by which nothing is due, for what is to be told from that. Not long before: what is left with it is
    taken to be so late."""
    earliest = connection.scalar(select(func.min(t.work.c.due_at)))
    return now if earliest is None else Millis(min(now, earliest - 1))


def put_first(connection: Connection, feed_ids: Sequence[str], *, now: Millis, due_at: Millis) -> None:
    """Lets what is due of feeds, polls apart, be due at `due_at`, to be told from what is due of others."""
    for batch in chunks(feed_ids):
        waits = (t.work.c.priority > t.POLL, t.work.c.due_at <= now)
        _set_due(connection, and_(t.work.c.feed_id.in_(batch), *waits), due_at)


def note_reach(connection: Connection, reach: str, policies: Policies, *, now: Millis) -> int:
    """Keeps `reach`, which stands for what servers are reached by. Where it is not what was kept last, feeds that fail
    are due, as that may have been the reason; how many."""
    before = notes.kept(connection, notes.REACH)
    if before == reach:
        return 0
    notes.keep(connection, notes.REACH, reach)
    if before is None:
        return 0
    refused = func.coalesce(t.feed.c.status, 0).in_((429, 503))
    failing = (t.feed.c.errors > 0, t.feed.c.active, ~t.feed.c.paused, ~t.feed.c.retired, ~refused)
    ids = connection.scalars(select(t.feed.c.id).where(*failing)).all()
    return hasten(connection, ids, policies, now=now, why="failed before, and fetch was changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRest:
    """An article that is written, and of which nothing is queued."""

    record_id: str
    feed_id: FeedId
    is_listed: bool
    """Its feed is."""
    revision: int
    """Of its last record."""
    revised_at: Millis | None
    """When that came; None: before the state was recovered."""
    has_page: bool
    """Its link is its own: it leads to no front page, and no other entry has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A page that is to be read again, though its feed may not show it any more."""

    record_id: str
    url: str
    """To fetch."""
    entry: bytes
    """The `Entry`, encoded, for want of what its feed says now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What was let be due, so that an article is read anew."""

    known: bool
    """There is an entry of it."""
    due: int
    """Pieces of work on it that were queued."""
    polls: int
    """Feeds that are polled whole."""
    pages: int = 0
    """Pages that are read after that, shown or not."""


def at_rest(
    connection: Connection, *, url: str | None = None, url_key: bytes | None = None, record_id: bytes | None = None
) -> list[AtRest]:
    """What `read_again` can't have read by what is queued."""
    ids = _named(connection, url=url, url_key=url_key, record_id=record_id)
    feed = (t.feed.c.id == FEED_ID.element, t.feed.c.active)
    listed = select(t.feed.c.id).where(*feed).correlate(t.entry).exists()
    own = and_(t.entry.c.path.is_not(None), t.entry.c.shared_key.is_(None)).label("own")
    columns = (t.entry.c.record_id, FEED_ID, listed.label("listed"), t.entry.c.revision, REVISED_AT, own)
    return [
        AtRest(
            record_id=row.record_id.hex(),
            feed_id=row.feed_id,
            is_listed=bool(row.listed),
            revision=row.revision,
            revised_at=row.revised_at,
            has_page=bool(row.own),
        )
        for row in connection.execute(select(*columns).where(*_at_rest(ids)))
    ]


def read_again(
    connection: Connection,
    policies: Policies,
    *,
    now: Millis,
    url: str | None = None,
    url_key: bytes | None = None,
    record_id: bytes | None = None,
    looks: Sequence[Look] = (),
) -> Again:
    """Lets an article be read anew, whatever became of it; it is named by its canonical URL or record id, also that of
    a duplicate. What is queued of it is due, and its page asked for whole. Where nothing is, its feed is polled whole:
    it is as if that said something else of it than before. What it does not show any more is read by its page after
    that, if that is among `looks`: of what is `at_rest`."""
    ids = _named(connection, url=url, url_key=url_key, record_id=record_id)
    theirs = t.work.c.entry_id.in_(ids)
    connection.execute(update(t.work).where(theirs, ~HELD).values(page_etag=None, page_modified=None))
    due = _take_up(connection, and_(theirs, ~HELD), now, priority=t.NEW)
    hold_entries(connection, ids)
    feeds = connection.scalars(select(FEED_ID).where(*_at_rest(ids)).distinct()).all()
    connection.execute(update(t.entry).where(*_at_rest(ids)).values(version=b""))
    let_all_be_said(connection, feeds)
    polls = hasten(connection, feeds, policies, now=now)
    pages = _queue(connection, looks, ids, policies, now=now)
    return Again(known=bool(ids), due=due, polls=polls, pages=pages)


def _named(connection: Connection, *, url: str | None, url_key: bytes | None, record_id: bytes | None) -> list[int]:
    found = named(connection, url=url, url_key=url_key, record_id=record_id)
    return sorted(found | _originals(connection, found))[:_MOST]


def _at_rest(ids: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    """Those of the entries that are written, and of which nothing is queued."""
    queued = select(t.work.c.entry_id).where(t.work.c.entry_id.in_(ids))
    written = (t.entry.c.id.in_(ids), t.entry.c.id.not_in(queued), t.entry.c.revision > 0)
    return (*written, t.entry.c.duplicate_of.is_(None), t.entry.c.skipped.is_(None))


def _queue(
    connection: Connection, looks: Sequence[Look], ids: Sequence[int], policies: Policies, *, now: Millis
) -> int:
    """How many of the looks are queued now, behind the polls of their feeds."""
    if not looks:
        return 0
    wanted = {look.record_id: look for look in looks}
    rows = connection.execute(select(t.entry.c.id, t.entry.c.record_id, FEED_ID).where(*_at_rest(ids))).all()
    work = [
        {
            "feed_id": row.feed_id,
            "entry_id": row.id,
            "priority": t.BACKFILL,
            "host": host_of(look.url),
            "url": look.url,
            "due_at": now + _WAIT_MS,
            "entry": look.entry,
            "again": True,
        }
        for row in rows
        if (look := wanted.get(row.record_id.hex())) is not None
    ]
    settle(connection, add_work(connection, work, policies))
    return len(work)


def _originals(connection: Connection, ids: Iterable[int]) -> set[int]:
    duplicates = (t.entry.c.id.in_(sorted(ids)[:_MOST]), t.entry.c.duplicate_of.is_not(None))
    return set(connection.scalars(select(t.entry.c.duplicate_of).where(*duplicates)))


def retry(connection: Connection, *, now: Millis, feed_ids: Sequence[str] = ()) -> int:
    """Takes up again what was put aside: of feeds, or everywhere where nothing is named. How many pieces of work are
    due for it."""
    if feed_ids:
        aside = (and_(t.work.c.quarantined, t.work.c.feed_id.in_(batch)) for batch in chunks(feed_ids))
        return sum(_take_up(connection, which, now) for which in aside)
    return _take_up(connection, t.work.c.quarantined, now)


def _take_up(connection: Connection, which: ColumnElement[bool], now: Millis, *, priority: int = t.RETRY) -> int:
    fresh = {"quarantined": False, "errors": 0, "lost": 0, "priority": priority}
    hosts = hold_work(connection, which)
    changed = connection.execute(update(t.work).where(which).values(due_at=now, **fresh)).rowcount
    settle(connection, hosts)
    return changed


def _set_due(connection: Connection, which: ColumnElement[bool], due_at: int) -> None:
    hosts = hold_work(connection, which)
    connection.execute(update(t.work).where(which).values(due_at=due_at))
    settle(connection, hosts)
