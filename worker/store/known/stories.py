"""Copies of one story: found by the word sequences their texts share, put into clusters, and told from their original.

An article is filed under the first few of its probes that no other is filed under yet, and looked up under all of them.
So a lookup never returns more candidates than there are probes, whether ten thousand articles are filed or ten million,
and a phrase that stands below every article of a site is soon taken and costs nothing more.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from worker import urls
from worker.dedup import Ref, common, credits, is_copy
from worker.model import Credit, Draft, EntryId, Millis, Sketch
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.database.dialects import Among, Many
from worker.store.known.owners import says_of_another
from worker.store.known.refs import COLUMNS, ref, refs_by_key

FILED = 4
"""How many probes an article is filed under. A copy cut to its first half matches one of them 99 times in 100."""
EXPIRED_AT_ONCE = 2_000
MAX_NAMED = 1_000
"""How many reprints are updated to name their original when that comes after them."""


class Story(NamedTuple):
    """Where an article belongs."""

    cluster_id: bytes | None = None
    """None if its text is too short to tell."""
    copy_of: bytes | None = None
    """The id of the record that had nearly the same text first, or that the article credits."""
    first: Ref | None = None
    """If the article is a copy: the entry it is a copy of (the credited one, or else the most similar)."""
    original: Ref | None = None
    """The entry that the article credits, if it is in the store."""
    reprints: Sequence[Row[Any]] = ()
    """Articles that came earlier and credit this one."""
    free: Sequence[int] = ()
    """The probes under which no other article is filed."""


NO_STORY = Story()

_HELD = Among(lambda which: select(t.shingle.c.key, t.shingle.c.entry_id).where(which(t.shingle.c.key)))
_FILED = Among(
    lambda which: (
        select(t.sketch.c.size, t.sketch.c.bins, t.sketch.c.expires_at, *COLUMNS)
        .join(t.entry, t.entry.c.id == t.sketch.c.entry_id)
        .where(which(t.sketch.c.entry_id))
    )
)
_TITLES = select(t.feed.c.id, t.feed.c.title).where(t.feed.c.id.in_(bindparam("ids", expanding=True)))
_REPRINTS = (
    select(t.reprint)
    .where(t.reprint.c.cluster_id == bindparam("cluster"))
    .order_by(t.reprint.c.entry_id)
    .limit(MAX_NAMED)
    .with_for_update()
)
_FILE_SHINGLE, _FILE_SKETCH, _KEEP = Many(insert(t.shingle)), Many(insert(t.sketch)), insert(t.reprint)
_THEIRS: Any = bindparam("ids", expanding=True)
_FILED_UNDER = select(t.sketch.c.entry_id, t.sketch.c.shingles).where(t.sketch.c.entry_id.in_(_THEIRS))
_REMOVE_SKETCHES = delete(t.sketch).where(t.sketch.c.entry_id.in_(_THEIRS))
_REMOVE_REPRINTS = delete(t.reprint).where(t.reprint.c.entry_id.in_(_THEIRS))
_WAITING = select(t.reprint).where(t.reprint.c.entry_id == bindparam("of"), t.reprint.c.expires_at > bindparam("now"))
_UNFILE = delete(t.shingle).where(t.shingle.c.key == bindparam("of"), t.shingle.c.entry_id == bindparam("whose"))


def place(connection: Connection, me: Ref, draft: Draft, *, now: Millis) -> Story:
    """The story that the article of `me` belongs to. An article that has a cluster stays in it; it is only checked
    whether an article it credits, or reprints that credit it, are known by now."""
    probes = draft.sketch.probes if draft.sketch else ()
    held = holders(connection, probes)
    free = [key for key in probes if held.get(key, me.entry_id) == me.entry_id]
    found = set(held.values()) - {me.entry_id}
    alike = kin(connection, me, draft.sketch, found, now) if draft.sketch and found else []
    if not alike and me.copy_of is None:
        return Story(cluster_id=me.cluster or (me.record_id if draft.sketch else None), free=free)
    # A page is not a copy of what another site's feed wrote about it.
    others = [other for other in alike if not says_of_another(me, other)]
    sites = _sites(connection, [me, *alike])
    cluster_id = me.cluster or (alike[0].cluster if alike else None)
    original = _original(connection, me, draft.credit, alike, sites)
    reprints = _crediting(connection, me, cluster_id, sites) if cluster_id else ()
    copy_of = me.copy_of
    if original is not None:
        copy_of = original.record_id
    elif reprints:
        copy_of = None
    elif me.cluster is None and others:
        copy_of = others[0].copy_of or others[0].record_id
    first = (original or others[0]) if others and copy_of is not None else None
    return Story(cluster_id=cluster_id, copy_of=copy_of, first=first, original=original, reprints=reprints, free=free)


def _original(
    connection: Connection, me: Ref, credit: Credit | None, alike: Sequence[Ref], sites: Mapping[str, str | None]
) -> Ref | None:
    """The entry that the article credits: one of those `alike`, or the one found earlier."""
    if credit is None:
        return None
    its = (other for other in alike if credits(credit, url=other.url, site=sites[other.feed_id]))
    found = next(its, None)
    if found is None and me.copy_of is not None:
        before = refs_by_key(connection, [me.copy_of]).get(me.copy_of)
        if before is not None and credits(credit, url=before.url, site=title_of(connection, before.feed_id)):
            return before
    return found


def is_original(connection: Connection, me: Ref, of: Ref, *, now: Millis) -> bool:
    """Whether the article of `of` credits `me` as its source."""
    row = connection.execute(_WAITING, {"of": of.entry_id, "now": now}).one_or_none()
    return row is not None and credits(_credit(row), url=me.url, site=_sites(connection, [me])[me.feed_id])


def is_another(connection: Connection, me: Ref, sketch: Sketch | None) -> bool:
    """Whether the text of `me` is no longer a version of the filed one, but a different text in its place. False if
    none is filed, since then it can't be known."""
    _, before, _ = filed(connection, [me.entry_id]).get(me.entry_id, (None, None, None))
    return before is not None and (sketch is None or not is_copy(common(before, sketch), same_feed=False))


