"""The configured feeds and the hosts' policies, as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, insert, or_, select, update

from worker import urls
from worker.model import Feed, HostPolicy, Millis
from worker.schedule import WHOLE, paced
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.database.dialects import Each
from worker.store.known.identities import forget_keys
from worker.store.known.names import FEED_ID, numbers_given, numbers_of

Policies = Callable[[str], HostPolicy]
UNHOSTED = HostPolicy(concurrency=32, delay_ms=0)
"""For work that fetches nothing, whose slots are only leases. 32 of them keep the CPU processes busy during a
commit."""

_ENLISTED = 1_000
"""Feeds handled at once, because the rows being inserted take ten times the memory of the feeds themselves."""

NO_VERSION = {"etag": None, "last_modified": None, "body_hash": None, "elements": None}
_NO_STANDING = {
    "errors": 0,
    "setback_weight": 0,
    "failing_since": None,
    "moved_to": None,
    "moved_polls": 0,
    "gone_since": None,
    "gone_answers": 0,
    "retired": False,
    "suggestion": None,
    "next_at": None,
}


def sync(connection: Connection, feeds: Sequence[Feed], policies: Policies, now: Millis) -> None:
    """Makes the feed rows match the lists. New feeds are due at once. Feeds no longer listed lose their queued work but
    keep their history. A feed whose URL has changed keeps its history, but not the validators of the old server."""
    apply_policies(connection, policies)
    active = connection.scalars(select(t.feed.c.id).where(t.feed.c.active)).all()
    listed = {feed.id for feed in feeds}
    drop(connection, [feed_id for feed_id in active if feed_id not in listed])
    enlist(connection, feeds, policies, now)


def enlist(connection: Connection, feeds: Iterable[Feed], policies: Policies, now: Millis) -> None:
    """Makes the rows of these feeds match the lists. Feeds whose URL changes must not be under poll."""
    left = [(row.id, at) for row in connection.execute(_LEFT) for at in (row.moved_to, row.url) if at]
    listed: dict[str, str] = {}
    for some in chunks(feeds, _ENLISTED):
        left += _enlist(connection, some, policies, now, listed)
    _hand_on(connection, listed, left)


_GIVE = update(t.entry).where(t.entry.c.feed_no == bindparam("former")).values(feed_no=bindparam("heir"))
_KEEP = update(t.entry).where(t.entry.c.feed_no == bindparam("heir")).values(feed_no=-t.entry.c.feed_no)
_FEED_OF_WORK = select(FEED_ID).where(t.entry.c.id == t.work.c.entry_id).scalar_subquery()
_LEFT = select(t.feed.c.id, t.feed.c.url, t.feed.c.moved_to).where(~t.feed.c.active)
_KNOWN = Each(
    lambda which: select(t.feed.c.id, t.feed.c.url, t.feed.c.active, t.feed.c.paused).where(which(t.feed.c.id))
)


def _enlist(
    connection: Connection, feeds: Sequence[Feed], policies: Policies, now: Millis, listed: dict[str, str]
) -> list[tuple[str, str]]:
    """Returns the ids of feeds that left a URL, each with that. Adds those that have one now to `listed`, by URL."""
    known = {row.id: row for row in _KNOWN.rows(connection, [feed.id for feed in feeds])}
    paused = {row.id for row in known.values() if row.paused}
    fresh = [feed for feed in feeds if feed.id not in known]
    moved = [feed for feed in feeds if feed.id in known and known[feed.id].url != feed.url]
    back = [feed for feed in feeds if feed.id in known and not known[feed.id].active]
    if fresh:
        connection.execute(
            insert(t.feed),
            [
                {
                    **{"id": f.id, "url": f.url, "active": True, "added_at": now, "pace": f.pace},
                    **{"errors": 0, "new_last": 0, "new_total": 0},
                }
                for f in fresh
            ],
        )
    if back:
        statement = update(t.feed).where(t.feed.c.id == bindparam("feed")).values(active=True)
        connection.execute(statement, [{"feed": feed.id} for feed in back])
        _drop_standing(connection, [feed.id for feed in back])
    if moved:
        _drop_standing(connection, [feed.id for feed in moved])
        connection.execute(
            update(t.feed)
            .where(t.feed.c.id == bindparam("feed"))
            .values(url=bindparam("at"), etag=None, last_modified=None, body_hash=None),
            [{"feed": feed.id, "at": feed.url} for feed in moved],
        )
        for batch in chunks([feed.id for feed in moved]):
            walked = select(t.work.c.feed_id).where(t.work.c.feed_id.in_(batch), t.work.c.pages.is_not(None))
            _walk_anew(connection, walked)
            connection.execute(delete(t.work).where(t.work.c.feed_id.in_(batch), t.work.c.entry_id.is_(None)))
    queued = {feed.id: feed for feed in (*fresh, *back, *moved)}.values()
    listed.update((feed.url, feed.id) for feed in queued)
    work = [
        {
            "feed_id": feed.id,
            "priority": t.POLL,
            "host": urls.host_of(feed.url),
            "due_at": t.FAR if feed.id in paused else now,
        }
        for feed in queued
    ]
    add_work(connection, work, policies)
    return [(feed.id, known[feed.id].url) for feed in moved]


def _hand_on(connection: Connection, listed: Mapping[str, str], left: Sequence[tuple[str, str]]) -> None:
    """Gives entries to the feed that is now listed with the URL of theirs, if theirs has left that: because it got
    another id, or two feeds swapped their ids. Their keys are made with the former id; the feed tells them by their
    links, and by what it says of them.

    listed: the ids of feeds by URL. left: the ids of feeds with URLs that they had.
    """
    heirs = {former: listed[url] for former, url in left if listed.get(url, former) != former}
    given = numbers_given(connection, heirs)
    if not given:
        return
    numbers = given | numbers_of(connection, {heirs[former] for former in given})
    # Negative until all are given, since a feed that gives its entries may get those of another. In pieces, because a
    # server's limits hold for each.
    for some in chunks(given):
        connection.execute(_GIVE, [{"former": given[former], "heir": -numbers[heirs[former]]} for former in some])
    for marked in chunks({-numbers[heirs[former]] for former in given}):
        connection.execute(_KEEP, [{"heir": heir} for heir in marked])
    for batch in chunks(given):
        of_entries = (t.work.c.feed_id.in_(batch), t.work.c.entry_id.is_not(None))
        connection.execute(update(t.work).where(*of_entries).values(feed_id=_FEED_OF_WORK))


def _drop_standing(connection: Connection, feed_ids: Sequence[str]) -> None:
    """Clears the failures counted against feeds that their owner has just listed, so that they start afresh."""
    for batch in chunks(feed_ids):
        connection.execute(update(t.feed).where(t.feed.c.id.in_(batch)).values(_NO_STANDING))


def add_work(connection: Connection, rows: Sequence[dict[str, object]], policies: Policies) -> set[int]:
    """Queues work; each row names its `host`. Returns the ids of those hosts."""
    if not rows:
        return set()
    ids = host_ids(connection, {str(row["host"]) for row in rows}, policies)
    blank = {
        "entry_id": None,
        "pages": None,
        "url": None,
        "hops": 0,
        "permanent": True,
        "seek": False,
        "subscribe": False,
        "entry": None,
        "again": False,
    }
    counts = {
        "page_etag": None,
        "page_modified": None,
        "tries": 0,
        "waits": 0,
        "errors": 0,
        "lost": 0,
        "quarantined": False,
        "error": None,
    }
    values = [blank | counts | row | {"host_id": ids[str(row["host"])]} for row in rows]
    for value in values:
        del value["host"]
    connection.execute(insert(t.work), values)
    return set(ids.values())


def host_id(connection: Connection, name: str, policies: Policies) -> int:
    """The id of a host by its name; its row is added if there is none."""
    return host_ids(connection, {name}, policies)[name]


_BY_NAME = Each(
    lambda which: (
        select(t.host.c.name, t.host.c.id).where(which(t.host.c.name)).with_for_update(read=True, key_share=True)
    )
)


def host_ids(connection: Connection, names: set[str], policies: Policies) -> dict[str, int]:
    """The ids of hosts by name; missing rows are added. None of them can be deleted before this transaction ends."""
    found: dict[str, int] = {row.name: row.id for row in _BY_NAME.rows(connection, names)}
    missing = {name: _policy(policies, name) for name in sorted(names - found.keys())}
    if missing:
        blank = {"not_before": 0, "next_at": 0, "crawl_ms": 0, "share": WHOLE}
        values = [{"name": name, **_configured(policy), **blank} for name, policy in missing.items()]
        made = connection.execute(insert(t.host).returning(t.host.c.name, t.host.c.id), values)
        found.update((row.name, row.id) for row in made)
        _add_slots(connection, ((found[name], k) for name, p in missing.items() for k in range(p.concurrency)))
    return found


def apply_policies(connection: Connection, policies: Policies, host_ids: Sequence[int] | None = None) -> list[int]:
    """Makes all hosts (or only `host_ids`) follow the policies. Returns those whose policy has changed.

    A slot in use stays until it is free; `host.width` says how many may be claimed.
    """
    columns = (t.host.c.id, t.host.c.name, t.host.c.policy_ms, t.host.c.concurrency, t.host.c.crawl_ms, t.host.c.share)
    rows: list[Any] = []
    if host_ids is None:
        rows += connection.execute(select(*columns)).all()
    for ids in chunks(host_ids or ()):
        rows += connection.execute(select(*columns).where(t.host.c.id.in_(ids))).all()
    changed = []
    for row in rows:
        policy = _policy(policies, row.name)
        if (policy.delay_ms, policy.concurrency) == (row.policy_ms, row.concurrency):
            continue
        changed.append(row.id)
        values = _configured(policy) | in_force(policy, crawl_ms=row.crawl_ms, share=row.share)
        connection.execute(update(t.host).where(t.host.c.id == row.id).values(values))
        spare = (t.slot.c.host_id == row.id, t.slot.c.k >= policy.concurrency, t.slot.c.work_id.is_(None))
        connection.execute(delete(t.slot).where(*spare))
        there = set(connection.scalars(select(t.slot.c.k).where(t.slot.c.host_id == row.id)))
        _add_slots(connection, ((row.id, k) for k in range(policy.concurrency) if k not in there))
    return changed


def _configured(policy: HostPolicy) -> dict[str, int]:
    configured = {"policy_ms": policy.delay_ms, "concurrency": policy.concurrency}
    return configured | in_force(policy, crawl_ms=0, share=WHOLE)


def in_force(policy: HostPolicy, *, crawl_ms: int, share: int) -> dict[str, int]:
    """The columns that say how a host is treated now, given the delay its robots.txt asks for (`crawl_ms`) and its
    `share`."""
    now = paced(policy, crawl_ms=crawl_ms, share=share)
    return {"delay_ms": now.delay_ms, "width": now.concurrency}


def _policy(policies: Policies, name: str) -> HostPolicy:
    return UNHOSTED if name == t.NO_HOST else policies(name)


def _add_slots(connection: Connection, slots: Iterable[tuple[int, int]]) -> None:
    """Adds free slots, each given as a host id and the slot's number there."""
    rows = [{"host_id": host_id, "k": k, "token": 0, "lease_until": 0} for host_id, k in slots]
    if rows:
        connection.execute(insert(t.slot), rows)


