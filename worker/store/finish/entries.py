"""The result of an entry's work, judged and written: a record, or the mark of a duplicate."""

from __future__ import annotations

import zlib
from typing import Any, assert_never

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from worker.dedup import DATED_REVISIONS, Duplicate, Nothing, Ref, Write, judge, may_be_another
from worker.model import AsBefore, Draft, EntryId, Finished, Millis, Op
from worker.schedule import Gone, next_look_if_gone
from worker.store.database import tables as t
from worker.store.database.batches import bound, to
from worker.store.database.locks import Overtaken, is_shared
from worker.store.finish.duplicates import double, give_way, original, part, single, stands_for
from worker.store.finish.ends import take_off
from worker.store.finish.ingestion import NOTED_VALUES, Ingestion, Near, noted
from worker.store.known import stories
from worker.store.known.graves import are_dead, bury
from worker.store.known.keys import stored
from worker.store.known.left_out import leave_out, let_others_have
from worker.store.known.names import code_of, revised
from worker.store.known.owners import let_home_have, says_of_another
from worker.store.known.records import write
from worker.store.known.refs import ref_by_id, ref_by_text, refs_by_key
from worker.store.known.stories import Story
from worker.store.known.texts import claim_text

WRITTEN_VALUES = (
    *("revision", "revised_at", "revision_key", "text_mark", "title_key", "extraction", "cluster_id", "copy_of"),
    *("removed_lines", "reason", "skipped", "gone_since", "gone_answers"),
)
WRITTEN = update(t.entry).where(t.entry.c.id == bindparam("this")).values(revised(WRITTEN_VALUES))
_NOTED = update(t.entry).where(t.entry.c.id == bindparam("this")).values(bound(NOTED_VALUES))
_NAMED_VALUES = ("revision", "revised_at", "copy_of", "cluster_id")
_NAMED = update(t.entry).where(t.entry.c.id == bindparam("this")).values(revised(_NAMED_VALUES))
_NAMED_ONCE = delete(t.reprint).where(t.reprint.c.entry_id == bindparam("this"))
_KNOW = insert(t.identity)


def finish_entry(connection: Connection, done: Ingestion, *, window_ms: int, near: Near) -> Finished:
    """Writes the entry's record to the outbox if one is due, and takes the entry's work off the queue."""
    draft = done.draft
    me = ref_by_id(connection, done.entry_id)
    before = me.duplicate_of
    if before is not None:
        is_told_apart = may_be_another(draft, entry=me)
        if not is_told_apart or stands_for(connection, ref_by_id(connection, before), me, done, near):
            # If the page could not be had, a later look may still show that this is a different article.
            look_at = done.look_at if me.text_mark is not None and not is_told_apart else None
            take_off(connection, done.work_id, done.at, look_at=look_at, validators=None)
            return Finished()
        single(connection, me)
        me = me._replace(duplicate_of=None)
    if done.followed and draft.removal is not None and me.has_page and not me.is_blank:
        return _finish_gone(connection, done, me, draft.removal)
    if me.is_blank and draft.extraction not in ("ok", "skipped") and _is_gone(connection, me):
        take_off(connection, done.work_id, done.at, look_at=done.look_at, validators=None)
        return Finished()
    if are_dead(connection, draft.barred_by):
        give_way(connection, me)  # what it was before was not taken down
        bury(connection, [me.entry_id])
        return Finished()
    if draft.skipped is not None and not me.revision:
        leave_out(connection, me, draft)
        if take_off(connection, done.work_id, done.at, look_at=done.look_at, validators=done.validators):
            let_others_have(connection, done.entry_id)
        return Finished(skipped=1)
    return _finish_wanted(connection, done, me, before, window_ms=window_ms, near=near)


