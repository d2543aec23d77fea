"""What a process does when it starts to work on a state: alone with it, or beside others whose work goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, select, update

from worker.model import Feed, FeedId, Millis
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.database.clocks import catch_up
from worker.store.database.locks import hold_hosts
from worker.store.finish.polls import call_home
from worker.store.known.feeds import Policies, apply_policies, sync
from worker.store.lists import give_back, held_back, repaced, replan, take_up
from worker.store.upkeep import keep_up
from worker.store.work.claims import put_aside, void
from worker.store.work.settling import settle, settle_all
from worker.store.work.standing import Planner


def start(
    connection: Connection,
    listed: Sequence[Feed] | None,
    policies: Policies,
    planner: Planner,
    *,
    now: Millis,
    poll_all: bool,
    window_ms: int,
    keep_ms: int,
) -> int:
    """Applies the lists when this process is alone, so that nothing is under way any more. Returns by how many ms the
    clock had been set back, as `catch_up` does. window_ms: for `catch_up`. keep_ms: for `upkeep.keep_up`, which runs as
    well."""
    set_by_ms = catch_up(connection, now=now, window_ms=window_ms)
    void(connection, now=now)
    notes.keep(connection, notes.RELOAD, None)
    if listed is not None:
        stay = held_back(connection).intersection(feed.id for feed in listed)
        sync(connection, listed, policies, now)
        give_back(connection, stay, now)
        replan(connection, repaced(connection, listed), planner)
    keep_up(connection, now=now, keep_ms=keep_ms)
    if poll_all:
        _let_be_due(connection, policies, now, t.is_poll)
    settle_all(connection)
    return set_by_ms


def join(
    connection: Connection,
    listed: Sequence[Feed] | None,
    policies: Policies,
    planner: Planner,
    *,
    now: Millis,
    poll_all: bool,
) -> dict[FeedId, Feed | None]:
    """Applies the lists on a shared state, unless its rows are up to date. Returns the changes that have to wait for
    running work.

    All processes have to be given the same lists and `fetch` settings: the last one to start overrides the others.
    """
    from worker.store.database.postgresql import LISTS, hold  # psycopg is an extra

    hold(connection, LISTS)
    notes.keep(connection, notes.RELOAD, None)
    settle(connection, apply_policies(connection, policies))
    waits: dict[FeedId, Feed | None] = {}
    digest = None if listed is None else _digest(listed)
    if listed is not None and notes.kept(connection, notes.LISTS) != digest:
        active = connection.scalars(select(t.feed.c.id).where(t.feed.c.active)).all()
        changes: dict[FeedId, Feed | None] = {FeedId(feed_id): None for feed_id in active}
        changes |= {feed.id: feed for feed in listed}
        waits = take_up(connection, changes, policies, now=now, was_leaving=held_back(connection))
        replan(connection, repaced(connection, listed), planner)
        notes.keep(connection, notes.LISTS, None if waits else digest)
    put_aside(connection, now=now)
    if poll_all:
        hosts = connection.scalars(select(t.host.c.id)).all()
        hold_hosts(connection, hosts)
        _let_be_due(connection, policies, now, and_(t.is_poll, ~t.is_under_way))
        settle(connection, hosts)
    return waits


def _digest(listed: Sequence[Feed]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for feed in sorted(listed, key=lambda feed: feed.id):
        digest.update(f"{feed.id}\n{feed.url}\n{feed.pace or ''}\n".encode())
    return digest.hexdigest()


def _let_be_due(connection: Connection, policies: Policies, now: Millis, polls: ColumnElement[bool]) -> None:
    call_home(connection, policies, polls)
    paused = select(t.feed.c.id).where(t.feed.c.paused)
    connection.execute(update(t.work).where(polls, t.work.c.feed_id.not_in(paused)).values(due_at=now))
