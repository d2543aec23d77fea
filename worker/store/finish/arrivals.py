"""The entries a poll brought, judged and written. Which of them are new is known only here, inside the commit.

Entries that came with a draft are finished together with the poll, as if work of their own had ended; all others are
queued. Polls judged one after the other share what is read from the store and what they add to it, because a statement
costs many times what one more row in it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

import orjson
from sqlalchemy import Connection, Row, bindparam, update

from worker.dedup import (
    Duplicate,
    Known,
    New,
    Ref,
    Said,
    Skip,
    Skipped,
    Verdict,
    has_moved,
    has_other_url,
    place,
    url_key,
)
from worker.model import EntryId, FeedId, Finished, Millis, PollDone, SeenEntry
from worker.record import rfc3339
from worker.schedule import next_revision
from worker.store.database import tables as t
from worker.store.finish.duplicates import mark_duplicate, original, write_duplicate
from worker.store.finish.fresh import Fresh, revision_of
from worker.store.finish.homes import take_home
from worker.store.finish.ingestion import Ingestion
from worker.store.finish.moves import only_by_guid, signs
from worker.store.finish.queueing import not_yet_queued, work
from worker.store.known.feeds import Policies, add_work
from worker.store.known.graves import note_seen
from worker.store.known.keys import stored
from worker.store.known.left_out import backlog_of, takes_up
from worker.store.known.names import REVISED_AT, origin, url_columns
from worker.store.known.shelf import Shelf, keys_of
from worker.urls import is_of_site

_CLAIM_URL = (
    update(t.entry)
    .where(t.entry.c.id == bindparam("this"), t.entry.c.shared_key == bindparam("key"))
    .values(shared_key=None)
)
_SAYS_ELSE = (
    update(t.entry)
    .where(t.entry.c.id == bindparam("this"), t.entry.c.version != bindparam("says"))
    .values(version=bindparam("says"), title_key=bindparam("title"))
    .returning(t.entry.c.revision, REVISED_AT, t.entry.c.first_seen_at)
)
_SAYS = update(t.entry).where(t.entry.c.id == bindparam("this")).values(version=bindparam("says"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What became of the entries of a poll."""

    finished: Finished = field(default_factory=Finished)
    came: list[Millis | None] = field(default_factory=list)
    """The dates of those that are new to the feed; None where it gives none."""
    touched: set[int] = field(default_factory=set)
    """The hosts for which work was queued or changed."""
    drafted: list[Ingestion] = field(default_factory=list)
    """The drafts to be finished in this commit, in the order of the document."""


def judge_entries(shelf: Shelf, row: Row[Any], done: PollDone, policies: Policies, *, is_old: bool = False) -> Arrived:
    """Adds the entries that are new or have changed, and queues those that have no draft.

    row: the feed's, before the poll. is_old: the entries come from an older page. What it says of known entries is
    ignored, and new ones are queued behind all other work.
    """
    if not done.entries:
        return Arrived()
    connection = shelf.connection
    backlog = backlog_of(connection, row, done, shelf.known)
    other_filters = done.filters != (row.filters or b"")
    told = signs(shelf, row, done)
    came_from = row.version_url if done.version is None else done.version.url
    at = [row.url, came_from] if came_from else [row.url]
    entries = _Entries(shelf=shelf, done=done, feed_urls=at, other_filters=other_filters, is_old=is_old, said=told)
    for seen in done.entries:
        if shelf.dead and not shelf.dead.isdisjoint(keys_of(seen)):
            continue
        if seen.own in backlog:
            entries.judge(replace(seen, skipped=backlog[seen.own]), "backlog")
        else:
            entries.judge(seen, "filter")
    entries.add()
    if done.refresh and entries.still_there:
        shelf.write()
        note_seen(connection, entries.still_there, at=done.at)
    for entry_id, values in entries.noted.items():
        shelf.refs[entry_id] = shelf.refs[entry_id]._replace(**values)
    unqueued, touched = not_yet_queued(connection, entries.queue, entries.added, policies)
    ids = {row["entry_id"] for row in unqueued}
    drafted = [one for entry_id, one in entries.drafts.items() if one.new is not None or entry_id in ids]
    touched |= add_work(connection, [row for row in unqueued if row["entry_id"] not in entries.drafts], policies)
    counts = entries.counts
    finished = Finished(
        new=counts["new"],
        changed=counts["changed"],
        duplicates=counts["duplicates"],
        skipped=counts["skipped"],
        begun=tuple(entries.begun),
    )
    return Arrived(finished=finished, came=entries.came, touched=touched, drafted=drafted)


