"""Entries in the store, looked up by key, id or text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from worker.dedup import Ref
from worker.model import EntryId, FeedId, Millis
from worker.store.database import tables as t
from worker.store.database.dialects import Among, Which
from worker.store.database.locks import hold_entries, is_shared
from worker.store.known.keys import by_stored, stored
from worker.store.known.names import FEED_ID, URL, extraction_of

COLUMNS: tuple[Any, ...] = (
    t.entry.c.id,
    FEED_ID,
    t.entry.c.title_key,
    t.entry.c.revision,
    t.entry.c.revision_key,
    t.entry.c.text_mark,
    t.entry.c.duplicate_of,
    t.entry.c.extraction,
    t.entry.c.record_id,
    t.entry.c.version,
    URL,
    t.entry.c.cluster_id,
    t.entry.c.copy_of,
    t.entry.c.skipped,
)


_TEXTLESS = (None, "failed", "blocked")


def ref(row: Row[Any]) -> Ref:
    extraction = extraction_of(row.extraction)
    return Ref(
        entry_id=EntryId(row.id),
        feed_id=FeedId(row.feed_id),
        title_key=row.title_key,
        revision=row.revision,
        revision_key=row.revision_key,
        text_mark=row.text_mark,
        duplicate_of=None if row.duplicate_of is None else EntryId(row.duplicate_of),
        has_page=extraction == "ok",
        has_text=extraction not in _TEXTLESS,
        record_id=row.record_id,
        version=row.version,
        url=row.url,
        cluster_id=row.cluster_id,
        copy_of=row.copy_of,
        skipped=row.skipped,
    )


def _by_key(which: Which) -> Any:
    columns = select(t.identity.c.key, *COLUMNS).join(t.entry, t.entry.c.id == t.identity.c.entry_id)
    return columns.where(which(t.identity.c.key))


_BY_KEY = Among(_by_key)
_HOLD_BY_KEY = Among(lambda which: _by_key(which).order_by(t.entry.c.id).with_for_update(of=t.entry, key_share=True))
_HOLDER = select(t.identity.c.entry_id).where(t.identity.c.key == bindparam("key"))
_BY_ID = select(*COLUMNS).where(t.entry.c.id == bindparam("this"))
_BY_IDS = Among(lambda which: select(*COLUMNS).where(which(t.entry.c.id)))
_NEWEST = (
    select(t.entry.c.id, t.entry.c.version)
    .where(t.entry.c.feed_no == bindparam("feed"))
    .order_by(t.seen_on.desc())
    .limit(bindparam("most"))
)
_MOST = 2_000  # read in 4 ms
_BY_TEXT: Any = (
    select(*COLUMNS)
    .join(t.content, t.content.c.entry_id == t.entry.c.id)
    .where(t.content.c.key == bindparam("text"), t.content.c.expires_at > bindparam("now"))
)
_HOLD_BY_TEXT = _BY_TEXT.with_for_update(of=t.entry, key_share=True)


def refs_by_key(connection: Connection, keys: Collection[bytes]) -> dict[bytes, Ref]:
    """The entries known under these keys. Where several processes share the state, the entries, and those they are
    duplicates of, stay locked until the transaction ends."""
    statement = _HOLD_BY_KEY if is_shared(connection) else _BY_KEY
    rows = statement.rows(connection, {stored(key) for key in keys})
    found = by_stored({row.key: ref(row) for row in rows}, keys)
    hold_entries(connection, {of.duplicate_of for of in found.values() if of.duplicate_of is not None})
    return found


def refs_saying(connection: Connection, feed_no: int, versions: Collection[bytes]) -> Collection[Ref]:
    """The entries of a feed of which it said one of these last, as far as they are among its newest."""
    rows = connection.execute(_NEWEST, {"feed": feed_no, "most": _MOST}).all()
    wanted = {row.id for row in rows if row.version in versions}
    hold_entries(connection, wanted)
    found = [ref(row) for row in _BY_IDS.rows(connection, wanted)]
    hold_entries(connection, {of.duplicate_of for of in found if of.duplicate_of is not None})
    return found


def has_key(connection: Connection, of: Ref, key: bytes) -> bool:
    """Whether `of` is known under the key."""
    return connection.scalar(_HOLDER, {"key": stored(key)}) == of.entry_id


def ref_by_id(connection: Connection, entry_id: EntryId) -> Ref:
    hold_entries(connection, [entry_id])
    return ref(connection.execute(_BY_ID, {"this": entry_id}).one())


def ref_by_text(connection: Connection, key: bytes | None, now: Millis) -> Ref | None:
    """The entry that has this text now; None if there is none, or its hash has expired."""
    if key is None:
        return None
    statement = _HOLD_BY_TEXT if is_shared(connection) else _BY_TEXT
    row = connection.execute(statement, {"text": stored(key), "now": now}).one_or_none()
    return None if row is None else ref(row)
