"""What an entry led to, judged and written: a record, or the mark of a duplicate."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, assert_never

from sqlalchemy import Connection, Integer, bindparam, delete, func, insert, select, true, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from worker.dedup import Duplicate, Nothing, Ref, Write, judge, may_be_another, url_key
from worker.model import NO_VALIDATORS, AsBefore, Draft, EntryId, Finished, IngestDone, Millis, Op, Validators
from worker.record import shard_place
from worker.schedule import Gone, next_look_if_gone
from worker.store import stories
from worker.store import tables as t
from worker.store.batches import bound, to
from worker.store.dialects import Many, is_sqlite
from worker.store.feeds import free_duplicates
from worker.store.graves import are_dead, bury
from worker.store.keys import stored
from worker.store.left_out import leave_out, let_others_have
from worker.store.locks import Overtaken, is_shared
from worker.store.names import code_of, revised
from worker.store.owners import let_home_have, says_of_another
from worker.store.refs import ref_by_id, ref_by_text, refs_by_key
from worker.store.stories import Story

Near = Literal["link", "off", "drop"]
"""What becomes of near-duplicates: a record each that names the first, as if there were no such thing, or nothing."""

SAME_URL = "its URL is another entry's"
SAME_TEXT = "its text is another entry's"
"""Why an entry is a duplicate, for people."""

_FIRST_SEEN = select(t.entry.c.first_seen_at).where(t.entry.c.id == bindparam("seen_with")).scalar_subquery()
_SHARDS = select(func.count()).select_from(t.writer).scalar_subquery()
RECORD = insert(t.outbox).values(first_seen_at=_FIRST_SEEN, shard=bindparam("place", type_=Integer) % _SHARDS)
WRITTEN_VALUES = (
    *("revision", "revised_at", "revision_key", "text_mark", "title_key", "extraction", "cluster_id", "copy_of"),
    *("removed_lines", "reason", "skipped", "gone_since", "gone_answers"),
)
WRITTEN = update(t.entry).where(t.entry.c.id == bindparam("this")).values(revised(WRITTEN_VALUES))
_NOTED_VALUES = ("reason", "skipped", "gone_since", "gone_answers")
_NOTED = update(t.entry).where(t.entry.c.id == bindparam("this")).values(bound(_NOTED_VALUES))
_DOUBLED_VALUES = (*_NOTED_VALUES, "duplicate_of", "revision", "revision_key", "text_mark", "extraction")
_DOUBLED = Many(update(t.entry).where(t.entry.c.id == bindparam("this")).values(bound(_DOUBLED_VALUES)))
_SINGLED = update(t.entry).where(t.entry.c.id == bindparam("this")).values(duplicate_of=None)
_MARKED_VALUES = ("duplicate_of", "revision", "reason")
_MARKED = update(t.entry).where(t.entry.c.id == bindparam("this")).values(bound(_MARKED_VALUES))
_NAMED_VALUES = ("revision", "revised_at", "copy_of", "cluster_id")
_NAMED = update(t.entry).where(t.entry.c.id == bindparam("this")).values(revised(_NAMED_VALUES))
_NAMED_ONCE = delete(t.reprint).where(t.reprint.c.entry_id == bindparam("this"))
_POINT_ON = Many(
    update(t.entry).where(t.entry.c.duplicate_of == bindparam("this")).values(duplicate_of=bindparam("to"))
)
_KNOW = insert(t.identity)

_MINE = t.work.c.id == bindparam("this")
_AT_REST: dict[str, Any] = {"again": False, "tries": 0, "waits": 0, "errors": 0, "lost": 0, "error": None, "hops": 0}
_BLANK = {"page_etag": None, "page_modified": None}
_DUE: dict[str, Any] = {"due_at": bindparam("then"), "priority": bindparam("place")}
_END = delete(t.work).where(_MINE)
_OFF = delete(t.work).where(_MINE, ~t.work.c.again)
_LATER = update(t.work).where(_MINE, ~t.work.c.again).values(_AT_REST | _DUE)
_LATER_BY_PAGE = _LATER.values({"page_etag": bindparam("etag"), "page_modified": bindparam("modified")})
_AGAIN = update(t.work).where(_MINE).values(_AT_REST | _BLANK | _DUE)


class Ingestion(NamedTuple):
    """The draft of an entry that is to be judged: work of its own has brought it, or the poll that showed the entry."""

    entry_id: EntryId
    at: Millis
    draft: Draft
    work_id: int | None = None
    """None: it came with its poll."""
    record_id: bytes = b""
    """Where it did."""
    new: Ref | None = None
    """The entry, where it came with this commit: nobody else has changed it."""
    followed: bool = False
    look_at: Millis | None = None
    validators: Validators = NO_VALIDATORS


def ingestion(done: IngestDone) -> Ingestion:
    """What is to be judged of work that has ended."""
    return Ingestion(
        entry_id=done.entry_id,
        at=done.at,
        draft=done.draft,
        work_id=done.lease.work_id,
        followed=done.followed,
        look_at=done.look_at,
        validators=done.validators,
    )


def finish_entry(connection: Connection, done: Ingestion, *, window_ms: int, near: Near) -> Finished:
    """Writes the entry's record to the outbox where one is due, and takes the entry off the queue."""
    draft = done.draft
    me = ref_by_id(connection, done.entry_id)
    before = me.duplicate_of
    if before is not None:
        is_told_apart = may_be_another(draft, entry=me)
        if not is_told_apart or _stands_for(connection, ref_by_id(connection, before), me, done, near):
            # Of a page that was not had, it may show yet that it is another's no more.
            look_at = done.look_at if me.text_mark is not None and not is_told_apart else None
            _take_off(connection, done.work_id, done.at, look_at=look_at, validators=None)
            return Finished()
        connection.execute(_SINGLED, {"this": me.entry_id})
        me = me._replace(duplicate_of=None)
    if done.followed and draft.removal is not None and me.has_page and not me.is_blank:
        return _finish_gone(connection, done, me, draft.removal)
    if me.is_blank and draft.extraction not in ("ok", "skipped") and _is_gone(connection, me):
        _take_off(connection, done.work_id, done.at, look_at=done.look_at, validators=None)
        return Finished()
    if are_dead(connection, draft.barred_by):
        bury(connection, [me.entry_id])
        return Finished()
    if draft.skipped is not None and not me.revision:
        leave_out(connection, me, draft)
        if _take_off(connection, done.work_id, done.at, look_at=done.look_at, validators=done.validators):
            let_others_have(connection, done.entry_id)
        return Finished(skipped=1)
    by_urls = refs_by_key(connection, draft.url_keys)
    by_text = ref_by_text(connection, draft.text_key, done.at)
    # Whom a reprint credits is written though the text is known, and so is who credits another for it: each has its
    # own lines around it.
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
        # Pages that name each other as their canonical: one of them has to be written.
        by_urls=[o for o in by_urls.values() if original(o) != me.entry_id and not o.is_blank],
    )
    story = stories.NO_STORY
    if isinstance(verdict, Write) and near != "off":
        story = stories.place(connection, me, draft, now=done.at)
        if near == "drop" and story.first is not None and not me.revision:
            verdict = Duplicate(story.first)
    match verdict:
        case Write(op):
            _write_article(
                connection,
                op,
                done,
                me,
                story,
                window_ms=window_ms,
                near=near,
                url_keys=set(draft.url_keys) - by_urls.keys(),
                credited=credited,
                text_is_free=by_text is None,
            )
            result = Finished(op=op, duplicate_of=story.copy_of)
        case Duplicate(of):
            result = _double(connection, done, me, of, story, is_told=original(of) == before)
        case Nothing():
            connection.execute(_NOTED, {"this": me.entry_id} | to(_noted(draft), _NOTED_VALUES))
            result = Finished()
        case _:
            assert_never(verdict)
    look_at = None if isinstance(verdict, Duplicate) else done.look_at
    _take_off(connection, done.work_id, done.at, look_at=look_at, validators=done.validators)
    return result


