"""What became of an article, and why: everything that the state knows of it, for people. Read only, beside the
engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from worker import dedup, urls
from worker.model import Extraction, FeedId, Millis, State
from worker.record import shard_name, shard_of
from worker.store.database import tables as t
from worker.store.database.opening import reading
from worker.store.known.graves import are_dead
from worker.store.known.identities import named
from worker.store.known.keys import stored
from worker.store.known.names import FEED_ID, REVISED_AT, URL, extraction_of, nos_of, origin
from worker.store.known.refs import ref
from worker.store.published import publications
from worker.store.published.takedowns import barred

_OTHERS = 20
"""The most articles of a story, or duplicates of an article, that are listed."""
_MOST_NEAR = 5
_NEWEST = 20_000
"""How many of the newest entries are searched for those that differ only in their query: takes some milliseconds."""
_SEGMENTS = 3
"""An article is in the first segment begun after its commit or, if there was a backlog, in one of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """Work on an entry that is not done yet."""

    kind: str
    """`new`: the page has not been fetched yet. `retry`: it could not be had. `look`: it will be looked at again."""
    host: str
    """Empty if no page is to be fetched."""
    due_at: Millis
    not_before: Millis
    """The host is not asked before this time."""
    delay_ms: int
    under_way: bool
    tries: int
    waits: int
    errors: int
    quarantined: bool
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryStory:
    """What became of an entry."""

    record_id: str
    url: str | None
    feed_id: FeedId
    first_seen_at: Millis
    revision: int
    """0: no record was written."""
    revised_at: Millis | None
    extraction: Extraction | None
    reason: str | None
    removed_lines: int
    """Lines cut from the text of its last record because they belong to the site."""
    duplicate_of: str | None
    """The record id of the entry that stands for it."""
    cluster_id: str | None
    copy_of: str | None
    """The id of the record that its own is a near-duplicate of."""
    story: Sequence[str]
    """The URLs of the others in its cluster, oldest first."""
    gone_since: Millis | None
    queued: Queued | None
    unpublished: bool
    """Its record is decided but not in a file yet."""
    paths: Sequence[str]
    """Files of the output, one of which got its last record when that was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    entries: Sequence[EntryStory]
    forgotten: bool
    """It was taken down, or left its feed long ago: it won't be ingested again."""
    forgotten_at: Millis | None
    """When an operator asked for that, if it is known."""
    was_unknown: bool
    """Whether nothing was known of it then."""
    feeds: Sequence[FeedId]
    """Listed feeds with this URL or id."""
    near: Sequence[str]
    """If nothing is known of it: the URLs of articles and feeds that may have been meant, likeliest first."""

    @property
    def is_known(self) -> bool:
        return bool(self.entries or self.feeds or self.forgotten)


def read_story(state: State, subject: str) -> Story:
    """`story_of`, beside the engine. Raises StateError."""
    with reading(state) as connection:
        return story_of(connection, subject)


def story_of(connection: Connection, subject: str) -> Story:
    """Everything known under what somebody typed: an article's URL in any spelling (with its duplicates), a record id,
    or the id or URL of a feed. Uses indexes only."""
    name = dedup.name_of(subject)
    ids = named(connection, name) if name else set()
    if name and name.url and ids:
        same = select(t.entry.c.id).where(t.entry.c.duplicate_of.in_(ids)).limit(_OTHERS)
        ids |= set(connection.scalars(same))
    feeds = connection.scalars(
        select(t.feed.c.id).where(or_(t.feed.c.id == subject, t.feed.c.url == subject, t.feed.c.moved_to == subject))
    ).all()
    forgotten = name is not None and are_dead(connection, {name.key})
    asked = barred(connection, name.key) if name and forgotten else None
    meant = name.url if name else urls.canonical_if_any(f"https://{subject}")
    is_unknown = not (ids or feeds or forgotten)
    return Story(
        entries=[_entry(connection, entry_id) for entry_id in sorted(ids)],
        forgotten=forgotten,
        forgotten_at=asked and asked.at,
        was_unknown=asked is not None and asked.unknown,
        feeds=[FeedId(feed_id) for feed_id in feeds],
        near=_near(connection, meant) if is_unknown and meant else (),
    )