def _finish_wanted(
    connection: Connection, done: Ingestion, me: Ref, before: EntryId | None, *, window_ms: int, near: Near
) -> Finished:
    """Judges an article that nothing keeps from being written but another article. before: the entry that it was a
    duplicate of."""
    draft = done.draft
    by_urls = refs_by_key(connection, draft.url_keys)
    by_text = ref_by_text(connection, draft.text_key, done.at)
    # An original that a reprint credits is written although its text is known, and so is a reprint that credits
    # another: each has text of its own around it.
    credited = (
        by_text is not None
        and not me.revision
        and (_is_retitled(draft, me, by_text) or stories.is_original(connection, me, by_text, now=done.at))
    )
    reprinted = near == "link" and by_text is not None and _is_reprint(draft, me, by_text)
    verdict = judge(
        draft,
        entry=me,
        by_text=None if credited or reprinted else by_text,
        # Two pages may name each other as canonical; one of them has to be written.
        by_urls=[o for o in by_urls.values() if original(o) != me.entry_id and not o.is_blank],
    )
    story = stories.NO_STORY
    if isinstance(verdict, Write) and near != "off":
        story = stories.place(connection, me, draft, now=done.at)
        if near == "drop" and story.first is not None and not me.revision:
            verdict = Duplicate(story.first)
    match verdict:
        case Write(op):
            _write_article(connection, op, done, me, story, near=near)
            mine = claim_text(connection, draft.text_key, me.entry_id, done.at, window_ms, anyway=credited)
            if by_text is None and not mine and is_shared(connection):
                raise Overtaken("another entry has the text since it was looked for")
            _claim_urls(connection, set(draft.url_keys) - by_urls.keys(), me.entry_id)
            if near != "off":
                stories.settle(connection, me, draft, story, expires_at=Millis(done.at + window_ms))
            result = Finished(op=op, duplicate_of=story.copy_of)
        case Duplicate(of):
            result = double(connection, done, me, of, story, is_told=original(of) == before)
        case Nothing():
            connection.execute(_NOTED, {"this": me.entry_id} | to(noted(draft), NOTED_VALUES))
            result = Finished()
        case _:
            assert_never(verdict)
    look_at = None if isinstance(verdict, Duplicate) else done.look_at
    take_off(connection, done.work_id, done.at, look_at=look_at, validators=done.validators)
    return result


def _write_article(connection: Connection, op: Op, done: Ingestion, me: Ref, story: Story, *, near: Near) -> None:
    """Writes the entry's record, and the updates by which earlier reprints name it."""
    draft = done.draft
    if op == "update" and near != "off" and stories.is_another(connection, me, draft.sketch):
        part(connection, me, draft)
    body = draft.body
    if story.original is not None:
        body = stories.named(body, story.original, stories.title_of(connection, story.original.feed_id))
    write(
        connection,
        op,
        id=me.record_id,
        revision=me.revision + 1,
        body=body,
        at=done.at,
        story=story,
        lines=(draft.site, draft.lines),
        seen_with=me.entry_id if op == "new" else None,
    )
    values = to(written_values(done, me, story), WRITTEN_VALUES)
    connection.execute(WRITTEN, {"this": me.entry_id} | values)
    _name(connection, me, story, at=done.at)
    if done.new is None and (op == "new" or draft.extraction != "ok"):
        let_home_have(connection, [me], by_page={me.entry_id} if draft.extraction == "ok" else ())


def _is_gone(connection: Connection, me: Ref) -> bool:
    """Whether its deletion was written because its page is gone, and the page has not come back."""
    answers = connection.scalar(select(t.entry.c.gone_answers).where(t.entry.c.id == me.entry_id))
    return bool(answers)


def written_values(done: Ingestion, me: Ref, story: Story) -> dict[str, Any]:
    """The columns of an entry when its record is written."""
    draft, revision = done.draft, me.revision + 1
    return {
        "revision": revision,
        "revised_at": done.at,
        "revision_key": draft.revision_key if revision <= DATED_REVISIONS else draft.undated_key,
        "text_mark": draft.text_mark,
        "title_key": draft.title_key,
        "extraction": code_of(draft.extraction),
        "cluster_id": _other(story, me) if draft.text_key else story.cluster_id,
        "copy_of": story.copy_of,
        "removed_lines": 0,
        **noted(draft),
    }


