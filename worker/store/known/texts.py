"""Which entry has a text: the first that had it, for as long as `dedup.window` says."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from worker.dedup import Ref
from worker.model import EntryId, Millis
from worker.store.database import tables as t
from worker.store.database.dialects import Many, is_sqlite
from worker.store.database.locks import Overtaken, is_shared
from worker.store.known.keys import stored


def claim_text(
    connection: Connection, key: bytes | None, entry_id: EntryId, at: Millis, window_ms: int, *, anyway: bool = False
) -> bool:
    """Gives the text with this hash to the entry until `at + window_ms`. A hash whose time is over is taken from its
    owner; one that is not only if `anyway`. The owner itself may always prolong it. Returns whether the entry has the
    text now; True if `key` is None."""
    if key is None:
        return True
    values = {"text": stored(key), "who": entry_id, "until": at + window_ms}
    if not anyway:
        values |= {"now": at, "owner": entry_id}
    return connection.execute(_claim(connection.dialect.name, anyway), values).rowcount > 0


def claim_texts(connection: Connection, texts: Sequence[tuple[bytes, EntryId, Millis]], window_ms: int) -> None:
    """Claims many texts that nobody has: hash, entry and time of each. Raises Overtaken if another entry got one in
    between."""
    if texts:
        values = [
            {"text": stored(key), "who": who, "until": at + window_ms, "now": at, "owner": who}
            for key, who, at in texts
        ]
        if is_sqlite(connection):
            _CLAIM.execute(connection, values)
            return
        claimed = connection.execute(_claim(connection.dialect.name, False), values)
        if is_shared(connection) and claimed.rowcount < len(texts):
            raise Overtaken("another entry has the text since it was looked for")


@functools.cache
def _claim(dialect: str, anyway: bool) -> Any:
    dialect_insert = postgresql_insert if dialect == "postgresql" else sqlite_insert
    values: dict[str, Any] = {"entry_id": bindparam("who"), "expires_at": bindparam("until")}
    mine = (t.content.c.expires_at <= bindparam("now")) | (t.content.c.entry_id == bindparam("owner"))
    return (
        dialect_insert(t.content)
        .values(key=bindparam("text"), **values)
        .on_conflict_do_update(index_elements=[t.content.c.key], set_=values, where=None if anyway else mine)
        .execution_options(preserve_rowcount=True)
    )


_CLAIM = Many(_claim("sqlite", False))


def give_up_text(connection: Connection, me: Ref) -> None:
    """Releases the text that `me` had, so that nothing becomes a duplicate of `me` by it."""
    if me.text_mark is not None:
        mine = (t.content.c.key.between(me.text_mark, me.text_mark + b"\xff\xff"), t.content.c.entry_id == me.entry_id)
        connection.execute(delete(t.content).where(*mine))