def _near(connection: Connection, url: str) -> Sequence[str]:
    """What is known at `url` or a similar address; of the newest entries, also those that differ only in their
    query."""
    alike = [url, *urls.likenesses(url)]
    keys = {stored(dedup.url_key(each)) for each in alike}
    ids = select(t.identity.c.entry_id).where(t.identity.c.key.in_(keys))
    known = or_(t.entry.c.id.in_(ids), t.entry.c.shared_key.in_(keys))
    found = set(connection.scalars(select(URL).where(known, t.entry.c.path.is_not(None))))
    found.update(connection.scalars(select(t.feed.c.url).where(t.feed.c.active, t.feed.c.url.in_(alike))))
    newest = t.entry.c.id > select(func.max(t.entry.c.id) - _NEWEST).scalar_subquery()
    of_site = t.entry.c.origin_no.in_(nos_of({origin(each) for each in alike}))
    asked = connection.scalars(select(URL).where(newest, of_site, t.entry.c.path.contains("?")))
    places = {_bare(each): place for place, each in reversed(list(enumerate(alike)))}
    found.update(each for each in asked if _bare(each) in places)
    return sorted(found, key=lambda each: (places.get(_bare(each), len(alike)), each))[:_MOST_NEAR]


def _bare(url: str) -> str:
    return url.partition("?")[0]


def key_of(subject: str) -> bytes | None:
    """The key under which the subject would be kept out; None if it names no article."""
    name = dedup.name_of(subject)
    return name and name.key


def _entry(connection: Connection, entry_id: int) -> EntryStory:
    query = select(t.entry, FEED_ID, URL, REVISED_AT).where(t.entry.c.id == entry_id)
    row = connection.execute(query).one()
    first = select(t.entry.c.record_id).where(t.entry.c.id == row.duplicate_of)
    original = connection.scalar(first) if row.duplicate_of is not None else None
    cluster = ref(row).cluster
    return EntryStory(
        record_id=row.record_id.hex(),
        url=row.url,
        feed_id=row.feed_id,
        first_seen_at=row.first_seen_at,
        revision=row.revision,
        revised_at=row.revised_at,
        extraction=extraction_of(row.extraction),
        reason=row.reason,
        removed_lines=row.removed_lines,
        duplicate_of=original and original.hex(),
        cluster_id=cluster.hex() if cluster else None,
        copy_of=row.copy_of.hex() if row.copy_of else None,
        story=_others(connection, row.id, cluster),
        gone_since=row.gone_since,
        queued=_queued(connection, entry_id, written=row.revision > 0),
        unpublished=_is_unpublished(connection, row),
        paths=_paths(connection, row.record_id, row.revised_at),
    )


def _others(connection: Connection, entry_id: int, cluster: bytes | None) -> Sequence[str]:
    if cluster is None:
        return ()
    first = select(t.identity.c.entry_id).where(t.identity.c.key == stored(cluster)).scalar_subquery()
    theirs = ((t.entry.c.cluster_id == cluster) | (t.entry.c.id == first), t.entry.c.id != entry_id)
    said = func.coalesce(URL.element, FEED_ID.element)
    return connection.scalars(select(said).where(*theirs).order_by(t.entry.c.id).limit(_OTHERS)).all()


def _queued(connection: Connection, entry_id: int, *, written: bool) -> Queued | None:
    columns = (t.host.c.name, t.host.c.not_before, t.host.c.delay_ms, t.is_under_way.label("under_way"))
    row = connection.execute(
        select(t.work, *columns).join(t.host, t.host.c.id == t.work.c.host_id).where(t.work.c.entry_id == entry_id)
    ).one_or_none()
    if row is None:
        return None
    return Queued(
        kind={t.NEW: "new", t.RETRY: "retry"}.get(row.priority, "look" if written else "new"),
        host=row.name,
        due_at=row.due_at,
        not_before=row.not_before,
        delay_ms=row.delay_ms,
        under_way=row.under_way,
        tries=row.tries,
        waits=row.waits,
        errors=row.errors,
        quarantined=row.quarantined,
        error=row.error,
    )


def _is_unpublished(connection: Connection, entry: Row[Any]) -> bool:
    """Judged by its time, because the outbox does not name entries: a record of the same millisecond may be mistaken
    for it."""
    if entry.revised_at is None:
        return False
    same = select(t.outbox.c.id).where(t.outbox.c.ingested_at == entry.revised_at)
    return connection.execute(same.limit(1)).first() is not None


def _paths(connection: Connection, record_id: bytes, revised_at: int | None) -> Sequence[str]:
    if revised_at is None:
        return ()
    shards = publications.shards(connection) or 1
    shard = shard_of(record_id.hex(), shards)
    begun = (t.segment.c.shard == shard, t.segment.c.created_at >= revised_at, t.segment.c.path.is_not(None))
    paths = connection.scalars(select(t.segment.c.path).where(*begun).order_by(t.segment.c.id).limit(_SEGMENTS))
    return [PurePosixPath(shard_name(shard, shards), path).as_posix() for path in paths]
