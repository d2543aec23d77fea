"""Walks through the older pages of feeds: a chain of pages is followed when a feed is new, and after gaps.

A walk is work of its own beside the feed's poll, with a lower priority than everything else for its host, so that it
never delays news. The entries that it finds are queued with that priority, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, case, delete, select, update

from worker import urls
from worker.model import FeedId, Finished, PollDone, Walked
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.finish.arrivals import judge_entries
from worker.store.known.feeds import Policies, add_work, host_id
from worker.store.known.shelf import Shelf

PAGES = 50
"""The most pages that one walk reads."""

_WALKING = (
    select(t.work.c.id, t.work.c.feed_id, t.work.c.entry)
    .where(t.work.c.feed_id.in_(bindparam("feeds", expanding=True)), t.work.c.pages.is_not(None))
    .with_for_update()
)


def begin(
    connection: Connection, polls: Sequence[PollDone], policies: Policies, *, anew: Collection[FeedId] = ()
) -> set[int]:
    """Queues walks that start at these documents; returns the hosts that have work now. A feed that is being walked
    already has had a gap since, so its walk goes there next. anew: feeds whose walks also continue past pages without
    anything new."""
    from_url = {done.feed_id: (done.older, done.at) for done in polls if done.older is not None}
    for batch in chunks(sorted(from_url)):
        for row in connection.execute(_WALKING, {"feeds": batch}).all():
            url, _ = from_url.pop(FeedId(row.feed_id))
            trail = _Trail.of(row.entry).from_gap(url, passed=PAGES if row.feed_id in anew else 0)
            values = {"pages": PAGES, "entry": trail.encoded}
            connection.execute(update(t.work).where(t.work.c.id == row.id).values(values))
    rows: list[dict[str, object]] = [
        {
            "feed_id": feed_id,
            "priority": t.BACKFILL,
            "host": urls.host_of(url),
            "url": url,
            "due_at": at,
            "pages": PAGES,
            "entry": _Trail(passed=PAGES).encoded if feed_id in anew else None,
        }
        for feed_id, (url, at) in from_url.items()
    ]
    return add_work(connection, rows, policies)


def finish_walk(connection: Connection, done: Walked, policies: Policies) -> tuple[Finished, set[int]]:
    """Commits a page's entries, and queues the next page or ends the walk; returns what became of the entries, and the
    hosts that have work now."""
    row = connection.execute(select(t.feed).where(t.feed.c.id == done.feed_id)).one()
    page = PollDone(lease=done.lease, feed_id=done.feed_id, at=done.at, entries=done.entries, filters=done.filters)
    shelf = Shelf(connection, [page])
    arrived = judge_entries(shelf, row, page, policies, is_old=True)
    shelf.write()
    counts, came, touched = arrived.finished, arrived.came, arrived.touched
    if came:
        less = t.feed.c.missed - len(came)
        found = {"new_total": t.feed.c.new_total + counts.new, "missed": case((less > 0, less), else_=0.0)}
        connection.execute(update(t.feed).where(t.feed.c.id == done.feed_id).values(found))
    mine = t.work.c.id == done.lease.work_id
    columns = (t.work.c.pages, t.work.c.entry, t.work.c.url)
    work = connection.execute(select(*columns).where(mine).with_for_update()).one_or_none()
    trail = _Trail.of(None if work is None else work.entry)
    then, trail = trail.after(done, done.older if came or trail.passed else None)
    left = ((work and work.pages) or 1) - 1
    if not (then and left and row.active):
        connection.execute(delete(t.work).where(mine))
        return counts, touched
    host = host_id(connection, urls.host_of(then), policies)
    values = {"url": then, "host_id": host, "pages": left, "due_at": done.at, "priority": t.BACKFILL}
    begun = {"hops": 0, "tries": 0, "waits": 0, "errors": 0, "lost": 0, "error": None, "entry": trail.encoded}
    connection.execute(update(t.work).where(mine).values(values | begun))
    return counts, touched | {host}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trail:
    """Where a walk still has to go and, for sitemaps, where it has been; stored in its row in place of an entry."""

    waiting: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    passed: int = 0
    """How many documents it still continues past even if they bring nothing new."""

    @classmethod
    def of(cls, data: bytes | None) -> _Trail:
        said: dict[str, Any] = {} if data is None else orjson.loads(data)
        waiting, read = (tuple(said.get(places, ())) for places in ("waiting", "read"))
        return cls(waiting=waiting, read=read, passed=said.get("passed", 0))

    @property
    def encoded(self) -> bytes | None:
        return None if self == _Trail() else orjson.dumps(asdict(self))

    def from_gap(self, url: str, *, passed: int) -> _Trail:
        """With the page that a gap leads to as the next one. Pages read before are forgotten, since they may have more
        by now."""
        waiting = tuple(dict.fromkeys((url, *self.waiting)))[:PAGES]
        return _Trail(waiting=waiting, passed=max(passed, self.passed))

    def after(self, done: Walked, older: str | None) -> tuple[str | None, _Trail]:
        """Where to go after a document, and the trail from there: what the document leads to comes first, and no
        sitemap is read twice. A chain of pages continues while there is something new, and takes turns with the chains
        that began at gaps."""
        passed = max(0, self.passed - 1)
        if not (done.further or self.read):
            next_page = [older] if older else []
            chains = list(dict.fromkeys([*next_page, *self.waiting] if passed else [*self.waiting, *next_page]))
            left = _Trail(waiting=tuple(chains[1:]), passed=passed)
            return (chains[0], left) if chains else (None, self)
        read = dict.fromkeys((*self.read, done.url))
        found = dict.fromkeys((*([older] if older else []), *done.further, *self.waiting))
        places = [place for place in found if place not in read]
        if not places:
            return None, self
        left = _Trail(waiting=tuple(places[1 : PAGES + 1]), read=tuple(read), passed=passed)
        return places[0], left