def settle(connection: Connection, me: Ref, draft: Draft, story: Story, *, expires_at: Millis) -> None:
    """Files a written article so that copies find it and, if it credits an article that is not here yet, so that this
    original finds it."""
    if me.revision:  # else nothing of it was filed yet
        unfile(connection, [me.entry_id])
    if draft.sketch is not None:
        file(connection, [(me.entry_id, draft.sketch, story.free, expires_at)])
    credit = draft.credit
    if credit is not None and not credit.is_agency and story.original is None and story.cluster_id is not None:
        lines = (draft.site, draft.lines)
        _wait(connection, me.entry_id, story.cluster_id, credit, draft.body, expires_at, lines=lines)


def take_back(
    connection: Connection,
    entry_id: EntryId,
    sketch: Sketch | None,
    *,
    cluster_id: bytes | None,
    credit: Credit | None,
    body: bytes,
    expires_at: Millis,
) -> None:
    """Files an article from its record, when a lost state is recovered."""
    unfile(connection, [entry_id])
    if sketch is not None and cluster_id is not None:
        held = holders(connection, sketch.probes)
        free = [key for key in sketch.probes if key not in held]
        file(connection, [(entry_id, sketch, free, expires_at)])
        if credit is not None:
            _wait(connection, entry_id, cluster_id, credit, body, expires_at)


def file(connection: Connection, texts: Sequence[tuple[EntryId, Sketch, Sequence[int], Millis]]) -> None:
    """Files texts. Each has its entry, the probes under which no other is filed, and the time until which it is
    remembered."""
    shingles: list[dict[str, object]] = []
    sketches: list[dict[str, object]] = []
    for entry_id, sketch, free, expires_at in texts:
        if keys := free[:FILED]:
            shingles += ({"key": key, "entry_id": entry_id} for key in keys)
            values = {"entry_id": entry_id, "expires_at": expires_at, "shingles": _packed(keys)}
            sketches.append(values | {"size": sketch.size, "bins": sketch.bins})
    _FILE_SHINGLE.execute(connection, shingles)
    _FILE_SKETCH.execute(connection, sketches)


def _wait(
    connection: Connection,
    entry_id: EntryId,
    cluster_id: bytes,
    credit: Credit,
    body: bytes,
    expires_at: Millis,
    *,
    lines: tuple[str | None, bytes | None] = (None, None),
) -> None:
    """Stores a reprint until its original comes. lines: the site and the lines of the text in `body`; None if `body` is
    as it was published."""
    values = {"entry_id": entry_id, "cluster_id": cluster_id, "expires_at": expires_at, "body": zlib.compress(body)}
    connection.execute(_KEEP, values | {"name": credit.name, "url": credit.url, "site": lines[0], "lines": lines[1]})