@dataclass(kw_only=True)
class _Entries:
    """Collects what becomes of the entries of one poll."""

    shelf: Shelf
    done: PollDone
    feed_urls: Sequence[str]
    """Where the feed is listed, and where its document came from."""
    other_filters: bool
    """Whether the filters differ from those that the feed's entries were last judged by."""
    is_old: bool
    said: Said
    counts: Counter[str] = field(default_factory=Counter)
    came: list[Millis | None] = field(default_factory=list)
    """The dates of those that are new to the feed."""
    begun: list[bytes] = field(default_factory=list)
    """The ids of the records that are new."""
    queue: dict[EntryId, dict[str, Any]] = field(default_factory=dict)
    """The work of each entry that is to be read; some of it may turn out to be queued already."""
    drafts: dict[EntryId, Ingestion] = field(default_factory=dict)
    """The drafts that need no work of their own, and need not wait."""
    changed: set[EntryId] = field(default_factory=set)
    """Entries that the feed describes differently than the shelf has it."""
    noted: dict[EntryId, dict[str, Any]] = field(default_factory=dict)
    """Changes to the shelf's entries, applied after this poll, because its own entries are judged by what was known
    before it."""
    still_there: list[int] = field(default_factory=list)
    added: dict[EntryId, Ref] = field(default_factory=dict)
    """Entries that are new to the store, as they were added."""
    fresh: list[Fresh] = field(default_factory=list)
    """Entries that are new to the store and not added yet; they are added together."""
    fresh_keys: set[bytes] = field(default_factory=set)
    """Their keys. An entry that matches one of them makes `judge` add them first."""

    def judge(self, seen: SeenEntry, by: Skip) -> None:
        """by: the rule that has left the entry out, if one has."""
        if not self.fresh_keys.isdisjoint(keys_of(seen)):
            self.add()
        shelf = self.shelf
        by_key, by_url = shelf.under(*seen.look_up), shelf.under(seen.url_key)
        if by_key is not None and by_url is not None and _stands_for(by_url, by_key, self.done.feed_id):
            by_key = by_url
        verdict = place(
            seen,
            feed_id=self.done.feed_id,
            by_key=by_key,
            by_url=by_url,
            alone=shelf.under(*seen.alone),
            by_guid=by_key is not None and only_by_guid(shelf, seen) is not None,
            said=self.said,
        )
        if by_key is not None and not isinstance(verdict, Known):  # under its guid another article is known
            seen = replace(seen, own=seen.look_up[0], draft=None)
        if isinstance(verdict, Duplicate) and shelf.yields(verdict.of, seen, feed_urls=self.feed_urls):
            verdict = New(claims_url=True)
        elif by_url is not None and seen.skipped is None:
            verdict, by_url = self._owned(verdict, seen, by_key, by_url)
        match verdict:
            case Known() if self.is_old:
                pass
            case Known(ref) if ref.skipped is not None:
                self._left_out(ref, seen, by_url)
            case Known(ref):
                self._known(ref, seen, by_url)
            case New(claims_url):
                self.counts["new"] += 1
                self.begun.append(seen.own)
                self._come(Fresh(seen, by_url=by_url, claims_url=claims_url))
            case Skipped():
                self.counts["skipped"] += 1
                self._come(Fresh(seen, skipped=by))
            case Duplicate(of):
                self.counts["duplicates"] += 1
                self._come(Fresh(seen, of=of))
            case _:
                assert_never(verdict)

    def _owned(self, verdict: Verdict, seen: SeenEntry, by_key: Ref | None, by_url: Ref) -> tuple[Verdict, Ref]:
        """The verdict, and what has the URL, once it is settled whose that is: it becomes this feed's if the page is of
        its site alone, or if the feed that had it is no longer listed."""
        shelf, feed_id = self.shelf, self.done.feed_id
        is_it = by_key is not None and by_key.entry_id == by_url.entry_id
        tells = not self.is_old and seen.page is not None and _tells_of(by_url, verdict, seen)
        if tells and (home := take_home(shelf, by_url, seen, self.done, feed_urls=self.feed_urls)):
            if isinstance(verdict, Duplicate):
                self.came.append(seen.published)
                return Known(home), home
            by_url = home
        else:
            said = seen.version if by_key is None or is_it else by_key.version
            by_url = shelf.adopt(by_url, feed_id, said=said)
        return Known(by_url) if is_it and isinstance(verdict, Known) else verdict, by_url

    def _known(self, ref: Ref, seen: SeenEntry, by_url: Ref | None) -> None:
        """An entry that was taken in before: nothing, unless its feed describes it differently now."""
        shelf = self.shelf
        shelf.know_more(ref, seen.own, seen.url_key if ref.duplicate_of is None else None)
        self.still_there.append(ref.entry_id)
        if by_url is not None and _is_of_one(ref, by_url) and not shelf.is_list(seen.url_key):
            ref = by_url
        if shelf.is_anothers(ref, self.done.feed_id):
            return
        if has_other_url(seen, ref, by_url=by_url):
            of = shelf.original(ref)
            if not has_moved(seen, ref, of=of):
                self.add()
                self._part(ref, seen)
                return
            self._move(ref, seen, of)
        if seen.version != ref.version or ref.entry_id in self.changed:
            self.changed.add(ref.entry_id)
            shelf.write()
            changed = _changed(shelf.connection, ref, seen, self.done.at)
            if changed is not None:
                self._note(ref, version=seen.version, title_key=seen.title_key)
                self.add()  # so that the queue keeps the order of the document
                self.counts["changed"] += 1
                self._queue(seen, ref, by_url, *changed)

    def _left_out(self, ref: Ref, seen: SeenEntry, by_url: Ref | None) -> None:
        """An entry that was left out before: it may be wanted now."""
        self.shelf.know_more(ref, seen.own)
        self.still_there.append(ref.entry_id)
        self.shelf.write()
        if ref.skipped != "page" and seen.url is not None and seen.url != ref.url:
            ref = self._readdress(ref, seen.url)
        if seen.version != self.noted.get(ref.entry_id, {}).get("version", ref.version):
            self._note(ref, version=seen.version, title_key=seen.title_key)
        if takes_up(self.shelf.connection, ref, seen, other_filters=self.other_filters):
            self.add()
            self._take_up(ref, seen, by_url)

    def _come(self, fresh: Fresh) -> None:
        self.came.append(fresh.seen.published)
        self.fresh.append(fresh)
        self.fresh_keys.update(keys_of(fresh.seen))

    def add(self) -> None:
        """Adds the pending new entries to the store, and queues them in the order of the document."""
        if not self.fresh:
            return
        fresh, self.fresh = self.fresh, []
        self.fresh_keys.clear()
        origins = {origin(each.seen.url) for each in fresh if each.seen.url is not None}
        numbers = self.shelf.numbers({self.done.feed_id, *origins})
        ids = self.shelf.add([each.row(self.done, numbers) for each in fresh])
        if any(each.of is not None for each in fresh):
            self.shelf.write()
        for entry_id, each in zip(ids, fresh, strict=True):
            seen, ref = each.seen, each.ref(self.done, EntryId(entry_id))
            self.shelf.know(ref, seen.own, seen.url_key if each.claims_url else None)
            self.added[ref.entry_id] = ref
            if each.of is not None:
                write_duplicate(self.shelf.connection, ref, each.of, body=seen.pointer, at=self.done.at)
            elif each.skipped is None:
                self._queue(seen, ref, each.by_url, self.done.at, self.done.at)

    def _take_up(self, ref: Ref, seen: SeenEntry, by_url: Ref | None) -> None:
        """Takes up an entry that was left out before and is wanted now."""
        connection = self.shelf.connection
        ref = ref._replace(skipped=None)
        self.shelf.refs[ref.entry_id] = ref
        others = None if by_url is not None and by_url.entry_id == ref.entry_id else by_url
        verdict = place(seen, feed_id=self.done.feed_id, by_key=None, by_url=others)
        if isinstance(verdict, New):
            self.counts["new"] += 1
            self.shelf.know_more(ref, seen.own, seen.url_key if verdict.claims_url else None)
            if verdict.claims_url and seen.url_key:
                connection.execute(_CLAIM_URL, {"this": ref.entry_id, "key": stored(seen.url_key)})
            # Its draft is dropped: filters judged it as if the entry had been first seen now.
            self._queue(replace(seen, draft=None), ref, by_url, self.done.at, self.done.at)
        elif others is not None:
            self.counts["duplicates"] += 1
            self.shelf.know_more(ref, seen.own)
            self.shelf.write()
            mark_duplicate(connection, ref, of=original(others), revision=revision_of(seen))
            pointer = seen.pointer and _of(seen.pointer, ref.record_id, self.done.at)
            write_duplicate(connection, ref, others, body=pointer, at=self.done.at)
            self._note(ref, duplicate_of=original(others), revision=revision_of(seen))

    def _move(self, ref: Ref, seen: SeenEntry, of: Ref) -> None:
        """Notes the URL that the article of `of` has in a feed that shows it as the duplicate `ref`. Only a feed of the
        same site can tell where `of` is."""
        if seen.url is None:
            return
        self._readdress(ref, seen.url)
        if is_of_site(seen.url, self.feed_urls[0]):
            self.shelf.know_more(of, seen.url_key)

    def _readdress(self, ref: Ref, url: str) -> Ref:
        """Gives an entry that is not known under its URL another."""
        self.shelf.write()
        values = {**url_columns(url, self.shelf.numbers({origin(url)})), "shared_key": stored(url_key(url))}
        self.shelf.connection.execute(update(t.entry).where(t.entry.c.id == ref.entry_id).values(values))
        self.shelf.refs[ref.entry_id] = ref._replace(url=url)
        return self.shelf.refs[ref.entry_id]

    def _part(self, ref: Ref, seen: SeenEntry) -> None:
        """Separates an entry from the one it was a duplicate of, as its link is now its own."""
        self.counts["changed"] += 1
        self.shelf.write()
        numbers = self.shelf.numbers({origin(seen.url)} if seen.url else ())
        values = {**url_columns(seen.url, numbers), "shared_key": None, "duplicate_of": None, "reason": None}
        values |= {"version": seen.version, "title_key": seen.title_key}
        self.shelf.connection.execute(update(t.entry).where(t.entry.c.id == ref.entry_id).values(values))
        ref = ref._replace(duplicate_of=None, url=seen.url, version=seen.version, title_key=seen.title_key)
        self.shelf.refs[ref.entry_id] = ref
        self.shelf.know_more(ref, seen.url_key)
        self._queue(replace(seen, draft=None), ref, None, self.done.at, self.done.at)

    def _note(self, ref: Ref, **values: Any) -> None:
        self.noted.setdefault(ref.entry_id, {}).update(values)

    def _queue(self, seen: SeenEntry, ref: Ref, by_url: Ref | None, due_at: Millis, first_seen_at: Millis) -> None:
        page = _own_page(seen, ref, by_url)
        draft = seen.draft if page is None and due_at <= self.done.at and not self.is_old else None
        new = self.added.get(ref.entry_id)
        self.queue.pop(ref.entry_id, None)  # a document may have an entry twice: the later one counts
        self.drafts.pop(ref.entry_id, None)
        if draft is not None:
            if (ref.record_id, first_seen_at) != (seen.own, self.done.at):
                draft = replace(draft, body=_of(draft.body, ref.record_id, first_seen_at))
                draft = replace(draft, pointer=draft.pointer and _of(draft.pointer, ref.record_id, first_seen_at))
            self.drafts[ref.entry_id] = Ingestion(ref.entry_id, self.done.at, draft, record_id=ref.record_id, new=new)
        if draft is None or new is None:
            self.queue[ref.entry_id] = {
                **work(self.done, seen, ref.entry_id, page=page),
                "due_at": due_at,
                "priority": t.BACKFILL if self.is_old else t.NEW,
            }


