"""What a state has published, and under which names it numbers its records: one for each shard of its output.

The rows of `segment` stay when what they name is published, for long: by the last of them a state recognises its output
directory, and by others an older copy of it.
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
"""Segments, over all shards: at one a minute, ten weeks, in 15 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publications:
    """A state beside the segment that an output directory was given last."""

    last: str | None
    """The path of the segment that the state has published last."""
    theirs: Literal["none", "unknown", "older", "same"]
    """The directory's last segment: there is none; not one of this state's; older than `last`; `last`, or one that
    was being published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A segment that stands in an output directory."""

    path: str
    sha256: str
    writer: str
    date: str
    """YYYY-MM-DD."""
    sealed_at: Millis
    """Not before any of its records was written."""
    first_seq: int
    last_seq: int


def name_writers(connection: Connection, wanted: int) -> None:
    """A state numbers its records under names of its own, so that a state begun anew beside an old output directory
    does not count over its numbers.

    Raises StateError where it has records for another number of shards: an article's revisions would come from two
    writers.
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
    """Of the output, as the state has it; 0: it is new."""
    return connection.scalar(select(func.count()).select_from(t.writer)) or 0


def against(connection: Connection, last: tuple[str, int] | None, *, shard: int) -> Publications:
    """`last`: the writer and the last number of the segment that the shard's directory was given last; None: it has
    none."""
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
    """Lets go of all but each shard's last segments. An older copy of the directory is then one that lacks what came
    after."""
    lasts = connection.execute(select(t.segment.c.shard, func.max(t.segment.c.id)).group_by(t.segment.c.shard)).all()
    for shard, last in lasts:
        old = (t.segment.c.shard == shard, t.segment.c.id <= last - REMEMBERED, t.segment.c.path.is_not(None))
        connection.execute(delete(t.segment).where(*old))


def follow_on(connection: Connection, sealed: Mapping[int, Sequence[Sealed]], *, shards: int) -> None:
    """The state publishes after these from now on, each shard's last in their order, or in a directory that has nothing
    yet; under new names, for of the old ones' numbers nobody knows any more which were given. What was numbered and not
    published is numbered again, for as many shards as there are now."""
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
