"""The result of a poll, written: the feed's state, its next poll, and what became of its entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, update

from worker import urls
from worker.model import Finished, Millis, PollDone, Sought, Subscribed
from worker.model.rules import NO_LIMIT
from worker.store.database import tables as t
from worker.store.database.dialects import Each, Update
from worker.store.database.locks import hold_work
from worker.store.finish.arrivals import Arrived, judge_entries
from worker.store.finish.ingestion import Ingestion
from worker.store.finish.walks import begin
from worker.store.known.feeds import NO_VERSION, Policies, host_id, host_ids
from worker.store.known.shelf import Shelf
from worker.store.work import floods, subscriptions
from worker.store.work.standing import Planner, Standing, after, moves_of
from worker.store.work.works import let_be_due

AT_HOME = {"url": None, "hops": 0, "permanent": True, "seek": False, "subscribe": False, "priority": t.POLL}
"""The columns of a poll's work in its normal state: to fetch the feed's own address."""

_FEED_VALUES = {column.name for column in t.feed.c} - {"id", "url", "active", "paused", "added_at"}
_WORK_VALUES = ("url", "hops", "permanent", "seek", "subscribe", "priority", "due_at", "errors", "lost", "error")


_OFTEN = frozenset(
    (
        "polled_at",
        "ok_at",
        "next_at",
        "why",
        "status",
        "history",
        "unchanged",
        "whole_at",
        "new_last",
        "error",
        "errors",
        "failing_since",
        "setback",
        "setback_weight",
    )
)
"""The columns that nearly every poll changes; most polls change no others."""
_UPDATE_FEED = Update(t.feed, sorted(_OFTEN))
_UPDATE_WHOLE_FEED = Update(t.feed, sorted(_FEED_VALUES))
_UPDATE_WORK = Update(t.work, (*_WORK_VALUES, "host_id"))
_IS_AT_HOME = and_(
    t.work.c.url.is_(None),
    ~t.work.c.seek,
    ~t.work.c.subscribe,
    t.work.c.priority == t.POLL,
    t.work.c.errors == 0,
    t.work.c.lost == 0,
    t.work.c.error.is_(None),
)
_NOTHING = Arrived()
_FEEDS = Each(
    lambda which: (
        select(t.feed, _IS_AT_HOME.label("is_at_home"), t.work.c.again)
        .join(t.work, t.work.c.feed_id == t.feed.c.id)
        .where(which(t.work.c.id))
    )
)
"""The feeds of polls, by work id. `is_at_home`: the work is in its normal state, so that at most its due time changes.
`again`: the document has to be read again, because entries that were known when the poll was claimed no longer are."""


class _Polled(NamedTuple):
    done: PollDone
    row: Row[Any]
    """The feed's, before the poll."""
    arrived: Arrived
    standing: Standing

    @property
    def walks_anew(self) -> bool:
        """Whether the feed's older pages are to be read again, now that a document says where they are."""
        version = self.done.version
        return self.row.walk_anew and not self.row.again and version is not None and version.elements is not None

    @property
    def begins_walk(self) -> bool:
        """Whether a walk through older pages begins here. For a new feed only if its `backlog` sets no limit."""
        is_first = (self.row.ok_at is None or self.walks_anew) and self.done.backlog == NO_LIMIT
        return bool(self.done.older) and (self.standing.missed is not None or is_first)

    @property
    def finished(self) -> Finished:
        values = self.standing.values
        told = {"next_at": values["next_at"], "why": values["why"], "missed": self.standing.missed}
        return replace(self.arrived.finished, **told) if self.done.entries else Finished(**told)


def finish_polls(
    connection: Connection, batch: Sequence[PollDone], *, policies: Policies, planner: Planner, websub: bool
) -> list[tuple[Finished, set[int], list[Ingestion]]]:
    """Writes the state and next poll of the feeds. Returns for each poll what became of its entries, the hosts for
    which work was queued, and the drafts to be finished with it.

    A statement costs more to build than to run, so those that every poll needs are built once and run for all polls
    together. websub: subscribe to the hubs that feeds name.
    """
    work_ids = [done.lease.work_id for done in batch]
    rows: dict[str, Row[Any]] = {row.id: row for row in _FEEDS.rows(connection, work_ids)}
    hubs = subscriptions.of_feeds(connection, list(rows)) if websub else {}
    shelf = Shelf(connection, batch)
    polled = [
        _polled(shelf, rows[done.feed_id], done, hubs.get(done.feed_id), policies=policies, planner=planner)
        for done in batch
    ]
    shelf.write()
    _write_feeds(connection, polled)
    to_ask = _hubs_to_ask(connection, batch, hubs, policies) if websub else {}
    results = [(one.finished, {*one.arrived.touched}, one.arrived.drafted) for one in polled]
    _queue_next(connection, polled, [touched for _, touched, _ in results], to_ask, policies)
    if walks := [one.done for one in polled if one.begins_walk]:
        anew = {one.done.feed_id for one in polled if one.walks_anew}
        results[0][1].update(begin(connection, walks, policies, anew=anew))
    if asked := [done for done in batch if done.failure is None and _was_asked_whole(rows[done.feed_id])]:
        results[0][1].update(_let_pages_be_read(connection, asked))
    return results


