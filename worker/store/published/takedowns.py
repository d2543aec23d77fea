"""Articles that have to be forgotten: here in one transaction, then in the output, even if a crash comes in between."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import orjson
from sqlalchemy import Connection, delete, insert, or_, select

from worker.dedup import Name, url_key
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


def is_known(connection: Connection, name: Name) -> bool:
    """Whether there is an entry of that name, or it is kept out."""
    return bool(named(connection, name)) or are_dead(connection, {name.key})


def forget(connection: Connection, name: Name, *, now: Millis) -> int:
    """Deletes the article of that name, with its duplicates, and keeps it from coming back. Returns how many entries it
    had. Its record ids are `outstanding` from then on. So is the name it was given by, whichever entry had the records,
    because the output has to remember that name, too."""
    ids = named(connection, name)
    for batch in chunks(sorted(ids)):
        rows = connection.execute(select(t.entry.c.id, t.entry.c.duplicate_of).where(t.entry.c.id.in_(batch)))
        ids |= {row.duplicate_of for row in rows if row.duplicate_of is not None}
    for batch in chunks(sorted(ids)):
        ids |= set(connection.scalars(select(t.entry.c.id).where(t.entry.c.duplicate_of.in_(batch))))
    unknown = not ids and not are_dead(connection, {name.key})
    keys, records, names = {name.key}, {name.key}, {name.key}
    columns = (t.entry.c.record_id, t.entry.c.text_mark, t.entry.c.shared_key, URL)
    for batch in chunks(sorted(ids)):
        for row in connection.execute(select(*columns).where(t.entry.c.id.in_(batch))):
            records.add(row.record_id)
            names |= {row.record_id} if row.url is None or row.shared_key else {row.record_id, url_key(row.url)}
            keys |= {row.text_mark} - {None}  # so that the same text does not come back elsewhere
    _bar(connection, names, unknown=unknown, anew=bool(ids), now=now)
    bury(connection, sorted(ids), more_keys=keys)
    _drop_unpublished(connection, {record.hex() for record in records})
    new = sorted(records - set(connection.scalars(select(t.takedown.c.record_id))))
    if new:
        connection.execute(insert(t.takedown), [{"record_id": record} for record in new])
    return len(ids)


def _bar(connection: Connection, keys: Collection[bytes], *, unknown: bool, anew: bool, now: Millis) -> None:
    """Stores since when these keys are kept out, unless that is known. anew: there was something to take down."""
    outdated = or_(t.barred.c.lifted, t.barred.c.unknown) if anew else t.barred.c.lifted
    for batch in chunks(sorted(keys)):
        connection.execute(delete(t.barred).where(t.barred.c.key.in_(batch), outdated))
        new = set(batch) - set(connection.scalars(select(t.barred.c.key).where(t.barred.c.key.in_(batch))))
        if new:
            connection.execute(insert(t.barred), [{"key": key, "at": now, "unknown": unknown} for key in sorted(new)])


class Barred(NamedTuple):
    """When an operator asked for an article to be kept out, and whether it was known."""

    at: Millis
    unknown: bool
    """Nothing was known of it."""


def barred(connection: Connection, key: bytes) -> Barred | None:
    """None if nobody asked by this key, or that has been forgotten."""
    query = select(t.barred.c.at, t.barred.c.unknown).where(t.barred.c.key == key, ~t.barred.c.lifted)
    row = connection.execute(query).one_or_none()
    return None if row is None else Barred(at=Millis(row.at), unknown=bool(row.unknown))


LetIn = Literal["let in", "taken down", "not kept out"]


def let_in(connection: Connection, name: Name, *, in_output: KeptOut | None, now: Millis) -> LetIn:
    """Stops keeping out something of which nothing was known, so that it may be ingested after all. Returns what came
    of that. The feeds of its site are read whole with their next polls, even if they have not changed.

    in_output: what the output directory says of its key. If the state was lost since, that is all there is to go by.
    What was taken down there stays down, by any of its names.
    """
    key = name.key
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
    if name.url is not None:
        of_site = f"//{host_of(name.url)}"
        theirs = or_(*(column.contains(of_site, autoescape=True) for column in (t.feed.c.url, t.feed.c.site_url)))
        let_all_be_said(connection, connection.scalars(select(t.feed.c.id).where(t.feed.c.active, theirs)).all())
    return "let in"


def lifted(connection: Connection, *, shard: int) -> list[bytes]:
    """Keys that are no longer kept out, which a shard of the output has not been told yet."""
    keys = connection.scalars(select(t.barred.c.key).where(t.barred.c.lifted)).all()
    shards = publications.shards(connection) if keys else 0
    return [key for key in keys if shard_of(key.hex(), shards) == shard]


def heard(connection: Connection, key: bytes) -> None:
    """Notes that the output has been told."""
    connection.execute(delete(t.barred).where(t.barred.c.key == key, t.barred.c.lifted))


def _drop_unpublished(connection: Connection, record_ids: set[str]) -> None:
    """Deletes records that have no number yet, so that they are never published. Numbered ones will be published and
    then removed from the output."""
    lock_numbering(connection)
    rows = connection.execute(select(t.outbox.c.id, t.outbox.c.body).where(t.outbox.c.seq.is_(None)))
    theirs = [row.id for row in rows if orjson.loads(row.body)["id"] in record_ids]
    for batch in chunks(theirs):
        connection.execute(delete(t.outbox).where(t.outbox.c.id.in_(batch)))


def keep_out(connection: Connection, keys: Collection[bytes]) -> None:
    """Deletes the entries known under any of these keys, and their unpublished records, which an older copy of a state
    may still have. Nothing comes back under these keys, except those that were let in again meanwhile."""
    keys = set(keys) - set(connection.scalars(select(t.barred.c.key).where(t.barred.c.lifted)))
    if keys:
        bury_known(connection, keys)
        _drop_unpublished(connection, {key.hex() for key in keys})


def outstanding(connection: Connection, *, shard: int) -> dict[str, bool]:
    """Record ids still to be removed from a shard of the output, each with whether nothing was known of it."""
    noted = select(t.takedown.c.record_id, t.barred.c.unknown).outerjoin(
        t.barred, t.barred.c.key == t.takedown.c.record_id
    )
    ids = {row.record_id.hex(): bool(row.unknown) for row in connection.execute(noted)}
    shards = publications.shards(connection) if ids else 0
    return {id: unknown for id, unknown in ids.items() if shard_of(id, shards) == shard}


def tell(connection: Connection, notices: Sequence[Record], *, now: Millis) -> None:
    """Writes records that say that articles are taken down, to be published before that happens."""
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
