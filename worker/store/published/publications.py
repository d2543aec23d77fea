"""What a state has published, and the writer's name under which it numbers its records: one per shard of its output.

The rows of `segment` stay long after publication. By the last one a state recognises its output directory, by the
others an older copy of that directory.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from worker.errors import StateError
from worker.model import Millis
from worker.record import shard_of
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.words import counted

REMEMBERED = 100_000
"""How many segments are kept, over all shards: at one a minute, ten weeks, in 15 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publications:
    """A state compared with the last segment of its output directory."""

    last: str | None
    """The path of the segment that the state published last."""
    theirs: Literal["none", "unknown", "older", "same"]
    """The directory's last segment: none; unknown, not from this state; older than `last`; or the same as `last`, or
    one that was being published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A segment that is in an output directory."""

    path: str
    sha256: str
    writer: str
    date: str
    """YYYY-MM-DD."""
    sealed_at: Millis
    """No earlier than when its last record was written."""
    first_seq: int
    last_seq: int


def name_writers(connection: Connection, wanted: int) -> None:
    """Names the state's writers, if they are not named yet. Names are unique to a state, so that one begun anew beside
    an old output directory does not reuse its numbers.

    Raises StateError if the state has records for another number of shards, because an article's revisions would then
    come from two writers.
    """
    named = shards(connection)
    if named == wanted:
        return
    if named and any(connection.scalar(select(table.c.id).limit(1)) is not None for table in (t.segment, t.outbox)):
        raise StateError(
            f"the state has records for an output of {counted(named, 'shard')}, output.shards says {wanted}: set it to "
            f"{named}; or choose another output.dir as well, and go on there with `feedmill recover --new-output`"
        )
    _rename_writers(connection, wanted)


def shards(connection: Connection) -> int:
    """How many shards the output has according to the state; 0 if the state is new."""
    return connection.scalar(select(func.count()).select_from(t.writer)) or 0


def against(connection: Connection, last: tuple[str, int] | None, *, shard: int) -> Publications:
    """last: the writer and last number of the newest segment in the shard's directory; None if it has none."""
    published = connection.execute(
        select(t.segment.c.id, t.segment.c.path)
        .where(t.segment.c.path.is_not(None), t.segment.c.shard == shard)
        .order_by(t.segment.c.id.desc())
        .limit(1)
    ).one_or_none()
    path = None if published is None else published.path
    if last is None:
        return Publications(last=path, theirs="none")
    writer, last_seq = last
    known = connection.scalar(
        select(t.segment.c.id).where(
            t.segment.c.shard == shard, t.segment.c.writer == writer, t.segment.c.last_seq == last_seq
        )
    )
    if known is None:
        return Publications(last=path, theirs="unknown")
    return Publications(last=path, theirs="older" if published is not None and known < published.id else "same")


def forget_old(connection: Connection) -> None:
    """Deletes segments that came more than REMEMBERED before their shard's last. An output directory that ends with one
    of these then counts as unknown."""
    lasts = connection.execute(select(t.segment.c.shard, func.max(t.segment.c.id)).group_by(t.segment.c.shard)).all()
    for shard, last in lasts:
        old = (t.segment.c.shard == shard, t.segment.c.id <= last - REMEMBERED, t.segment.c.path.is_not(None))
        connection.execute(delete(t.segment).where(*old))


def follow_on(connection: Connection, sealed: Mapping[int, Sequence[Sealed]], *, shards: int) -> None:
    """From now on the state publishes after these segments, given for each shard in order, or into a directory that has
    none yet. It does so under new writer names, because nobody knows which numbers of the old names were given. Records
    that were numbered but not published are numbered again, for the present number of shards."""
    waiting = connection.execute(select(t.outbox.c.id, t.outbox.c.body)).all()
    for batch in chunks(waiting):
        connection.execute(
            update(t.outbox)
            .where(t.outbox.c.id == bindparam("row"))
            .values(seq=None, segment_id=None, shard=bindparam("to")),
            [{"row": row.id, "to": shard_of(orjson.loads(row.body)["id"], shards)} for row in batch],
        )
    connection.execute(delete(t.segment))
    _rename_writers(connection, shards)
    for shard, segments in sorted(sealed.items()):
        rows = [
            {
                "shard": shard,
                "path": one.path,
                "sha256": one.sha256,
                "writer": one.writer,
                "date": one.date,
                "created_at": one.sealed_at,
                "first_seq": one.first_seq,
                "last_seq": one.last_seq,
            }
            for one in segments
        ]
        for some in chunks(rows):
            connection.execute(insert(t.segment), some)


def _rename_writers(connection: Connection, shards: int) -> None:
    connection.execute(delete(t.writer))
    named = [{"shard": shard, "name": f"w{secrets.token_hex(3)}", "last_seq": 0} for shard in range(shards)]
    connection.execute(insert(t.writer), named)
