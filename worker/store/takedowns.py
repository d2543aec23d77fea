"""Articles that have to be forgotten: here in one transaction, in the output after it, whatever cuts that off."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import orjson
from sqlalchemy import Connection, delete, insert, select

from worker.model import Millis
from worker.record import Record, shard_of
from worker.store import publications
from worker.store import tables as t
from worker.store.batches import chunks
from worker.store.entries import RECORD, outbox_values
from worker.store.graves import are_dead, bury, bury_known
from worker.store.identities import named
from worker.store.outbox import lock_numbering
from worker.store.stories import NO_STORY


def is_known(connection: Connection, *, url: str | None, url_key: bytes | None, record_id: bytes | None) -> bool:
    """Whether there is an entry at a canonical URL or of a record id, or none may come there."""
    keys = {key for key in (url_key, record_id) if key is not None}
    return bool(named(connection, url=url, url_key=url_key, record_id=record_id)) or are_dead(connection, keys)


def forget(connection: Connection, *, url: str | None, url_key: bytes | None, record_id: bytes | None) -> int:
    """Lets go of the article at a canonical URL or of a record id, with its duplicates, and keeps it from coming back;
    how many entries it was. Its records are `outstanding` from then on, and so is what it was named by: that must be
    remembered where the records go, whichever of several entries had them."""
    ids = named(connection, url=url, url_key=url_key, record_id=record_id)
    for batch in chunks(sorted(ids)):
        rows = connection.execute(select(t.entry.c.id, t.entry.c.duplicate_of).where(t.entry.c.id.in_(batch)))
        ids |= {row.duplicate_of for row in rows if row.duplicate_of is not None}
    for batch in chunks(sorted(ids)):
        ids |= set(connection.scalars(select(t.entry.c.id).where(t.entry.c.duplicate_of.in_(batch))))
    keys = {key for key in (url_key, record_id) if key is not None}
    records = set(keys)
    for batch in chunks(sorted(ids)):
        for row in connection.execute(select(t.entry.c.record_id, t.entry.c.text_mark).where(t.entry.c.id.in_(batch))):
            records.add(row.record_id)
            keys |= {row.text_mark} - {None}  # whoever says the same
    bury(connection, sorted(ids), more_keys=keys)
    _drop_unpublished(connection, {record.hex() for record in records})
    new = sorted(records - set(connection.scalars(select(t.takedown.c.record_id))))
    if new:
        connection.execute(insert(t.takedown), [{"record_id": record} for record in new])
    return len(ids)


def _drop_unpublished(connection: Connection, record_ids: set[str]) -> None:
    """What has no number yet is never published; what has one will be, and is then taken out of the output."""
    lock_numbering(connection)
    rows = connection.execute(select(t.outbox.c.id, t.outbox.c.body).where(t.outbox.c.seq.is_(None)))
    theirs = [row.id for row in rows if orjson.loads(row.body)["id"] in record_ids]
    for batch in chunks(theirs):
        connection.execute(delete(t.outbox).where(t.outbox.c.id.in_(batch)))


def keep_out(connection: Connection, keys: Collection[bytes]) -> None:
    """Lets go of the entries that are known under any of these keys, and of what waits of them to be published: an
    older copy of a state may have it still. Nothing comes under them any more."""
    if keys:
        bury_known(connection, keys)
        _drop_unpublished(connection, {key.hex() for key in keys})


def outstanding(connection: Connection, *, shard: int) -> list[str]:
    """Record ids that are still to be taken out of a shard of the output."""
    ids = [record.hex() for record in connection.scalars(select(t.takedown.c.record_id))]
    shards = publications.shards(connection) if ids else 0
    return [id for id in ids if shard_of(id, shards) == shard]


def tell(connection: Connection, notices: Sequence[Record], *, now: Millis) -> None:
    """Of each, that it is taken down: to be published before it is."""
    rows = [
        outbox_values(
            "delete",
            id=bytes.fromhex(notice["id"]),
            revision=notice["_ingest"]["revision"],
            body=orjson.dumps(notice),
            at=now,
            story=NO_STORY,
        )
        for notice in notices
    ]
    connection.execute(RECORD, rows)


def taken_down(connection: Connection, record_id: str) -> None:
    connection.execute(delete(t.takedown).where(t.takedown.c.record_id == bytes.fromhex(record_id)))
