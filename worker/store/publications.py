"""What a state has published, and under which name it numbers its records.

The rows of `segment` stay when what they name is published, for long: by the last of them a state recognises its output
directory, and by others an older copy of it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, select, update

from worker.model import Millis
from worker.store import tables as t

REMEMBERED = 100_000
"""Segments: at one a minute, ten weeks, in 15 MB."""


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
    first_seq: int
    last_seq: int


def name_writer(connection: Connection) -> None:
    """A state numbers its records under a name of its own, so that a state begun anew beside an old output directory
    does not count over its numbers."""
    if connection.scalar(select(t.meta.c.value).where(t.meta.c.key == "writer")) is None:
        _rename_writer(connection)


def against(connection: Connection, last: tuple[str, int] | None) -> Publications:
    """`last`: the writer and the last number of the segment that the directory was given last; None: it has none."""
    published = connection.execute(
        select(t.segment.c.id, t.segment.c.path)
        .where(t.segment.c.path.is_not(None))
        .order_by(t.segment.c.id.desc())
        .limit(1)
    ).one_or_none()
    path = None if published is None else published.path
    if last is None:
        return Publications(last=path, theirs="none")
    writer, last_seq = last
    known = connection.scalar(
        select(t.segment.c.id).where(t.segment.c.writer == writer, t.segment.c.last_seq == last_seq)
    )
    if known is None:
        return Publications(last=path, theirs="unknown")
    return Publications(last=path, theirs="older" if published is not None and known < published.id else "same")


def forget_old(connection: Connection) -> None:
    """Lets go of all but the last segments. An older copy of the directory is then one that lacks what came after."""
    last = connection.scalar(select(func.max(t.segment.c.id)))
    if last is not None:
        connection.execute(delete(t.segment).where(t.segment.c.id <= last - REMEMBERED, t.segment.c.path.is_not(None)))


def follow_on(connection: Connection, last: Sealed | None) -> None:
    """The state publishes after `last` from now on, or in a directory that has nothing yet; under a new name, for of
    the old one's numbers nobody knows any more which were given. What was numbered and not published is numbered
    again."""
    connection.execute(update(t.outbox).values(seq=None, segment_id=None))
    connection.execute(delete(t.segment))
    _rename_writer(connection)
    if last is not None:
        connection.execute(
            insert(t.segment).values(
                path=last.path,
                sha256=last.sha256,
                writer=last.writer,
                date=last.date,
                created_at=last.sealed_at,
                first_seq=last.first_seq,
                last_seq=last.last_seq,
            )
        )


def _rename_writer(connection: Connection) -> None:
    values = {"writer": f"w{secrets.token_hex(3)}", "last_seq": "0"}
    connection.execute(delete(t.meta).where(t.meta.c.key.in_(values)))
    connection.execute(insert(t.meta), [{"key": key, "value": value} for key, value in values.items()])
