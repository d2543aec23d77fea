"""Articles that have to be forgotten: here in one transaction, in the output after it, whatever cuts that off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import orjson
from sqlalchemy import Connection, delete, insert, or_, select

from worker.dedup import url_key as key_of_url
from worker.model import KeptOut, Millis
from worker.record import Record, shard_of
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.known.feeds import let_all_be_said
from worker.store.known.graves import are_dead, bury, bury_known
from worker.store.known.identities import named
from worker.store.known.keys import stored
from worker.store.known.names import URL
from worker.store.known.records import RECORD, outbox_values
from worker.store.known.stories import NO_STORY
from worker.store.published import publications
from worker.store.published.outbox import lock_numbering
from worker.urls import host_of


def is_known(connection: Connection, *, url: str | None, url_key: bytes | None, record_id: bytes | None) -> bool:
    """Whether there is an entry at a canonical URL or of a record id, or none may come there."""
    keys = {key for key in (url_key, record_id) if key is not None}
    return bool(named(connection, url=url, url_key=url_key, record_id=record_id)) or are_dead(connection, keys)


def forget(
    connection: Connection, *, url: str | None, url_key: bytes | None, record_id: bytes | None, now: Millis
) -> int:
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
    unknown = not ids and not are_dead(connection, keys)
    records, names = set(keys), set(keys)
    columns = (t.entry.c.record_id, t.entry.c.text_mark, t.entry.c.shared_key, URL)
    for batch in chunks(sorted(ids)):
        for row in connection.execute(select(*columns).where(t.entry.c.id.in_(batch))):
            records.add(row.record_id)
            names |= {row.record_id} if row.url is None or row.shared_key else {row.record_id, key_of_url(row.url)}
            keys |= {row.text_mark} - {None}  # whoever says the same
    _bar(connection, names, unknown=unknown, anew=bool(ids), now=now)
    bury(connection, sorted(ids), more_keys=keys)
    _drop_unpublished(connection, {record.hex() for record in records})
    new = sorted(records - set(connection.scalars(select(t.takedown.c.record_id))))
    if new:
        connection.execute(insert(t.takedown), [{"record_id": record} for record in new])
    return len(ids)


def _bar(connection: Connection, keys: Collection[bytes], *, unknown: bool, anew: bool, now: Millis) -> None:
    """Notes since when these are kept out, unless it is noted. anew: there was something to take down."""
    outdated = or_(t.barred.c.lifted, t.barred.c.unknown) if anew else t.barred.c.lifted
    for batch in chunks(sorted(keys)):
        connection.execute(delete(t.barred).where(t.barred.c.key.in_(batch), outdated))
        new = set(batch) - set(connection.scalars(select(t.barred.c.key).where(t.barred.c.key.in_(batch))))
        if new:
            connection.execute(insert(t.barred), [{"key": key, "at": now, "unknown": unknown} for key in sorted(new)])


class Barred(NamedTuple):
    """Who asked for an article to be kept out is known by when, and by what was known of it."""

    at: Millis
    unknown: bool
    """Nothing was."""


def barred(connection: Connection, key: bytes) -> Barred | None:
    """None: nobody asked by this key, or it is not known any more."""
    query = select(t.barred.c.at, t.barred.c.unknown).where(t.barred.c.key == key, ~t.barred.c.lifted)
    row = connection.execute(query).one_or_none()
    return None if row is None else Barred(at=Millis(row.at), unknown=bool(row.unknown))


LetIn = Literal["let in", "taken down", "not kept out"]


def let_in(connection: Connection, key: bytes, *, url: str | None, in_output: KeptOut | None, now: Millis) -> LetIn:
    """Ends that what nothing was known of is kept out; what became of it. The feeds of its site are read whole, of what
    they were shown last too.

    in_output: as that says. Where that is all that is known, as the state was lost since, it has to do; what was taken
    down there stays so by any of its names.
    """
    row = connection.execute(select(t.barred).where(t.barred.c.key == key)).one_or_none()
    is_lifted = row is not None and row.lifted
    if in_output == "taken down" or (row is not None and not row.lifted and not row.unknown):
        return "taken down"
    if row is None and in_output is None:
        return "not kept out"
    if not is_lifted:
        connection.execute(delete(t.barred).where(t.barred.c.key == key))
        connection.execute(insert(t.barred).values(key=key, at=now, unknown=True, lifted=True))
        connection.execute(delete(t.tombstone).where(t.tombstone.c.key == stored(key)))
        connection.execute(delete(t.takedown).where(t.takedown.c.record_id == key))
    if url is not None:
        of_site = f"//{host_of(url)}"
        theirs = or_(*(column.contains(of_site, autoescape=True) for column in (t.feed.c.url, t.feed.c.site_url)))
        let_all_be_said(connection, connection.scalars(select(t.feed.c.id).where(t.feed.c.active, theirs)).all())
    return "let in"


def lifted(connection: Connection, *, shard: int) -> list[bytes]:
    """Keys of what is kept out no more, of which a shard of the output is still to hear."""
    keys = connection.scalars(select(t.barred.c.key).where(t.barred.c.lifted)).all()
    shards = publications.shards(connection) if keys else 0
    return [key for key in keys if shard_of(key.hex(), shards) == shard]


def heard(connection: Connection, key: bytes) -> None:
    """The output has."""
    connection.execute(delete(t.barred).where(t.barred.c.key == key, t.barred.c.lifted))


def _drop_unpublished(connection: Connection, record_ids: set[str]) -> None:
    """What has no number yet is never published; what has one will be, and is then taken out of the output."""
    lock_numbering(connection)
    rows = connection.execute(select(t.outbox.c.id, t.outbox.c.body).where(t.outbox.c.seq.is_(None)))
    theirs = [row.id for row in rows if orjson.loads(row.body)["id"] in record_ids]
    for batch in chunks(theirs):
        connection.execute(delete(t.outbox).where(t.outbox.c.id.in_(batch)))


def keep_out(connection: Connection, keys: Collection[bytes]) -> None:
    """Lets go of the entries that are known under any of these keys, and of what waits of them to be published: an
    older copy of a state may have it still. Nothing comes under them any more, but what is let in again meanwhile."""
    keys = set(keys) - set(connection.scalars(select(t.barred.c.key).where(t.barred.c.lifted)))
    if keys:
        bury_known(connection, keys)
        _drop_unpublished(connection, {key.hex() for key in keys})


def outstanding(connection: Connection, *, shard: int) -> dict[str, bool]:
    """Record ids that are still to be taken out of a shard of the output, each with whether nothing was known of it."""
    noted = select(t.takedown.c.record_id, t.barred.c.unknown).outerjoin(
        t.barred, t.barred.c.key == t.takedown.c.record_id
    )
    ids = {row.record_id.hex(): bool(row.unknown) for row in connection.execute(noted)}
    shards = publications.shards(connection) if ids else 0
    return {id: unknown for id, unknown in ids.items() if shard_of(id, shards) == shard}


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
