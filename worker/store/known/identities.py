"""Which entry has which key.

`identity` maps keys to entries. From an entry back to its keys there is no index, because most follow from the entry
itself: the id of its record, and the hash of its URL, unless that is another entry's or nobody's (`entry.shared_key`).
All other keys are marked `extra`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from worker.dedup import Name
from worker.dedup import url_key as key_of_url
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.known.keys import stored
from worker.store.known.names import URL


def named(connection: Connection, name: Name) -> set[int]:
    """The entries of that name, including all that share the URL."""
    key = stored(name.key)
    ids = set(connection.scalars(select(t.identity.c.entry_id).where(t.identity.c.key == key)))
    if name.url is None:
        return ids
    return ids | set(connection.scalars(select(t.entry.c.id).where(t.entry.c.shared_key == key)))


def forget_keys(connection: Connection, entry_ids: Sequence[int]) -> set[bytes]:
    """Deletes the keys of these entries. Returns them in their stored form."""
    rows = connection.execute(select(t.entry.c.record_id, URL).where(t.entry.c.id.in_(entry_ids))).all()
    own = {stored(row.record_id) for row in rows}
    likely = own | {stored(key_of_url(row.url)) for row in rows if row.url is not None}
    theirs = t.identity.c.entry_id.in_(entry_ids)
    found: set[bytes] = set()
    for which in (t.identity.c.extra, *(t.identity.c.key.in_(keys) for keys in chunks(sorted(likely)))):
        found.update(connection.scalars(delete(t.identity).where(which, theirs).returning(t.identity.c.key)))
    return found
