"""What operators do to feeds and work: pause, resume, poll at once, retry, read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from worker.dedup import Name
from worker.model import HOUR_MS, FeedId, Millis
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.database.locks import hold_entries, hold_work
from worker.store.finish.polls import call_home
from worker.store.known.feeds import Policies, add_work, let_all_be_said
from worker.store.known.identities import named
from worker.store.known.names import FEED_ID, REVISED_AT
from worker.store.work.settling import settle
from worker.urls import host_of

_MOST = 500
"""At most so many entries at one URL are read again."""
_WAIT_MS = HOUR_MS
"""A page that is to be read again waits at most this long for its feed to be polled first."""
_IDLE_POLL = and_(t.is_poll, ~t.is_under_way)
"""A poll that is not running. Running ones take up the change when they end, because `standing.after` reads the feed's
row."""


def pause(connection: Connection, feed_ids: Sequence[str]) -> int:
    """Stops polling feeds until `resume`. Returns how many were not paused before. Entries already queued are still
    ingested."""
    changed = 0
    for batch in chunks(feed_ids):
        hold_work(connection, t.work.c.feed_id.in_(batch))
        running = (t.feed.c.id.in_(batch), t.feed.c.active, ~t.feed.c.paused)
        statement = update(t.feed).where(*running).values(paused=True, next_at=None, why="paused")
        changed += connection.execute(statement).rowcount
        _set_due(connection, and_(t.work.c.feed_id.in_(batch), _IDLE_POLL), t.FAR)
    return changed


def resume(connection: Connection, feed_ids: Sequence[str], *, now: Millis) -> int:
    """Ends the pause of feeds. They are due at once, except retired ones. Returns how many were paused."""
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
    """Makes feeds due `now` for one poll, even if paused or retired. Returns how many of them are listed. Hosts still
    get their delays.

    due_at: give the polls, and whatever else of these feeds is due, this earlier time instead, so that a run can tell
    them from what is due anyway (`before_all`).
    """
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
    """A time before that of everything due, for marking work that a run has been asked for. It is only just before,
    because work left over with it counts as that late."""
    earliest = connection.scalar(select(func.min(t.work.c.due_at)))
    return now if earliest is None else Millis(min(now, earliest - 1))


def put_first(connection: Connection, feed_ids: Sequence[str], *, now: Millis, due_at: Millis) -> None:
    """Sets the due time of all due work of these feeds, except polls, to `due_at`, to tell it from what is due for
    others."""
    for batch in chunks(feed_ids):
        waits = (t.work.c.priority > t.POLL, t.work.c.due_at <= now)
        _set_due(connection, and_(t.work.c.feed_id.in_(batch), *waits), due_at)


def note_reach(connection: Connection, reach: str, policies: Policies, *, now: Millis) -> int:
    """Stores `reach`, a digest of the settings by which servers are reached. If it differs from the stored one, feeds
    that fail become due, since the old settings may have been the reason. Returns how many."""
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
    """An article that has a record and no queued work."""

    record_id: str
    feed_id: FeedId
    is_listed: bool
    """Whether its feed is still in the lists."""
    revision: int
    """The number of its last record."""
    revised_at: Millis | None
    """When its last record was written; None if that was before the state was recovered."""
    has_page: bool
    """Whether its link is its own: not a front page, and not shared with another entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A page to be read again even if its feed no longer shows the entry."""

    record_id: str
    url: str
    """The URL to fetch."""
    entry: bytes
    """The encoded `Entry` to use if the feed does not show it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What was made due so that an article is read again."""

    known: bool
    """Whether the article has any entry here."""
    due: int
    """How many pieces of its work were already queued, and are due now."""
    polls: int
    """How many feeds will be polled and read whole."""
    pages: int = 0
    """How many pages are read after that, whether their feed shows the entry or not."""


def at_rest(connection: Connection, name: Name) -> list[AtRest]:
    """The entries of the named article that have a record and no queued work, so that `read_again` needs a `Look` to
    read their pages."""
    ids = _named(connection, name)
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
    connection: Connection, name: Name, policies: Policies, *, now: Millis, looks: Sequence[Look] = ()
) -> Again:
    """Lets an article be read afresh, whatever became of it before. The name of a duplicate does, too. Queued work of
    it becomes due, and its page is fetched without validators. Entries without queued work get their feed polled and
    read whole, as if it had changed what it says of them; if the feed no longer shows one, its page is read after that
    poll, provided it is among `looks` (made from `at_rest`)."""
    ids = _named(connection, name)
    theirs = t.work.c.entry_id.in_(ids)
    connection.execute(update(t.work).where(theirs, ~t.is_under_way).values(page_etag=None, page_modified=None))
    due = _take_up(connection, and_(theirs, ~t.is_under_way), now, priority=t.NEW)
    hold_entries(connection, ids)
    feeds = connection.scalars(select(FEED_ID).where(*_at_rest(ids)).distinct()).all()
    connection.execute(update(t.entry).where(*_at_rest(ids)).values(version=b""))
    let_all_be_said(connection, feeds)
    polls = hasten(connection, feeds, policies, now=now)
    pages = _queue(connection, looks, ids, policies, now=now)
    return Again(known=bool(ids), due=due, polls=polls, pages=pages)


def _named(connection: Connection, name: Name) -> list[int]:
    """The entries of that name, and those they are duplicates of."""
    found = named(connection, name)
    duplicates = (t.entry.c.id.in_(sorted(found)[:_MOST]), t.entry.c.duplicate_of.is_not(None))
    originals = connection.scalars(select(t.entry.c.duplicate_of).where(*duplicates))
    return sorted(found.union(originals))[:_MOST]


def _at_rest(ids: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    """Conditions for those of the entries that have a record and no queued work."""
    queued = select(t.work.c.entry_id).where(t.work.c.entry_id.in_(ids))
    written = (t.entry.c.id.in_(ids), t.entry.c.id.not_in(queued), t.entry.c.revision > 0)
    return (*written, t.entry.c.duplicate_of.is_(None), t.entry.c.skipped.is_(None))


def _queue(
    connection: Connection, looks: Sequence[Look], ids: Sequence[int], policies: Policies, *, now: Millis
) -> int:
    """Queues the looks behind the polls of their feeds. Returns how many."""
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


def retry(connection: Connection, *, now: Millis, feed_ids: Sequence[str] = ()) -> int:
    """Queues again what was put aside, of these feeds or, if none are named, of all. Returns how many pieces of work
    became due."""
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
