"""Entries that are no longer kept. Their keys stay as tombstones, so that nothing comes back under them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from worker.model import DAY_MS, Millis
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.database.dialects import Among
from worker.store.database.locks import hold_entries, hold_work
from worker.store.known import stories
from worker.store.known.identities import forget_keys
from worker.store.known.keys import stored
from worker.store.known.names import FEED_ID

AT_ONCE = 2_000
"""How many entries one round of upkeep removes, so that no other call waits long for it."""

_ANY = "SELECT key FROM tombstone LIMIT 1"
_DEAD = Among(lambda which: select(t.tombstone.c.key).where(which(t.tombstone.c.key)))


def dead_keys(connection: Connection, keys: Collection[bytes]) -> set[bytes]:
    """Those of the keys that have a tombstone."""
    if not keys or connection.exec_driver_sql(_ANY).first() is None:  # no tombstones at all, as in a new state
        return set()
    dead = {row.key for row in _DEAD.rows(connection, {stored(key) for key in keys})}
    return {key for key in keys if stored(key) in dead}


def are_dead(connection: Connection, keys: Collection[bytes]) -> bool:
    return bool(keys) and bool(dead_keys(connection, keys))


def bury(connection: Connection, entry_ids: Sequence[int], more_keys: Collection[bytes] = ()) -> None:
    """Removes entries and their duplicates, with their queued work and everything known of them. Only their keys (and
    `more_keys`) stay, as tombstones."""
    keys = {stored(key) for key in more_keys}
    ids = set(entry_ids)
    for batch in chunks(entry_ids):
        ids.update(connection.scalars(select(t.entry.c.id).where(t.entry.c.duplicate_of.in_(batch))))
    for batch in chunks(sorted(ids)):
        hold_work(connection, t.work.c.entry_id.in_(batch))
        hold_entries(connection, batch)
        _fence_off(connection, batch)
        keys.update(map(stored, connection.scalars(select(t.entry.c.record_id).where(t.entry.c.id.in_(batch)))))
        keys.update(forget_keys(connection, batch))
        stories.unfile(connection, batch)
        for table in (t.content, t.work):
            connection.execute(delete(table).where(table.c.entry_id.in_(batch)))
        connection.execute(delete(t.entry).where(t.entry.c.id.in_(batch)))
    new = sorted(keys - dead_keys(connection, keys))
    if new:
        connection.execute(insert(t.tombstone), [{"key": key} for key in new])


def _fence_off(connection: Connection, entry_ids: Sequence[int]) -> None:
    """Makes the store refuse running work on these entries when it ends. The slot stays leased meanwhile, because the
    host is still being asked."""
    works = t.work.c.entry_id.in_(entry_ids)
    held = (
        t.slot.c.host_id.in_(select(t.work.c.host_id).where(works)),
        t.slot.c.work_id.in_(select(t.work.c.id).where(works)),
    )
    connection.execute(update(t.slot).where(*held).values(token=t.slot.c.token + 1, work_id=None))


def note_dead(connection: Connection, keys: Iterable[bytes]) -> None:
    """Adds tombstones for those of the keys that no entry has."""
    for batch in chunks(map(stored, keys)):
        known = select(t.identity.c.key).where(t.identity.c.key.in_(batch))
        new = set(batch) - set(connection.scalars(known)) - dead_keys(connection, batch)
        if new:
            connection.execute(insert(t.tombstone), [{"key": key} for key in sorted(new)])


def bury_known(connection: Connection, keys: Iterable[bytes]) -> None:
    """Removes the entries known under any of these keys, and leaves tombstones for all of the keys."""
    for batch in chunks(map(stored, keys)):
        ids = connection.scalars(select(t.identity.c.entry_id).where(t.identity.c.key.in_(batch))).all()
        bury(connection, sorted(set(ids)), more_keys=batch)


def bury_old(connection: Connection, *, before: Millis) -> int:
    """Removes entries last seen in their feed before `before`. Returns how many.

    A feed is read whole once a month (`refreshed_at`), and an entry missing then has left it. If a feed is no longer
    listed, or could not be read for that long, this can't be known, and the entry's own age decides. An entry with
    duplicates is kept as long as they are.
    """
    seen_at = func.coalesce(t.entry.c.seen_at, t.entry.c.first_seen_at)
    its_feed = (t.feed.c.id == FEED_ID.element, or_(~t.feed.c.active, t.feed.c.refreshed_at > seen_at))
    left = select(t.feed.c.id).where(*its_feed).correlate(t.entry).exists()
    queued = select(t.work.c.entry_id).where(t.work.c.entry_id == t.entry.c.id).exists()
    copy = t.entry.alias()
    stands_for = select(copy.c.id).where(copy.c.duplicate_of == t.entry.c.id).correlate(t.entry).exists()
    # By feed and day, as the index has them, so that recent entries are not even looked at.
    aged = (t.entry.c.feed_no.in_(select(t.name.c.no)), t.seen_on <= before // DAY_MS)
    ids = connection.scalars(
        select(t.entry.c.id)
        .where(*aged, t.entry.c.first_seen_at < before, seen_at < before, left, ~queued, ~stands_for)
        .limit(AT_ONCE)
    ).all()
    bury(connection, ids)
    return len(ids)


def note_seen(connection: Connection, entry_ids: Sequence[int], *, at: Millis) -> None:
    """Notes that these entries were still in their feed at `at`."""
    for batch in chunks(entry_ids):
        connection.execute(update(t.entry).where(t.entry.c.id.in_(batch)).values(seen_at=at))
