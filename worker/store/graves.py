"""Entries that are no longer kept: their keys stay, so that nothing comes back under them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from worker.model import Millis
from worker.store import stories
from worker.store import tables as t
from worker.store.batches import chunks
from worker.store.dialects import Among
from worker.store.identities import forget_keys
from worker.store.keys import stored
from worker.store.locks import hold_entries, hold_work
from worker.store.names import FEED_ID

AT_ONCE = 2_000
"""Entries that one round of upkeep lets go, so that nobody waits long for it."""

_DEAD = Among(lambda which: select(t.tombstone.c.key).where(which(t.tombstone.c.key)))


def dead_keys(connection: Connection, keys: Collection[bytes]) -> set[bytes]:
    """Those of the keys that are an entry's no more."""
    dead = {row.key for row in _DEAD.rows(connection, {stored(key) for key in keys})}
    return {key for key in keys if stored(key) in dead}


def are_dead(connection: Connection, keys: Collection[bytes]) -> bool:
    return bool(keys) and bool(dead_keys(connection, keys))


def bury(connection: Connection, entry_ids: Sequence[int], more_keys: Collection[bytes] = ()) -> None:
    """Lets entries go, with all that is queued for them and known of them but their keys."""
    keys = {stored(key) for key in more_keys}
    for batch in chunks(entry_ids):
        hold_work(connection, t.work.c.entry_id.in_(batch))
        hold_entries(connection, batch)
        keys.update(map(stored, connection.scalars(select(t.entry.c.record_id).where(t.entry.c.id.in_(batch)))))
        keys.update(forget_keys(connection, batch))
        stories.unfile(connection, batch)
        for table in (t.content, t.work):
            connection.execute(delete(table).where(table.c.entry_id.in_(batch)))
        connection.execute(delete(t.entry).where(t.entry.c.id.in_(batch)))
    new = sorted(keys - dead_keys(connection, keys))
    if new:
        connection.execute(insert(t.tombstone), [{"key": key} for key in new])


def note_dead(connection: Connection, keys: Iterable[bytes]) -> None:
    """Nothing comes under these keys any more, unless they are an entry's."""
    for batch in chunks(map(stored, keys)):
        known = select(t.identity.c.key).where(t.identity.c.key.in_(batch))
        new = set(batch) - set(connection.scalars(known)) - dead_keys(connection, batch)
        if new:
            connection.execute(insert(t.tombstone), [{"key": key} for key in sorted(new)])


def bury_known(connection: Connection, keys: Iterable[bytes]) -> None:
    """Lets go of the entries that are known under any of these keys; nothing comes under them any more."""
    for batch in chunks(map(stored, keys)):
        ids = connection.scalars(select(t.identity.c.entry_id).where(t.identity.c.key.in_(batch))).all()
        bury(connection, sorted(set(ids)), more_keys=batch)


def bury_old(connection: Connection, *, before: Millis) -> int:
    """Lets entries go that were last in their feed before `before`; how many.

    A feed is gone through whole once a month (`refreshed_at`); what was not there then has left it. Of a feed that is
    no longer listed, or that could not be read for so long, nobody knows: there the entry's own age has to do.
    """
    seen_at = func.coalesce(t.entry.c.seen_at, t.entry.c.first_seen_at)
    its_feed = (t.feed.c.id == FEED_ID.element, or_(~t.feed.c.active, t.feed.c.refreshed_at > seen_at))
    left = select(t.feed.c.id).where(*its_feed).correlate(t.entry).exists()
    queued = select(t.work.c.entry_id).where(t.work.c.entry_id == t.entry.c.id).exists()
    # Feed by feed, by the index of what each has shown when: whoever is young need not be looked at.
    aged = (t.entry.c.feed_no.in_(select(t.name.c.no)), t.seen_on <= before // t.DAY_MS)
    ids = connection.scalars(
        select(t.entry.c.id)
        .where(*aged, t.entry.c.first_seen_at < before, seen_at < before, left, ~queued)
        .limit(AT_ONCE)
    ).all()
    bury(connection, ids)
    return len(ids)


def note_seen(connection: Connection, entry_ids: Sequence[int], *, at: Millis) -> None:
    """Entries that are in their feed still."""
    for batch in chunks(entry_ids):
        connection.execute(update(t.entry).where(t.entry.c.id.in_(batch)).values(seen_at=at))