def drop(connection: Connection, feed_ids: Sequence[str]) -> None:
    """Removes feeds from the queue. Entries that were only queued are forgotten, and so are the feed's validators, so
    that they count as new or changed when the feed is listed again; its older pages, which may be all that still shows
    them, are then read again (`walk_anew`)."""
    for batch in chunks(feed_ids):
        waiting = (
            select(t.work.c.entry_id)
            .join(t.entry, t.entry.c.id == t.work.c.entry_id)
            .where(t.work.c.feed_id.in_(batch), t.entry.c.revision == 0)
        )
        of_pages = or_(t.work.c.pages.is_not(None), t.work.c.entry_id.in_(waiting))
        _walk_anew(connection, select(t.work.c.feed_id).where(t.work.c.feed_id.in_(batch), of_pages))
        _walk_anew(connection, select(FEED_ID).where(t.entry.c.duplicate_of.in_(waiting)))
        free_duplicates(connection, waiting)
        _forget(connection, waiting)
        changed = select(t.work.c.entry_id).where(t.work.c.feed_id.in_(batch), t.work.c.entry_id.is_not(None))
        connection.execute(update(t.entry).where(t.entry.c.id.in_(changed)).values(version=b""))
        connection.execute(delete(t.work).where(t.work.c.feed_id.in_(batch)))
        connection.execute(update(t.feed).where(t.feed.c.id.in_(batch)).values(active=False, **NO_VERSION))


