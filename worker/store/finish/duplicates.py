"""Entries that are duplicates of another article, or have become articles of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, true, update

from worker.dedup import Ref, url_key
from worker.model import Draft, EntryId, Finished, Millis
from worker.store.database import tables as t
from worker.store.database.batches import bound, to
from worker.store.database.dialects import Many
from worker.store.finish.ends import end_all
from worker.store.finish.ingestion import NOTED_VALUES, Ingestion, Near, noted
from worker.store.known import stories
from worker.store.known.feeds import free_duplicates
from worker.store.known.keys import stored
from worker.store.known.names import code_of
from worker.store.known.records import write
from worker.store.known.refs import ref_by_id, ref_by_text
from worker.store.known.stories import Story
from worker.store.known.texts import give_up_text

SAME_URL = "its URL is another entry's"
SAME_TEXT = "its text is another entry's"
"""SAME_URL and SAME_TEXT tell people why an entry is a duplicate."""
_DOUBLED_VALUES = (*NOTED_VALUES, "duplicate_of", "revision", "revision_key", "text_mark", "extraction")
_DOUBLED = Many(update(t.entry).where(t.entry.c.id == bindparam("this")).values(bound(_DOUBLED_VALUES)))
_SINGLED = update(t.entry).where(t.entry.c.id == bindparam("this")).values(duplicate_of=None)
_MARKED_VALUES = ("duplicate_of", "revision", "reason")
_MARKED = update(t.entry).where(t.entry.c.id == bindparam("this")).values(bound(_MARKED_VALUES))
_POINT_ON = Many(
    update(t.entry).where(t.entry.c.duplicate_of == bindparam("this")).values(duplicate_of=bindparam("to"))
)


def single(connection: Connection, me: Ref) -> None:
    """Marks the entry as no longer a duplicate."""
    connection.execute(_SINGLED, {"this": me.entry_id})


def double(connection: Connection, done: Ingestion, me: Ref, of: Ref, story: Story, *, is_told: bool) -> Finished:
    """Marks the entry as a duplicate of `of`, because its text is the same or nearly. is_told: no record has to be
    written, since if there is one it already says so."""
    nearly = story is not stories.NO_STORY
    pointer = None if nearly or is_told else done.draft.pointer
    reason = "its text is nearly another entry's" if nearly else SAME_TEXT
    values = _doubled(done.draft, of, revision=me.revision + (pointer is not None), reason=reason)
    write_duplicate(connection, me, of, body=pointer, at=done.at, revision=me.revision + 1)
    _DOUBLED.execute(connection, [{"this": me.entry_id} | values])
    _POINT_ON.execute(connection, [{"this": me.entry_id, "to": original(of)}])
    return Finished(duplicates=1, duplicate_of=story.copy_of if nearly else of.record_id)


def _doubled(draft: Draft, of: Ref, *, revision: int, reason: str) -> dict[str, Any]:
    """The parameters of `_DOUBLED`, for a duplicate of `of`."""
    named = {"duplicate_of": original(of), "revision": revision, "text_mark": draft.text_mark, "reason": reason}
    named |= {"revision_key": b"", "extraction": code_of(draft.extraction)}
    return to(noted(draft) | named, _DOUBLED_VALUES)


def stands_for(connection: Connection, of: Ref, me: Ref, done: Ingestion, near: Near) -> bool:
    """Whether the text of `me`, a duplicate of `of`, is or was the text of `of`, or is nearly the same. Two feeds
    correct an article one after the other, so the texts may differ for a while. If they can't be compared, the titles
    are."""
    draft = done.draft
    by_text = ref_by_text(connection, draft.text_key, done.at)
    if by_text is not None:
        return by_text.entry_id == of.entry_id
    if draft.text_mark is not None and draft.text_mark == of.text_mark:
        return True
    if draft.sketch is None or near == "off":
        return bool(draft.title_key) and draft.title_key == of.title_key
    return bool(stories.kin(connection, me, draft.sketch, {of.entry_id}, done.at))


def write_duplicate(
    connection: Connection, me: Ref, of: Ref, *, body: bytes | None, at: Millis, revision: int = 1
) -> None:
    """Writes a record that names the entry that had the article first; none if `body` is None."""
    if body is not None:
        first = ref_by_id(connection, original(of))
        story = Story(cluster_id=first.cluster, copy_of=first.record_id)
        write(connection, "duplicate", id=me.record_id, revision=revision, body=body, at=at, story=story)


def mark_copies(connection: Connection, copies: Sequence[tuple[Ingestion, Ref, Ref]]) -> None:
    """Marks articles whose text is another's and for which no record is written, and ends their work. Each is given
    with its own entry and the one that has the text."""
    doubled = [
        {"this": me.entry_id} | _doubled(done.draft, of, revision=0, reason=SAME_TEXT) for done, me, of in copies
    ]
    _DOUBLED.execute(connection, doubled)
    _POINT_ON.execute(connection, [{"this": me.entry_id, "to": original(of)} for _, me, of in copies])
    end_all(connection, [done for done, _, _ in copies])


def mark_duplicate(connection: Connection, ref: Ref, *, of: EntryId, revision: int) -> None:
    """Marks an entry whose URL is that of another entry."""
    values = {"duplicate_of": of, "revision": revision, "reason": SAME_URL}
    connection.execute(_MARKED, {"this": ref.entry_id} | to(values, _MARKED_VALUES))


def original(of: Ref) -> EntryId:
    """The entry that `of` is a duplicate of, else `of` itself. Duplicates never form chains: each names the entry at
    the end."""
    return of.entry_id if of.duplicate_of is None else of.duplicate_of


def part(connection: Connection, me: Ref, draft: Draft) -> None:
    """Separates the duplicates of `me` from it, because its text has become a different one: whoever had the first text
    now stands for it. Otherwise a copy that came first and then turned into something else would leave nothing of the
    article it was a copy of. Only duplicates at the URLs of `me` itself stay, since they are this page, whatever it
    says."""
    give_up_text(connection, me)
    here = {stored(key) for key in (*draft.url_keys, *([url_key(me.url)] if me.url else []))}
    behind = t.entry.c.duplicate_of == me.entry_id
    left = set(connection.scalars(select(t.entry.c.shared_key).where(behind, t.entry.c.shared_key.is_not(None)))) - here
    if left:  # it was at these before
        connection.execute(delete(t.identity).where(t.identity.c.key.in_(left), t.identity.c.entry_id == me.entry_id))
    elsewhere = t.entry.c.shared_key.is_(None) | t.entry.c.shared_key.not_in(here)
    free_duplicates(connection, select(t.entry.c.id).where(t.entry.c.id == me.entry_id), elsewhere)


def give_way(connection: Connection, me: Ref) -> None:
    """Releases all that `me` (whose page is gone, or says now what was taken down) stood for. Its duplicates become
    articles of their own, except those at its very URL; nothing is found to be a copy of it any more, and no reprint
    will name it."""
    stories.unfile(connection, [me.entry_id])
    give_up_text(connection, me)
    at_url = None if me.url is None else stored(url_key(me.url))
    elsewhere = t.entry.c.shared_key.is_distinct_from(at_url) if at_url else true()
    free_duplicates(connection, select(t.entry.c.id).where(t.entry.c.id == me.entry_id), elsewhere)
