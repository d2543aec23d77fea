"""Entries that are no longer kept: their keys stay, so that nothing comes back under them."""

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
"""Entries that one round of upkeep lets go, so that nobody waits long for it."""

_ANY = "SELECT key FROM tombstone LIMIT 1"
_DEAD = Among(lambda which: select(t.tombstone.c.key).where(which(t.tombstone.c.key)))


def dead_keys(connection: Connection, keys: Collection[bytes]) -> set[bytes]:
    """Those of the keys that are an entry's no more."""
    if not keys or connection.exec_driver_sql(_ANY).first() is None:  # as where all is new
        return set()
    dead = {row.key for row in _DEAD.rows(connection, {stored(key) for key in keys})}
    return {key for key in keys if stored(key) in dead}


def are_dead(connection: Connection, keys: Collection[bytes]) -> bool:
    return bool(keys) and bool(dead_keys(connection, keys))


def bury(connection: Connection, entry_ids: Sequence[int], more_keys: Collection[bytes] = ()) -> None:
    """Lets entries go, their duplicates too, with all that is queued for them and known of them but their keys."""
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
    """What is under way for these entries is refused when it ends. Until its lease would, its host is asked by it."""
    works = t.work.c.entry_id.in_(entry_ids)
    held = (
        t.slot.c.host_id.in_(select(t.work.c.host_id).where(works)),
        t.slot.c.work_id.in_(select(t.work.c.id).where(works)),
    )
    connection.execute(update(t.slot).where(*held).values(token=t.slot.c.token + 1, work_id=None))


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
    no longer listed, or that could not be read for so long, nobody knows: there the entry's own age has to do. What
    stands for another that is kept is kept with it.
    """
    seen_at = func.coalesce(t.entry.c.seen_at, t.entry.c.first_seen_at)
    its_feed = (t.feed.c.id == FEED_ID.element, or_(~t.feed.c.active, t.feed.c.refreshed_at > seen_at))
    left = select(t.feed.c.id).where(*its_feed).correlate(t.entry).exists()
    queued = select(t.work.c.entry_id).where(t.work.c.entry_id == t.entry.c.id).exists()
    copy = t.entry.alias()
    stands_for = select(copy.c.id).where(copy.c.duplicate_of == t.entry.c.id).correlate(t.entry).exists()
    # Feed by feed, by the index of what each has shown when: whoever is young need not be looked at.
    aged = (t.entry.c.feed_no.in_(select(t.name.c.no)), t.seen_on <= before // DAY_MS)
    ids = connection.scalars(
        select(t.entry.c.id)
        .where(*aged, t.entry.c.first_seen_at < before, seen_at < before, left, ~queued, ~stands_for)
        .limit(AT_ONCE)
    ).all()
    bury(connection, ids)
    return len(ids)


def note_seen(connection: Connection, entry_ids: Sequence[int], *, at: Millis) -> None:
    """Entries that are in their feed still."""
    for batch in chunks(entry_ids):
        connection.execute(update(t.entry).where(t.entry.c.id.in_(batch)).values(seen_at=at))