def _stands_for(link: Ref, of: Ref, feed_id: FeedId) -> bool:
    """Whether `link` is what the feed has left of its entry `of` (`take_home`)."""
    return link.duplicate_of == of.entry_id and link.feed_id == feed_id != of.feed_id


def _tells_of(of: Ref, verdict: Verdict, seen: SeenEntry) -> bool:
    """Whether a feed tells of `of`, which has the URL of `seen`, for the first time or something new."""
    match verdict:
        case Duplicate():
            return True
        case Known(ref):
            is_it = ref.entry_id == of.entry_id or (ref.is_by_url and ref.duplicate_of == of.entry_id)
            return is_it and ref.version != seen.version
        case _:
            return False


def _is_of_one(ref: Ref, by_url: Ref) -> bool:
    """Whether what the feed says of `ref` is about the entry that has its URL: `ref` is a duplicate of that, which came
    to the same feed later (`Shelf.adopt`)."""
    return ref.is_by_url and (by_url.entry_id, by_url.feed_id) == (ref.duplicate_of, ref.feed_id)


def _changed(connection: Connection, ref: Ref, seen: SeenEntry, now: Millis) -> tuple[Millis, Millis] | None:
    """If the feed describes the entry differently than before: when to read it again, and when it was first seen.
    Stores the new description. None if nothing has changed, or if the entry shares its URL with another, whose
    description is the one that counts. Of such a duplicate, the title stays the one it was found with (`has_moved`)."""
    if ref.is_by_url:
        connection.execute(_SAYS, {"this": ref.entry_id, "says": seen.version})
        return None
    values = {"this": ref.entry_id, "says": seen.version, "title": seen.title_key}
    row = connection.execute(_SAYS_ELSE, values).one_or_none()
    if row is None:
        return None
    return next_revision(now=now, revision=row.revision, revised_at=row.revised_at), Millis(row.first_seen_at)


def _of(record: bytes, record_id: bytes, first_seen_at: Millis) -> bytes:
    """The record with the id and the time of first sight of an entry that was known before this poll."""
    said = orjson.loads(record)
    said["id"], said["_ingest"]["first_seen_at"] = record_id.hex(), rfc3339(first_seen_at)
    return orjson.dumps(said)


def _own_page(seen: SeenEntry, ref: Ref, by_url: Ref | None) -> str | None:
    """The page to fetch for an entry. None if another entry of the feed has the same URL: that page lists several
    things and is not this entry's article, so the feed's own text is used."""
    shared = by_url is not None and by_url.feed_id == ref.feed_id and by_url.entry_id != ref.entry_id
    return None if shared else seen.page
