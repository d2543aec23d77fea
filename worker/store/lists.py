"""Applies changes to feed lists and policies while work is under way: in pieces, between which leases and commits go
on.

Work that is being done ends as it would have; a feed that has such work is dropped, or moved, once it has ended
(`take_up` returns the feeds left to do). At the start nothing is under way, so everything is applied at once:
`feeds.sync`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, and_, bindparam, select, update

from worker.model import Feed, FeedId, Millis
from worker.schedule import History, Polled, decode_hints, phase_of
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.database.locks import hold_work
from worker.store.known.feeds import Policies, apply_policies, drop, enlist
from worker.store.work.settling import settle
from worker.store.work.standing import Planner

Changes = Mapping[FeedId, Feed | None]
"""Feeds as they are listed now; None for those that are not listed any more."""

_is_of_documents = t.work.c.entry_id.is_(None)  # the feed's poll, or a walk through its older pages
_RESTING = select(t.feed.c.id).where(t.feed.c.retired | t.feed.c.paused)
_KEPT_BACK = (
    t.work.c.due_at == t.FAR,
    ~t.work.c.quarantined,
    ~and_(t.is_poll, t.work.c.feed_id.in_(_RESTING)),
)
"""Work that `_hold_back` has put off. The only other work that is never due is what was put aside, and the polls of
retired or paused feeds."""

_OF_FEED = t.feed.c.id == bindparam("feed")
_PLAN = update(t.feed).where(_OF_FEED).values(next_at=bindparam("at"), why=bindparam("reason"))
_PLAN_POLL = update(t.work).where(t.work.c.feed_id == bindparam("feed"), t.is_poll).values(due_at=bindparam("at"))
_PACE = update(t.feed).where(_OF_FEED).values(pace=bindparam("asked"))


def take_up(
    connection: Connection, changes: Changes, policies: Policies, *, now: Millis, was_leaving: Collection[FeedId] = ()
) -> dict[FeedId, Feed | None]:
    """Makes the rows of these feeds agree with the lists; returns the changes that must wait for work that is under
    way. Feeds at the URL of one that must wait do so, too, since they get its entries (`enlist`).

    was_leaving: feeds that an earlier call returned as None, and that have not been dropped yet.
    """
    _say_something_else(connection)
    waits: dict[FeedId, Feed | None] = {}
    hosts: set[int] = set()
    listed: list[Feed] = []
    for ids in chunks(sorted(changes)):
        gone, kept = [i for i in ids if changes[i] is None], [i for i in ids if changes[i] is not None]
        hosts |= set(hold_work(connection, t.work.c.feed_id.in_(ids)))
        held = _having(connection, gone, t.is_under_way) | _having(
            connection, kept, and_(t.is_under_way, _is_of_documents)
        )
        ready = [feed_id for feed_id in ids if feed_id not in held]
        waits.update((feed_id, changes[feed_id]) for feed_id in held)
        _hold_back(connection, [feed_id for feed_id in gone if feed_id in held])
        give_back(connection, [feed_id for feed_id in kept if feed_id in was_leaving], now)
        drop(connection, [feed_id for feed_id in ready if changes[feed_id] is None])
        listed += [feed for feed_id in ready if (feed := changes[feed_id])]
    had = _urls(connection, waits)
    unmoved = {feed_id for feed_id, feed in waits.items() if feed and feed.url == had.get(feed_id)}
    left = {*had.values()}
    waits.update((feed.id, feed) for feed in listed if feed.url in left)
    enlist(connection, [feed for feed in listed if feed.id not in waits], policies, now)
    for ids in chunks(sorted(changes)):
        hosts |= _hosts(connection, ids)
    settle(connection, hosts)
    # A feed that came back in time and is where it was has nothing to wait for.
    return {feed_id: feed for feed_id, feed in waits.items() if feed_id not in unmoved}


def change_policies(connection: Connection, policies: Policies, *, after: int, limit: int) -> int | None:
    """Applies the policies to the next `limit` hosts by id; returns the last one's id, None if there were no more."""
    ids = connection.scalars(select(t.host.c.id).where(t.host.c.id > after).order_by(t.host.c.id).limit(limit)).all()
    settle(connection, apply_policies(connection, policies, ids))
    return ids[-1] if ids else None