def finish_look(connection: Connection, done: AsBefore) -> Finished:
    """Finishes a look at a page that has not changed."""
    gone = (t.entry.c.id == done.entry_id, t.entry.c.gone_answers > 0)
    connection.execute(update(t.entry).where(*gone).values(gone_since=None, gone_answers=0, reason=None))
    if take_off(connection, done.lease.work_id, done.at, look_at=done.look_at, validators=None):
        let_others_have(connection, done.entry_id)
    return Finished()


def _finish_gone(connection: Connection, done: Ingestion, me: Ref, removal: bytes) -> Finished:
    """Handles a page that was readable before and now answers 404 or 410. The deletion is written once it has done so
    for a day; until then the last record stands."""
    mine = t.entry.c.id == me.entry_id
    row = connection.execute(select(t.entry.c.gone_since, t.entry.c.gone_answers).where(mine)).one()
    gone = Gone(since=row.gone_since, answers=row.gone_answers).then(done.at)
    if not gone.is_confirmed(done.at):
        values: dict[str, Any] = {"gone_since": gone.since, "gone_answers": gone.answers, "reason": done.draft.reason}
        connection.execute(update(t.entry).where(mine).values(values))
        look_at = next_look_if_gone(gone, done.at)
        take_off(connection, done.work_id, done.at, look_at=look_at, validators=None)
        return Finished()
    story = Story(cluster_id=me.cluster, copy_of=me.copy_of)
    write(connection, "delete", id=me.record_id, revision=me.revision + 1, body=removal, at=done.at, story=story)
    # If the page comes back, whatever it says counts as an update.
    values = {"revision": me.revision + 1, "revised_at": done.at, "revision_key": b"", "extraction": None}
    values |= {"reason": done.draft.reason}
    connection.execute(update(t.entry).where(mine).values(revised(values)), to(values, values))
    take_off(connection, done.work_id, done.at, look_at=None, validators=None)
    give_way(connection, me)
    return Finished(op="delete")


def _is_reprint(draft: Draft, me: Ref, of: Ref) -> bool:
    credit = draft.credit
    return credit is not None and not credit.is_agency and draft.sketch is not None and of.feed_id != me.feed_id


def _is_retitled(draft: Draft, me: Ref, of: Ref) -> bool:
    """Whether the text is known only from another site's feed that lists the URL of `me` under a different title."""
    return says_of_another(me, of) and draft.title_key != of.title_key


def _other(story: Story, me: Ref) -> bytes | None:
    """The cluster to be stored: None if it follows from the entry itself, since most articles are alone in their
    cluster."""
    alone = story.cluster_id == me.record_id and story.copy_of is None
    return None if alone else story.cluster_id


def _name(connection: Connection, me: Ref, story: Story, *, at: Millis) -> None:
    """Writes one update for each reprint that came before this original, to name it."""
    site = stories.title_of(connection, me.feed_id) if story.reprints else None
    for reprint in story.reprints:
        theirs = ref_by_id(connection, EntryId(reprint.entry_id))
        body = stories.named(zlib.decompress(reprint.body), me, site)
        told = Story(cluster_id=story.cluster_id, copy_of=me.record_id)
        lines, revision = (reprint.site, reprint.lines), theirs.revision + 1
        write(connection, "update", id=theirs.record_id, revision=revision, body=body, at=at, story=told, lines=lines)
        values = {"revision": revision, "revised_at": at, "copy_of": me.record_id, "cluster_id": story.cluster_id}
        connection.execute(_NAMED, {"this": theirs.entry_id} | to(values, _NAMED_VALUES))
        connection.execute(_NAMED_ONCE, {"this": theirs.entry_id})


def _claim_urls(connection: Connection, keys: set[bytes], entry_id: EntryId) -> None:
    if keys:
        connection.execute(_KNOW, [{"key": stored(key), "entry_id": entry_id, "extra": True} for key in sorted(keys)])
