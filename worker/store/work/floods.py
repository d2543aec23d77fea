"""Feeds that say more than is read of them: what waits of one feed is bounded, whatever it says at each poll.

A document of 20 MB, which came as 20 kB, may have 2,000 new entries each time, on a host that is to be asked each five
minutes. They wait in the state. Once there is so much, the feed is asked once a day: nothing of what waits is lost.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from worker.model import DAY_MS, SeenEntry
from worker.store.database import tables as t

MOST_BYTES = 100_000_000
"""Of entries that wait: 10,000 with their texts."""
LITTLE_BYTES = 100_000
"""What a poll may bring without being asked what waits already."""
PAUSE_MS = DAY_MS
REASON = "more of its entries wait to be read than can be kept: asked once a day until there are fewer"


def is_much(entries: Iterable[SeenEntry]) -> bool:
    """Whether so much of what a poll brought may wait that it is to be asked. What came with its draft does not."""
    return sum(len(seen.entry) for seen in entries if seen.draft is None) > LITTLE_BYTES


def is_flooded(connection: Connection, feed_id: str) -> bool:
    """Whether too much of a feed waits to be read. What waits for another look at its page was read."""
    waits = (t.work.c.feed_id == feed_id, t.entry.c.id == t.work.c.entry_id, t.entry.c.revision == 0)
    waiting = connection.scalar(select(func.sum(func.length(t.work.c.entry))).where(*waits))
    return (waiting or 0) > MOST_BYTES