def _write_article(
    connection: Connection,
    op: Op,
    done: Ingestion,
    me: Ref,
    story: Story,
    *,
    window_ms: int,
    near: Near,
    url_keys: set[bytes],
    credited: bool,
    text_is_free: bool,
) -> None:
    """Writes the entry's record, and what is known of it from now on. url_keys: nobody else has these. credited: it is
    the original of who has its text. text_is_free: nobody has it."""
    draft = done.draft
    if op == "update" and near != "off" and stories.is_another(connection, me, draft.sketch):
        _part(connection, me, draft)
    body = draft.body
    if story.original is not None:
        body = stories.named(body, story.original, stories.title_of(connection, story.original.feed_id))
    _write(
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
    mine = claim_text(connection, draft.text_key, me.entry_id, done.at, window_ms, anyway=credited)
    if text_is_free and not mine and is_shared(connection):
        raise Overtaken("another entry has the text since it was looked for")
    if near != "off":
        stories.settle(connection, me, draft, story, expires_at=Millis(done.at + window_ms))
        _name(connection, me, story, at=done.at)
    _claim_urls(connection, url_keys, me.entry_id)
    values = to(written_values(done, me, story), WRITTEN_VALUES)
    connection.execute(WRITTEN, {"this": me.entry_id} | values)
    if draft.extraction != "ok" and done.new is None:
        let_home_have(connection, [me])


def _double(connection: Connection, done: Ingestion, me: Ref, of: Ref, story: Story, *, is_told: bool) -> Finished:
    """Marks the entry as a duplicate of `of`, by its text or nearly. is_told: a record, if any, says so already."""
    nearly = story is not stories.NO_STORY
    pointer = None if nearly or is_told else done.draft.pointer
    reason = "its text is nearly another entry's" if nearly else SAME_TEXT
    values = _doubled(done.draft, of, revision=me.revision + (pointer is not None), reason=reason)
    write_duplicate(connection, me, of, body=pointer, at=done.at, revision=me.revision + 1)
    _DOUBLED.execute(connection, [{"this": me.entry_id} | values])
    _POINT_ON.execute(connection, [{"this": me.entry_id, "to": original(of)}])
    return Finished(duplicates=1, duplicate_of=story.copy_of if nearly else of.record_id)


def _stands_for(connection: Connection, of: Ref, me: Ref, done: Ingestion, near: Near) -> bool:
    """Whether `of`, of which `me` is a duplicate, has what `me` says now, has had it, or has nearly that: two feeds
    correct an article one after the other. Where the texts can't be compared, titles have to do."""
    draft = done.draft
    by_text = ref_by_text(connection, draft.text_key, done.at)
    if by_text is not None:
        return by_text.entry_id == of.entry_id
    if draft.text_mark is not None and draft.text_mark == of.text_mark:
        return True
    if draft.sketch is None or near == "off":
        return bool(draft.title_key) and draft.title_key == of.title_key
    return bool(stories.kin(connection, me, draft.sketch, {of.entry_id}, done.at))


def _is_gone(connection: Connection, me: Ref) -> bool:
    """Whether it was deleted, as its page is gone, and has not come back since."""
    answers = connection.scalar(select(t.entry.c.gone_answers).where(t.entry.c.id == me.entry_id))
    return bool(answers)


def written_values(done: Ingestion, me: Ref, story: Story) -> dict[str, Any]:
    """The columns of an entry whose record is written."""
    draft = done.draft
    return {
        "revision": me.revision + 1,
        "revised_at": done.at,
        "revision_key": draft.revision_key,
        "text_mark": draft.text_mark,
        "title_key": draft.title_key,
        "extraction": code_of(draft.extraction),
        "cluster_id": _other(story, me) if draft.text_key else story.cluster_id,
        "copy_of": story.copy_of,
        "removed_lines": 0,
        **_noted(draft),
    }


def _noted(draft: Draft) -> dict[str, Any]:
    """The columns of an entry that are set whatever became of it."""
    return {"reason": draft.reason, "skipped": None, "gone_since": None, "gone_answers": 0}


def _doubled(draft: Draft, of: Ref, *, revision: int, reason: str) -> dict[str, Any]:
    """The parameters of `_DOUBLED`, for a duplicate of `of`."""
    named = {"duplicate_of": original(of), "revision": revision, "text_mark": draft.text_mark, "reason": reason}
    named |= {"revision_key": b"", "extraction": code_of(draft.extraction)}
    return to(_noted(draft) | named, _DOUBLED_VALUES)


def finish_look(connection: Connection, done: AsBefore) -> Finished:
    """A page that is as it was, and what it gave to tell by."""
    gone = (t.entry.c.id == done.entry_id, t.entry.c.gone_answers > 0)
    connection.execute(update(t.entry).where(*gone).values(gone_since=None, gone_answers=0, reason=None))
    if _take_off(connection, done.lease.work_id, done.at, look_at=done.look_at, validators=None):
        let_others_have(connection, done.entry_id)
    return Finished()


def _finish_gone(connection: Connection, done: Ingestion, me: Ref, removal: bytes) -> Finished:
    """A page that was had answers 404 or 410. A deletion is written once it did so for a day; until then the text
    stands."""
    mine = t.entry.c.id == me.entry_id
    row = connection.execute(select(t.entry.c.gone_since, t.entry.c.gone_answers).where(mine)).one()
    gone = Gone(since=row.gone_since, answers=row.gone_answers).then(done.at)
    if not gone.is_confirmed(done.at):
        values: dict[str, Any] = {"gone_since": gone.since, "gone_answers": gone.answers, "reason": done.draft.reason}
        connection.execute(update(t.entry).where(mine).values(values))
        look_at = next_look_if_gone(gone, done.at)
        _take_off(connection, done.work_id, done.at, look_at=look_at, validators=None)
        return Finished()
    story = Story(cluster_id=me.cluster, copy_of=me.copy_of)
    _write(connection, "delete", id=me.record_id, revision=me.revision + 1, body=removal, at=done.at, story=story)
    # Should the page come back, whatever it says is an update.
    values = {"revision": me.revision + 1, "revised_at": done.at, "revision_key": b"", "extraction": None}
    values |= {"reason": done.draft.reason}
    connection.execute(update(t.entry).where(mine).values(revised(values)), to(values, values))
    _take_off(connection, done.work_id, done.at, look_at=None, validators=None)
    _give_way(connection, me)
    return Finished(op="delete")


def _give_way(connection: Connection, me: Ref) -> None:
    """Others may say what `me` said: those that stood behind it have it from now on, but at the very URL that is gone,
    and nobody is its copy, or named in a reprint of it, any more."""
    stories.unfile(connection, [me.entry_id])
    _give_up_text(connection, me)
    at_url = None if me.url is None else stored(url_key(me.url))
    elsewhere = t.entry.c.shared_key.is_distinct_from(at_url) if at_url else true()
    free_duplicates(connection, select(t.entry.c.id).where(t.entry.c.id == me.entry_id), elsewhere)


def _part(connection: Connection, me: Ref, draft: Draft) -> None:
    """The text of `me` became another one: whoever had the first one, and stood behind it, says it from now on. Else a
    copy that is first, and turns into something else, would leave nothing of the article that it was a copy of. Only
    those at its own URLs stay: they are this page, whatever that says."""
    _give_up_text(connection, me)
    here = {stored(key) for key in (*draft.url_keys, *([url_key(me.url)] if me.url else []))}
    behind = t.entry.c.duplicate_of == me.entry_id
    left = set(connection.scalars(select(t.entry.c.shared_key).where(behind, t.entry.c.shared_key.is_not(None)))) - here
    if left:  # it was at these before
        connection.execute(delete(t.identity).where(t.identity.c.key.in_(left), t.identity.c.entry_id == me.entry_id))
    elsewhere = t.entry.c.shared_key.is_(None) | t.entry.c.shared_key.not_in(here)
    free_duplicates(connection, select(t.entry.c.id).where(t.entry.c.id == me.entry_id), elsewhere)


def _give_up_text(connection: Connection, me: Ref) -> None:
    """Nobody is a duplicate of `me` by the text that it had."""
    if me.text_mark is not None:
        mine = (t.content.c.key.between(me.text_mark, me.text_mark + b"\xff\xff"), t.content.c.entry_id == me.entry_id)
        connection.execute(delete(t.content).where(*mine))


def _is_reprint(draft: Draft, me: Ref, of: Ref) -> bool:
    credit = draft.credit
    return credit is not None and not credit.is_agency and draft.sketch is not None and of.feed_id != me.feed_id


def _is_retitled(draft: Draft, me: Ref, of: Ref) -> bool:
    """A stranger has the words of the page at the URL of `me`, under a title of its own."""
    return says_of_another(me, of) and draft.title_key != of.title_key


def _other(story: Story, me: Ref) -> bytes | None:
    """The cluster, where it is not to be told from the entry: most articles are alone in theirs."""
    alone = story.cluster_id == me.record_id and story.copy_of is None
    return None if alone else story.cluster_id


def _name(connection: Connection, me: Ref, story: Story, *, at: Millis) -> None:
    """Reprints that came before their original get one update each that names it."""
    site = stories.title_of(connection, me.feed_id) if story.reprints else None
    for reprint in story.reprints:
        theirs = ref_by_id(connection, EntryId(reprint.entry_id))
        body = stories.named(zlib.decompress(reprint.body), me, site)
        told = Story(cluster_id=story.cluster_id, copy_of=me.record_id)
        lines, revision = (reprint.site, reprint.lines), theirs.revision + 1
        _write(connection, "update", id=theirs.record_id, revision=revision, body=body, at=at, story=told, lines=lines)
        values = {"revision": revision, "revised_at": at, "copy_of": me.record_id, "cluster_id": story.cluster_id}
        connection.execute(_NAMED, {"this": theirs.entry_id} | to(values, _NAMED_VALUES))
        connection.execute(_NAMED_ONCE, {"this": theirs.entry_id})


def write_duplicate(
    connection: Connection, me: Ref, of: Ref, *, body: bytes | None, at: Millis, revision: int = 1
) -> None:
    """A record that names the one that had the article first, where such are wanted."""
    if body is not None:
        first = ref_by_id(connection, original(of))
        story = Story(cluster_id=first.cluster, copy_of=first.record_id)
        _write(connection, "duplicate", id=me.record_id, revision=revision, body=body, at=at, story=story)


def mark_copies(connection: Connection, copies: Sequence[tuple[Ingestion, Ref, Ref]]) -> None:
    """Articles whose text is another's, and that no record tells of: of each, itself and who has its text. Their work
    ends."""
    doubled = [
        {"this": me.entry_id} | _doubled(done.draft, of, revision=0, reason=SAME_TEXT) for done, me, of in copies
    ]
    _DOUBLED.execute(connection, doubled)
    _POINT_ON.execute(connection, [{"this": me.entry_id, "to": original(of)} for _, me, of in copies])
    ended = [{"this": done.work_id} for done, _, _ in copies if done.work_id is not None]
    if ended:
        connection.execute(_END, ended)


def mark_duplicate(connection: Connection, ref: Ref, *, of: EntryId, revision: int) -> None:
    """An entry whose URL is that of another one."""
    values = {"duplicate_of": of, "revision": revision, "reason": SAME_URL}
    connection.execute(_MARKED, {"this": ref.entry_id} | to(values, _MARKED_VALUES))


def original(of: Ref) -> EntryId:
    """The entry that stands for `of`: itself, unless it is a duplicate too. Duplicates always name the last of a
    chain."""
    return of.entry_id if of.duplicate_of is None else of.duplicate_of


def _write(connection: Connection, op: Op, **record: Any) -> None:
    """record: as `outbox_values` takes it."""
    connection.execute(RECORD, outbox_values(op, **record))


def outbox_values(
    op: Op,
    *,
    id: bytes,
    revision: int,
    body: bytes,
    at: Millis,
    story: Story,
    lines: tuple[str | None, bytes | None] = (None, None),
    seen_with: EntryId | None = None,
) -> dict[str, Any]:
    """For `RECORD`. id: of the record. lines: the site, and the lines of the text, some of which may be the site's.
    seen_with: the entry of an article that is new."""
    return {
        "op": op,
        "place": shard_place(id),
        "revision": revision,
        "ingested_at": at,
        "body": body,
        "site": lines[0],
        "lines": lines[1],
        "duplicate_of": story.copy_of,
        "cluster_id": story.cluster_id,
        "seen_with": seen_with,
    }


def claim_text(
    connection: Connection, key: bytes | None, entry_id: EntryId, at: Millis, window_ms: int, *, anyway: bool = False
) -> bool:
    """A hash that has expired is taken over; one that has not is its owner's, who may only prolong it, unless it is
    taken `anyway`. Whether it is the entry's now, or there is none."""
    if key is None:
        return True
    values = {"text": stored(key), "who": entry_id, "until": at + window_ms}
    if not anyway:
        values |= {"now": at, "owner": entry_id}
    return connection.execute(_claim(connection.dialect.name, anyway), values).rowcount > 0


def claim_texts(connection: Connection, texts: Sequence[tuple[bytes, EntryId, Millis]], window_ms: int) -> None:
    """The same for texts that are nobody's: of each its hash, the entry and the time. Raises Overtaken where one is
    somebody's since."""
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


def _claim_urls(connection: Connection, keys: set[bytes], entry_id: EntryId) -> None:
    if keys:
        connection.execute(_KNOW, [{"key": stored(key), "entry_id": entry_id, "extra": True} for key in sorted(keys)])


def _take_off(
    connection: Connection, work_id: int | None, at: Millis, *, look_at: Millis | None, validators: Validators | None
) -> bool:
    """Off the queue, where it was on it, or to the next look at the page; unless the feed has said something else of
    the entry meanwhile. Whether it is off.

    validators: of the page as it was read; None leaves those of before.
    """
    if work_id is None:
        return True
    values: dict[str, Any] = {"this": work_id}
    if look_at is None:
        taken = connection.execute(_OFF, values)
    else:
        values |= {"then": look_at, "place": t.BACKFILL}
        if validators is None:
            taken = connection.execute(_LATER, values)
        else:
            told = {"etag": validators.etag, "modified": validators.last_modified}
            taken = connection.execute(_LATER_BY_PAGE, values | told)
    if not taken.rowcount:
        connection.execute(_AGAIN, {"this": work_id, "then": at, "place": t.NEW})
    return bool(taken.rowcount) and look_at is None


def take_off_all(connection: Connection, ended: Sequence[Ingestion]) -> None:
    """The same for work of which the feed has said nothing else meanwhile."""
    off = [{"this": done.work_id} for done in ended if done.work_id is not None and done.look_at is None]
    if off:
        connection.execute(_END, off)
    later = [
        {
            "this": done.work_id,
            "then": done.look_at,
            "place": t.BACKFILL,
            "etag": done.validators.etag,
            "modified": done.validators.last_modified,
        }
        for done in ended
        if done.work_id is not None and done.look_at is not None
    ]
    if later:
        connection.execute(_LATER_BY_PAGE, later)