def _polled(
    shelf: Shelf, row: Row[Any], done: PollDone, hub: Row[Any] | None, *, policies: Policies, planner: Planner
) -> _Polled:
    """Judges the entries of a poll, and what it means for its feed."""
    arrived = judge_entries(shelf, row, done, policies) if done.entries else _NOTHING
    standing = after(row, done, arrived.came, planner, pushed=subscriptions.is_relied_on(hub, done.at))
    if hub is not None and standing.due is not None:
        found = arrived.finished.new + arrived.finished.changed
        due_at = subscriptions.told(shelf.connection, hub, done, found=found, due_at=standing.due.due_at)
        standing = standing.sooner(Millis(due_at))
    if floods.is_much(done.entries):
        shelf.write()
        if floods.is_flooded(shelf.connection, done.feed_id):
            standing = standing.later(Millis(done.at + floods.PAUSE_MS), floods.REASON)
    return _Polled(done, row, arrived, standing)


def _write_feeds(connection: Connection, polled: Sequence[_Polled]) -> None:
    often: list[dict[str, Any]] = []
    whole: list[dict[str, Any]] = []
    for one in polled:
        row, new = one.row, one.arrived.finished.new
        changes = {**one.standing.values, "new_last": new}
        if new:
            changes |= {"new_total": row.new_total + new, "new_at": one.done.at}
        if row.again:
            changes |= NO_VERSION
        elif one.walks_anew:
            changes["walk_anew"] = False
        much = any(changes[name] != getattr(row, name) for name in changes.keys() - _OFTEN)
        as_before = {name: getattr(row, name) for name in (_FEED_VALUES if much else _OFTEN) - changes.keys()}
        (whole if much else often).append({"id": row.id, **as_before, **changes})
    _UPDATE_FEED.execute(connection, often)
    _UPDATE_WHOLE_FEED.execute(connection, whole)


def _queue_next(
    connection: Connection,
    polled: Sequence[_Polled],
    touched: Sequence[set[int]],
    to_ask: Mapping[str, str],
    policies: Policies,
) -> None:
    """Makes the work of polls that of what comes next. Adds its host to the set for each. to_ask: the hubs to be asked
    before that, by feed."""
    due: list[dict[str, int]] = []
    work: list[tuple[dict[str, Any], set[int]]] = []
    for (done, row, _, standing), hosts in zip(polled, touched, strict=True):
        if _stays(row, standing) and done.feed_id not in to_ask:
            due.append({"w": done.lease.work_id, "then": _due_at(standing)})
            hosts.add(done.lease.host_id)
        else:
            work.append((_next_work(done, standing, to_ask.get(done.feed_id)), hosts))
    let_be_due(connection, due)
    _send_on(connection, work, policies)


def _was_asked_whole(row: Row[Any]) -> bool:
    """Whether a feed that had been read before was to be read whole this time, because one of its articles is to be
    read again. row: the feed's, before its poll."""
    return row.body_hash is None and row.ok_at is not None and not row.again


def _let_pages_be_read(connection: Connection, asked: Sequence[PollDone]) -> Sequence[int]:
    """Makes the pages due that waited to be read again and that their feeds, as these polls show, no longer list.
    Returns their hosts. Work under way is left alone: its `again` says that the feed has changed meanwhile."""
    looks = (t.work.c.entry_id.is_not(None), t.work.c.priority == t.BACKFILL, t.work.c.again, ~t.work.c.quarantined)
    waits = and_(t.work.c.feed_id.in_([done.feed_id for done in asked]), *looks, ~t.is_under_way)
    hosts = hold_work(connection, waits)
    if hosts:
        connection.execute(update(t.work).where(waits).values(due_at=asked[-1].at, again=False))
    return hosts


