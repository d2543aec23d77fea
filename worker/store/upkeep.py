"""Deletes what a state no longer needs. On a shared state, one process does this at a time."""

from __future__ import annotations

from sqlalchemy import Connection, delete

from worker.model import Millis
from worker.store.database import clocks
from worker.store.database import tables as t
from worker.store.database.locks import is_shared
from worker.store.known import stories
from worker.store.known.graves import bury_old
from worker.store.known.lines import forget_sites
from worker.store.published import publications
from worker.store.work import claims, hosts
from worker.store.work.robots import forget_old


def keep_up(connection: Connection, *, now: Millis, keep_ms: int) -> None:
    """Deletes texts whose window is over, entries that left their feed `keep_ms` ago, old copies of robots.txt, what
    was learned of sites that have gone quiet, and old segments. On a shared state, also puts aside work that was lost
    too often."""
    if not _is_mine(connection):
        return
    if is_shared(connection):
        claims.put_aside(connection, now=now)
    now = clocks.believed(connection, now=now)
    connection.execute(delete(t.content).where(t.content.c.expires_at <= now))
    forget_old(connection, now=now)
    forget_sites(connection, now=now)
    publications.forget_old(connection)
    bury_old(connection, before=Millis(now - keep_ms))


def expire(connection: Connection, now: Millis) -> bool:
    """Deletes a batch of sketches of near-duplicates that have expired by `now`, a time that is `believed`. Returns
    whether there may be more."""
    return _is_mine(connection) and stories.expire(connection, now)


def forget_hosts(connection: Connection, *, now: Millis, after: int) -> int | None:
    """Looks at a batch of hosts and deletes those that are no longer asked anything; see `hosts.forget_unused`. now: a
    time that is `believed`."""
    return hosts.forget_unused(connection, now=now, after=after) if _is_mine(connection) else None


def _is_mine(connection: Connection) -> bool:
    if not is_shared(connection):
        return True
    from worker.store.database import postgresql  # psycopg is an extra

    return postgresql.try_to_hold(connection, postgresql.UPKEEP)
