"""Feeds and entries for people, a page at a time. Every query uses an index or is bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sqlalchemy import Column, Connection, Row, func, literal_column, or_, select

from worker.model import DAY_MS, EntryId, Extraction, FeedId, Millis
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.known.names import FEED_ID, URL, extraction_of, no_of, nos_of
from worker.store.known.refs import refs_by_key
from worker.store.reading.status import LISTED_FEEDS, FeedStatus, feed_status

K = TypeVar("K")

DAYS = 30
"""That `entries_by_day` goes back."""
RECENT = 100_000
"""How many of the newest entries are searched for duplicates: if there were none, all entries would have to be read."""

_FAILING = t.feed.c.errors > literal_column("0")
"""Written exactly as in the index, because SQLite only then uses it."""
_ENTRIES = select(t.entry, FEED_ID, URL)

Which = Literal["all", "failing", "paused", "retired", "unpolled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Since when a feed has brought nothing new."""

    feed_id: FeedId
    added_at: Millis
    new_at: Millis | None
    polled_at: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEntry:
    """An entry, in short."""

    record_id: str
    url: str | None
    feed_id: FeedId
    first_seen_at: Millis
    revision: int
    """0: no record was written."""
    extraction: Extraction | None
    reason: str | None
    is_duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """An article and the entries that are duplicates of it, or near-duplicates."""

    first: ListedEntry | None
    """None if it is no longer kept."""
    others: Sequence[ListedEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAside:
    """Work that was put aside because feedmill itself failed on it repeatedly."""

    work_id: int
    record_id: str
    feed_id: FeedId
    url: str | None
    errors: int
    error: str | None


def feeds_page(
    connection: Connection,
    *,
    which: Which = "all",
    text: str = "",
    called: Sequence[FeedId] = (),
    after: str = "",
    limit: int = 50,
) -> list[FeedStatus]:
    """Listed feeds by id, those after `after`. With `text`: those that have it in their id, title or URL, and those in
    `called`, which have it in the name the lists give them."""
    query = LISTED_FEEDS.where(t.feed.c.id > after)
    match which:
        case "failing":
            query = query.where(_FAILING)
        case "paused":
            query = query.where(t.feed.c.paused)
        case "retired":
            query = query.where(t.feed.c.retired)
        case "unpolled":
            query = query.where(t.feed.c.polled_at.is_(None))
        case "all":
            pass
    if text:
        likely = [column.icontains(text, autoescape=True) for column in (t.feed.c.id, t.feed.c.title, t.feed.c.url)]
        query = query.where(or_(*likely, t.feed.c.id.in_(called)))
    return [feed_status(row) for row in connection.execute(query.order_by(t.feed.c.id).limit(limit))]


def feeds_by_id(connection: Connection, ids: Sequence[FeedId]) -> list[FeedStatus]:
    """Those of the feeds that are listed, by id."""
    found = [
        feed_status(row)
        for batch in chunks(ids)
        for row in connection.execute(LISTED_FEEDS.where(t.feed.c.id.in_(batch)))
    ]
    return sorted(found, key=lambda feed: feed.id)


def longest_failing(connection: Connection, *, limit: int) -> list[FeedStatus]:
    """The failing feeds, longest failing first."""
    query = LISTED_FEEDS.where(_FAILING).order_by(t.feed.c.failing_since, t.feed.c.id)
    return [feed_status(row) for row in connection.execute(query.limit(limit))]


def quiet_since(connection: Connection, before: Millis) -> list[News]:
    """Feeds without a new entry since `before` that were listed before then and are not paused."""
    columns = (t.feed.c.id, t.feed.c.added_at, t.feed.c.new_at, t.feed.c.polled_at)
    last = func.coalesce(t.feed.c.new_at, t.feed.c.added_at)
    rows = connection.execute(
        select(*columns).where(t.feed.c.active, ~t.feed.c.paused, t.feed.c.added_at <= before, last <= before)
    )
    return [News(feed_id=row.id, added_at=row.added_at, new_at=row.new_at, polled_at=row.polled_at) for row in rows]


def entries_by_day(connection: Connection, ids: Sequence[FeedId], *, now: Millis) -> Mapping[FeedId, Sequence[int]]:
    """How many entries were first seen in each feed on each of the last `DAYS` days (UTC), oldest first."""
    today = now // DAY_MS
    found = {feed_id: [0] * DAYS for feed_id in ids}
    for batch in chunks(ids):
        rows = connection.execute(
            select(FEED_ID, t.seen_on.label("day"), func.count().label("number"))
            .where(t.entry.c.feed_no.in_(nos_of(batch)), t.seen_on > today - DAYS)
            .group_by(t.entry.c.feed_no, t.seen_on)
        )
        for row in rows:
            if row.day <= today:  # later ones come from a clock that was set back since
                found[row.feed_id][row.day - today - 1] = row.number
    return found


def entries_of(
    connection: Connection, feed_id: FeedId, *, before: Millis | None = None, limit: int = 50
) -> list[ListedEntry]:
    """A feed's entries, newest first; with `before`, only those first seen before then."""
    query = _ENTRIES.where(t.entry.c.feed_no == no_of(feed_id))
    if before is not None:
        query = query.where(t.seen_on <= before // DAY_MS, t.entry.c.first_seen_at < before)
    newest = query.order_by(t.seen_on.desc(), t.entry.c.first_seen_at.desc())
    return [_entry(row) for row in connection.execute(newest.limit(limit))]


def copies(connection: Connection, *, limit: int) -> list[Copies]:
    """Articles with duplicates, those with the newest duplicates first, as far as the last `limit` duplicates go."""
    groups = _newest_by(connection, t.entry.c.duplicate_of, limit)
    firsts = _entries(connection, groups)
    return [Copies(first=firsts.get(entry_id), others=others) for entry_id, others in groups.items()]


def told_alike(connection: Connection, *, limit: int) -> list[Copies]:
    """Articles with near-duplicates that came later, those with the newest first, as far as the last `limit`
    near-duplicates go."""
    groups = _newest_by(connection, t.entry.c.cluster_id, limit)
    ids = {key: known.entry_id for key, known in refs_by_key(connection, groups).items()}
    firsts = _entries(connection, ids.values())
    return [Copies(first=firsts.get(ids.get(key, EntryId(0))), others=others) for key, others in groups.items()]


def _newest_by(connection: Connection, column: Column[K], limit: int) -> dict[K, list[ListedEntry]]:
    """The newest entries that have a value in the column, by that value."""
    newest = connection.scalar(select(func.max(t.entry.c.id))) or 0
    having = _ENTRIES.where(t.entry.c.id > newest - RECENT, column.is_not(None))
    groups: dict[K, list[ListedEntry]] = {}
    for row in connection.execute(having.order_by(t.entry.c.id.desc()).limit(limit)):
        groups.setdefault(getattr(row, column.name), []).append(_entry(row))
    return groups


def _entries(connection: Connection, ids: Iterable[int]) -> dict[int, ListedEntry]:
    return {
        row.id: _entry(row)
        for batch in chunks(ids)
        for row in connection.execute(_ENTRIES.where(t.entry.c.id.in_(batch)))
    }


def quarantine(connection: Connection, *, after: int = 0, limit: int = 50) -> list[PutAside]:
    """Work that was put aside, in the order in which it was queued."""
    rows = connection.execute(
        select(t.work, t.entry.c.record_id, URL.element.label("entry_url"))
        .join(t.entry, t.entry.c.id == t.work.c.entry_id)
        .where(t.work.c.quarantined, t.work.c.id > after)
        .order_by(t.work.c.id)
        .limit(limit)
    )
    return [
        PutAside(
            work_id=row.id,
            record_id=row.record_id.hex(),
            feed_id=FeedId(row.feed_id),
            url=row.entry_url,
            errors=row.errors,
            error=row.error,
        )
        for row in rows
    ]


def _entry(row: Row[Any]) -> ListedEntry:
    return ListedEntry(
        record_id=row.record_id.hex(),
        url=row.url,
        feed_id=FeedId(row.feed_id),
        first_seen_at=row.first_seen_at,
        revision=row.revision,
        extraction=extraction_of(row.extraction),
        reason=row.reason,
        is_duplicate=row.duplicate_of is not None,
    )
