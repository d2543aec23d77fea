"""A process that begins to work on a state beside others: what they have under way goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update

from worker.model import Feed, FeedId, Millis
from worker.store import tables as t
from worker.store.claims import put_aside, settle
from worker.store.feeds import Policies, apply_policies
from worker.store.lists import held_back, repaced, replan, take_up
from worker.store.locks import hold_hosts
from worker.store.polls import call_home
from worker.store.standing import Planner

KEY = "lists"
"""In `meta`: a digest of the lists that the rows say what they say. Not there: nobody knows."""


def join(
    connection: Connection,
    listed: Sequence[Feed] | None,
    policies: Policies,
    planner: Planner,
    *,
    now: Millis,
    poll_all: bool,
) -> dict[FeedId, Feed | None]:
    """Takes up the lists, unless another process has taken up the same; what has to wait for work that is under way.

    All processes are to be given the same lists, and the same `fetch` settings: the last that begins has its way.
    """
    from worker.store.postgresql import LISTS, hold  # psycopg is an extra

    hold(connection, LISTS)
    settle(connection, apply_policies(connection, policies))
    waits: dict[FeedId, Feed | None] = {}
    digest = None if listed is None else _digest(listed)
    if listed is not None and connection.scalar(select(t.meta.c.value).where(t.meta.c.key == KEY)) != digest:
        active = connection.scalars(select(t.feed.c.id).where(t.feed.c.active)).all()
        changes: dict[FeedId, Feed | None] = {FeedId(feed_id): None for feed_id in active}
        changes |= {feed.id: feed for feed in listed}
        waits = take_up(connection, changes, policies, now=now, was_leaving=held_back(connection))
        replan(connection, repaced(connection, listed), planner)
        forget(connection)
        if not waits:
            connection.execute(insert(t.meta).values(key=KEY, value=digest))
    put_aside(connection, now=now)
    if poll_all:
        _let_be_due(connection, policies, now)
    return waits


def forget(connection: Connection) -> None:
    """The rows say something else now: whoever begins next looks at all of them."""
    connection.execute(delete(t.meta).where(t.meta.c.key == KEY))


def _digest(listed: Sequence[Feed]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for feed in sorted(listed, key=lambda feed: feed.id):
        digest.update(f"{feed.id}\n{feed.url}\n{feed.pace or ''}\n".encode())
    return digest.hexdigest()


def _let_be_due(connection: Connection, policies: Policies, now: Millis) -> None:
    """All polls that nobody is at."""
    hosts = connection.scalars(select(t.host.c.id)).all()
    hold_hosts(connection, hosts)
    held = select(t.slot.c.work_id).where(t.slot.c.work_id.is_not(None))
    idle = (t.work.c.entry_id.is_(None), t.work.c.pages.is_(None), t.work.c.id.not_in(held))
    call_home(connection, policies, *idle)
    paused = select(t.feed.c.id).where(t.feed.c.paused)
    connection.execute(update(t.work).where(*idle, t.work.c.feed_id.not_in(paused)).values(due_at=now))
    settle(connection, hosts)