def unfile(connection: Connection, entry_ids: Sequence[int]) -> None:
    """Removes entries from the files, so that nothing is found to be a copy of them, and no original updates them."""
    for batch in chunks(entry_ids):
        rows = connection.execute(_FILED_UNDER, {"ids": batch}).all()
        keys = [{"of": key, "whose": row.entry_id} for row in rows for key in _unpacked(row.shingles)]
        if keys:
            connection.execute(_UNFILE, keys)
            connection.execute(_REMOVE_SKETCHES, {"ids": batch})
        connection.execute(_REMOVE_REPRINTS, {"ids": batch})


def expire(connection: Connection, now: Millis) -> bool:
    """Removes some thousand texts whose window is over. Returns whether there may be more.

    They were filed nearly in the order of their entry ids, so that order serves instead of an index.
    """
    connection.execute(delete(t.reprint).where(t.reprint.c.expires_at <= now))
    oldest = select(t.sketch).order_by(t.sketch.c.entry_id).limit(2 * EXPIRED_AT_ONCE).subquery()
    over = select(oldest.c.entry_id).where(oldest.c.expires_at <= now).limit(EXPIRED_AT_ONCE)
    ids = connection.scalars(over).all()
    unfile(connection, ids)
    return len(ids) == EXPIRED_AT_ONCE


def named(body: bytes, original: Ref, site: str | None) -> bytes:
    """The record with its original named: as the page names it or, failing that, by the title of the original's
    feed."""
    record = orjson.loads(body)
    said = record["_ingest"]["original"] or {}
    record["_ingest"]["original"] = {"name": said.get("name") or site, "url": original.url or said.get("url")}
    return orjson.dumps(record)


def title_of(connection: Connection, feed_id: str) -> str | None:
    """The title that a feed gives itself."""
    return connection.scalar(select(t.feed.c.title).where(t.feed.c.id == feed_id))


def holders(connection: Connection, probes: Collection[int]) -> dict[int, int]:
    """The entry filed under each of these probes."""
    return {row.key: row.entry_id for row in _HELD.rows(connection, probes)}


def kin(connection: Connection, me: Ref, mine: Sketch, ids: Collection[int], now: Millis) -> list[Ref]:
    """The filed articles that are nearly the same, the most similar first; among equals, the oldest first."""
    found = filed(connection, ids).values()
    return likest(me, mine, ((other, sketch) for other, sketch, until in found if until > now))


def filed(connection: Connection, ids: Collection[int]) -> dict[int, tuple[Ref, Sketch, Millis]]:
    """The sketches of these entries by entry id, each with the time until which it is remembered."""
    return {
        row.id: (ref(row), Sketch(size=row.size, bins=row.bins), row.expires_at) for row in _FILED.rows(connection, ids)
    }


def likest(me: Ref, mine: Sketch, others: Iterable[tuple[Ref, Sketch]]) -> list[Ref]:
    """Those of the texts that are nearly the same as `mine`, in the order of `kin`."""
    found: list[tuple[float, Ref]] = []
    for other, theirs in others:
        both = common(mine, theirs)
        if other.cluster is not None and is_copy(both, same_feed=_is_of_one_site(me, other)):
            found.append((-both.resemblance, other))
    return [other for _, other in sorted(found, key=lambda pair: (pair[0], pair[1].entry_id))]


def as_written(me: Ref, draft: Draft) -> Ref:
    """`me` as its copies will see it once its first record is written, in a story of its own."""
    return me._replace(revision=1, revision_key=draft.revision_key, text_mark=draft.text_mark, cluster_id=me.record_id)


def _is_of_one_site(a: Ref, b: Ref) -> bool:
    """Whether both come from one feed and one host: a feed may also collect several sites."""
    return a.feed_id == b.feed_id and _host(a) == _host(b)


def _host(of: Ref) -> str:
    return urls.host_of(of.url) if of.url else ""


def _sites(connection: Connection, refs: Sequence[Ref]) -> dict[str, str | None]:
    rows = connection.execute(_TITLES, {"ids": sorted({each.feed_id for each in refs})})
    return {**dict.fromkeys(each.feed_id for each in refs), **{row.id: row.title for row in rows}}


def _crediting(connection: Connection, me: Ref, cluster_id: bytes, sites: dict[str, str | None]) -> list[Row[Any]]:
    rows = connection.execute(_REPRINTS, {"cluster": cluster_id}).all()
    return [
        row for row in rows if row.entry_id != me.entry_id and credits(_credit(row), url=me.url, site=sites[me.feed_id])
    ]


def _credit(row: Row[Any]) -> Credit:
    return Credit(name=row.name, url=row.url)


def _packed(keys: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(keys)}i", *keys)


def _unpacked(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(packed) // 4}i", packed)