def _hubs_to_ask(
    connection: Connection, batch: Sequence[PollDone], hubs: Mapping[str, Row[Any]], policies: Policies
) -> dict[str, str]:
    """Stores what the documents say of their hubs. Returns, by feed whose poll went well, the hub to be asked before
    the feed is polled again."""
    for done in batch:
        if done.version is not None and done.version.elements is not None:
            row = hubs.get(done.feed_id)
            subscriptions.advertised(connection, done.feed_id, row, done.version.hub, done.at)
    well = [done.feed_id for done in batch if done.failure is None]
    if not well:
        return {}
    return subscriptions.to_ask(connection, subscriptions.of_feeds(connection, well), policies, batch[-1].at)


def _stays(row: Row[Any], standing: Standing) -> bool:
    """Whether the next poll fetches the same address as this one, so that its work stays as it is. row: the feed's,
    before the poll."""
    same = (standing.values["moved_to"], standing.values["moved_polls"]) == (row.moved_to, row.moved_polls)
    return row.is_at_home and standing.seek is None and same


def _due_at(standing: Standing) -> int:
    return standing.due.due_at if standing.due else t.FAR


def _next_work(done: PollDone, standing: Standing, hub: str | None) -> dict[str, Any]:
    """The columns of the poll's next work, and as `home` the URL it fetches. hub: to be asked before the feed."""
    values: dict[str, Any] = {**AT_HOME, "due_at": _due_at(standing), "home": standing.home}
    if standing.seek is not None:
        values |= {"url": standing.seek, "home": standing.seek, "seek": True}
        values |= {"priority": t.BACKFILL, "due_at": done.at}
    elif hub is not None and standing.due is not None:
        values |= {"url": hub, "home": hub, "subscribe": True}
        values |= {"priority": t.BACKFILL, "due_at": done.at}
    return {**values, "errors": 0, "lost": 0, "error": None, "id": done.lease.work_id}


def _send_on(connection: Connection, work: Sequence[tuple[dict[str, Any], set[int]]], policies: Policies) -> None:
    """Writes the work of polls. Adds the host of each to the set beside it."""
    hosts = [urls.host_of(values.pop("home")) for values, _ in work]
    ids = host_ids(connection, set(hosts), policies) if hosts else {}
    for (values, touched), host in zip(work, hosts, strict=True):
        values["host_id"] = ids[host]
        touched.add(ids[host])
    _UPDATE_WORK.execute(connection, [values for values, _ in work])


def finish_seeking(connection: Connection, done: Sought, *, policies: Policies) -> tuple[Finished, set[int]]:
    """Stores what the site of a lost feed says about where it is now. The feed itself is polled at its old address and
    time, as before."""
    mine = t.feed.c.id == done.feed_id
    connection.execute(update(t.feed).where(mine).values(suggestion=func.nullif(done.found, t.feed.c.url)))
    return _polled_as_before(connection, done, policies)


def finish_subscribing(connection: Connection, done: Subscribed, *, policies: Policies) -> tuple[Finished, set[int]]:
    """Stores what came of asking a hub. The feed itself is polled as before, at its time."""
    subscriptions.finish_asking(connection, done)
    return _polled_as_before(connection, done, policies)


def _polled_as_before(
    connection: Connection, done: Sought | Subscribed, policies: Policies
) -> tuple[Finished, set[int]]:
    row = connection.execute(select(t.feed).where(t.feed.c.id == done.feed_id)).one()
    home = home_of(connection, row, policies)
    due_at = t.FAR if row.next_at is None else row.next_at
    _requeue(connection, done.lease.work_id, {**AT_HOME, "host_id": home, "due_at": due_at})
    return Finished(next_at=row.next_at, why=row.why or ""), {home}


def home_of(connection: Connection, feed: Row[Any], policies: Policies) -> int:
    """The host at which a feed is polled."""
    return host_id(connection, urls.host_of(moves_of(feed).in_force or feed.url), policies)


def call_home(connection: Connection, policies: Policies, *which: ColumnElement[bool]) -> None:
    """Makes feeds be polled at their own address next, instead of a site being searched for a lost feed or a hub being
    asked: all feeds, or those that meet the conditions `which`. That work must not be under way."""
    work_id, away = t.work.c.id.label("work_id"), t.work.c.seek | t.work.c.subscribe
    seeking = select(t.feed, work_id).join(t.work, t.work.c.feed_id == t.feed.c.id).where(away, *which)
    for row in connection.execute(seeking).all():
        _requeue(connection, row.work_id, {**AT_HOME, "host_id": home_of(connection, row, policies)})


def _requeue(connection: Connection, work_id: int, values: dict[str, Any]) -> None:
    """values: `AT_HOME`, and whatever goes with it."""
    fresh = {"errors": 0, "lost": 0, "error": None}
    connection.execute(update(t.work).where(t.work.c.id == work_id).values(fresh | values))
