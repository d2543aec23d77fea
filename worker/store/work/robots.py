"""Copies of robots.txt, kept for a day (RFC 9309 section 2.4)."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from worker.model import DAY_MS, MAX_REDIRECTS, Millis, RobotsCopy, RobotsRead
from worker.store.database import tables as t
from worker.store.database.batches import chunks

KEEP_MS = DAY_MS
UNREACHABLE_MS = 300_000
"""After this time a robots.txt that could not be read is tried again."""
OUTDATED_MS = 30 * KEEP_MS
"""How long an old copy stands in for a robots.txt that can no longer be read (section 2.3.1.4)."""


def copies(connection: Connection, asked: Collection[str], *, now: Millis) -> Mapping[str, RobotsCopy]:
    """What is known of each of these robots.txt, following their redirects."""
    at = {url: url for url in asked}
    known: dict[str, Row[tuple[object, ...]]] = {}
    endless: Mapping[str, str] = {}
    for _ in range(MAX_REDIRECTS + 1):
        missing = sorted(set(at.values()) - known.keys())
        rows = {row.url: row for batch in chunks(missing) for row in _rows(connection, batch, now)}
        known |= rows
        moved = {url: rows[place].see for url, place in at.items() if place in rows and rows[place].see is not None}
        if not moved:
            break
        at |= moved
    else:
        endless = moved
    return {url: _copy(place, known.get(place), no_end=url in endless) for url, place in at.items()}


def _rows(connection: Connection, urls: Collection[str], now: Millis) -> Collection[Row[tuple[object, ...]]]:
    return connection.execute(select(t.robots).where(t.robots.c.url.in_(urls), t.robots.c.expires_at > now)).all()


def _copy(url: str, row: Row[tuple[object, ...]] | None, *, no_end: bool) -> RobotsCopy:
    if no_end:  # too many redirects: no rules (section 2.3.1.2)
        return RobotsCopy(url=url, text=b"")
    if row is None:
        return RobotsCopy(url=url)
    return RobotsCopy(url=url, text=None if row.text is None else zlib.decompress(row.text), problem=row.problem)


def remember(connection: Connection, read: RobotsRead) -> None:
    """Stores what was read. If it could not be read, the existing copy stays unless it is too old."""
    mine = t.robots.c.url == read.url
    if read.problem is not None:
        copied = mine & t.robots.c.text.is_not(None) & (t.robots.c.read_at > read.at - OUTDATED_MS)
        again = {"expires_at": read.at + UNREACHABLE_MS}
        if connection.execute(update(t.robots).where(copied).values(again)).rowcount:
            return
    connection.execute(delete(t.robots).where(mine))
    connection.execute(
        insert(t.robots).values(
            url=read.url,
            text=None if read.text is None else zlib.compress(read.text),
            see=read.see,
            problem=read.problem,
            read_at=read.at,
            expires_at=read.at + (KEEP_MS if read.problem is None else UNREACHABLE_MS),
        )
    )


def forget_old(connection: Connection, *, now: Millis) -> None:
    """Deletes copies that have not been read again for a long time."""
    connection.execute(delete(t.robots).where(func.coalesce(t.robots.c.read_at, 0) <= now - OUTDATED_MS))