def repaced(connection: Connection, listed: Iterable[Feed]) -> list[Feed]:
    """Feeds whose next poll was planned with another interval or cron line than they are listed with."""
    rows = connection.execute(select(t.feed.c.id, t.feed.c.pace).where(t.feed.c.pace.is_not(None)))
    before = {row.id: row.pace for row in rows}
    return [feed for feed in listed if before.get(feed.id) != feed.pace]


def replan(connection: Connection, feeds: Sequence[Feed], planner: Planner) -> None:
    """Gives feeds whose interval or cron line has changed the next time that follows from their last poll. Feeds that
    fail or are being polled get theirs when their poll ends; feeds that were just added to the lists are due anyway."""
    _say_something_else(connection)
    for some in chunks(feeds):
        ids = [feed.id for feed in some]
        healthy = (t.feed.c.errors == 0, ~t.feed.c.retired, ~t.feed.c.paused)
        planned = (t.feed.c.polled_at.is_not(None), t.feed.c.next_at.is_not(None))
        hold_work(connection, t.work.c.feed_id.in_(ids))
        idle = select(t.work.c.feed_id).where(
            t.work.c.feed_id.in_(ids), t.is_poll, ~t.is_under_way, ~t.work.c.seek, ~t.work.c.subscribe
        )
        columns = (t.feed.c.id, t.feed.c.polled_at, t.feed.c.history, t.feed.c.hints)
        dues = []
        for row in connection.execute(select(*columns).where(t.feed.c.id.in_(idle), *healthy, *planned)).all():
            polled = Polled(
                now=row.polled_at,
                phase=phase_of(row.id),
                chance=0.5,
                history=None if row.history is None else History.decode(row.history, now=row.polled_at),
                hints=decode_hints(row.hints, None),
            )
            due = planner(FeedId(row.id), polled)
            dues.append({"feed": row.id, "at": due.due_at, "reason": due.reason})
        if dues:
            connection.execute(_PLAN, dues)
            connection.execute(_PLAN_POLL, dues)
        settle(connection, _hosts(connection, ids))
        connection.execute(_PACE, [{"feed": feed.id, "asked": feed.pace} for feed in some])


def _say_something_else(connection: Connection) -> None:
    """Notes that the rows no longer agree with the lists of the last start, so that the next start compares all of
    them."""
    notes.keep(connection, notes.LISTS, None)


def _having(connection: Connection, feed_ids: Sequence[FeedId], work: ColumnElement[bool]) -> set[FeedId]:
    """The feeds among these that have such work."""
    found = select(t.work.c.feed_id).where(t.work.c.feed_id.in_(feed_ids), work).distinct()
    return {FeedId(feed_id) for feed_id in connection.scalars(found)} if feed_ids else set()


def _urls(connection: Connection, feed_ids: Iterable[FeedId]) -> dict[FeedId, str]:
    """The URLs that these feeds have in the state, those that are still polled."""
    found: dict[FeedId, str] = {}
    for ids in chunks(feed_ids):
        rows = connection.execute(select(t.feed.c.id, t.feed.c.url).where(t.feed.c.id.in_(ids), t.feed.c.active))
        found.update((FeedId(row.id), row.url) for row in rows)
    return found


def _hosts(connection: Connection, feed_ids: Sequence[str]) -> set[int]:
    return set(connection.scalars(select(t.work.c.host_id).where(t.work.c.feed_id.in_(feed_ids)).distinct()))


def _hold_back(connection: Connection, feed_ids: Sequence[FeedId]) -> None:
    """Puts off the work of feeds that are leaving, so that nothing more of it is begun."""
    waiting = (t.work.c.feed_id.in_(feed_ids), ~t.is_under_way)
    if feed_ids:
        connection.execute(update(t.work).where(*waiting).values(due_at=t.FAR))


def held_back(connection: Connection) -> set[FeedId]:
    """Feeds whose work is put off because a process was about to drop them; it may have died since."""
    found = select(t.work.c.feed_id).where(*_KEPT_BACK).distinct()
    return {FeedId(feed_id) for feed_id in connection.scalars(found)}


def give_back(connection: Connection, feed_ids: Collection[FeedId], now: Millis) -> None:
    """Makes the work of feeds due again that were leaving, but stay."""
    for ids in chunks(sorted(feed_ids)):
        connection.execute(update(t.work).where(t.work.c.feed_id.in_(ids), *_KEPT_BACK).values(due_at=now))