def _walk_anew(connection: Connection, feeds: Select[str]) -> None:
    """The next document of these feeds begins a walk that also goes through pages on which nothing is new."""
    connection.execute(update(t.feed).where(t.feed.c.id.in_(feeds)).values(walk_anew=True))


def free_duplicates(connection: Connection, forgotten: Select[int], *which: ColumnElement[bool]) -> None:
    """Lets duplicates stand for themselves once the entry they were duplicates of is forgotten. One with a record that
    points to that entry counts as changed; one that is queued goes on as it is; any other is forgotten, so that it is
    new with the next poll. which: conditions on the duplicates."""
    theirs = and_(t.entry.c.duplicate_of.in_(forgotten), *which)
    feeds = select(FEED_ID).where(theirs)
    let_all_be_said(connection, feeds)
    linked = update(t.entry).where(theirs, t.entry.c.revision > 0)
    connection.execute(linked.values(duplicate_of=None, version=b"", reason=None))
    queued = select(t.work.c.entry_id).where(t.work.c.entry_id == t.entry.c.id).exists()
    connection.execute(update(t.entry).where(theirs, queued).values(duplicate_of=None, reason=None))
    _forget(connection, select(t.entry.c.id).where(theirs))


def let_all_be_said(connection: Connection, feeds: Select[str] | Sequence[str]) -> None:
    """Makes the next poll of these feeds read the whole document, even if it has not changed."""
    connection.execute(update(t.feed).where(t.feed.c.id.in_(feeds)).values(NO_VERSION))
    # A poll that is under way has already skipped the elements it knew.
    polls = (t.work.c.feed_id.in_(feeds), t.is_poll)
    connection.execute(update(t.work).where(*polls).values(again=True))


def _forget(connection: Connection, entries: Select[int]) -> None:
    for batch in chunks(connection.scalars(entries).all()):
        forget_keys(connection, batch)
        connection.execute(delete(t.entry).where(t.entry.c.id.in_(batch)))
