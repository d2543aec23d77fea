"""Feeds that publish more than is read of them. What may wait of one feed is bounded, whatever it shows at each poll.

A document of 20 MB, sent as 20 kB, may have 2,000 new entries every time, on a host that is asked every five minutes.
They wait in the state. Once too much waits, the feed is polled once a day; nothing that waits is lost.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from worker.model import DAY_MS, SeenEntry
from worker.store.database import tables as t

MOST_BYTES = 100_000_000
"""Of waiting entries of one feed: about 10,000 with their texts."""
LITTLE_BYTES = 100_000
"""A poll that brings less than this is not checked."""
PAUSE_MS = DAY_MS
REASON = "more of its entries wait to be read than can be kept: asked once a day until there are fewer"


def is_much(entries: Iterable[SeenEntry]) -> bool:
    """Whether a poll brought enough to be worth checking. Entries with a draft don't count, because they don't wait."""
    return sum(len(seen.entry) for seen in entries if seen.draft is None) > LITTLE_BYTES


def is_flooded(connection: Connection, feed_id: str) -> bool:
    """Whether too much of a feed waits to be read. Entries that only wait for another look at their page don't
    count."""
    waits = (t.work.c.feed_id == feed_id, t.entry.c.id == t.work.c.entry_id, t.entry.c.revision == 0)
    waiting = connection.scalar(select(func.sum(func.length(t.work.c.entry))).where(*waits))
    return (waiting or 0) > MOST_BYTES
