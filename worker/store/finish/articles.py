"""Articles judged together: most are plain, and are written with a few statements for all of them.

A statement costs many times what one more row in it does. An article is plain if it is new and its text, URLs and word
sequences belong to no other article, neither a known one nor an earlier one of the batch; or if it is new, has the same
text as another, and nothing more has to be said about that. All others are judged singly (`entries.finish_entry`) when
their turn comes, after everything before them has been written. If that writes anything, what was read for the rest of
the batch is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from worker.dedup import Ref
from worker.model import EntryId, Finished, Millis, Sketch
from worker.store.database import tables as t
from worker.store.database.batches import to
from worker.store.database.dialects import Among, Many
from worker.store.database.locks import hold_entries, is_shared
from worker.store.finish.duplicates import mark_copies
from worker.store.finish.ends import take_off_all
from worker.store.finish.entries import WRITTEN, WRITTEN_VALUES, finish_entry, written_values
from worker.store.finish.ingestion import Ingestion, Near
from worker.store.known import stories
from worker.store.known.graves import dead_keys
from worker.store.known.keys import by_stored, stored
from worker.store.known.owners import let_home_have, says_of_another
from worker.store.known.records import RECORD, outbox_values
from worker.store.known.refs import COLUMNS, ref
from worker.store.known.stories import Story
from worker.store.known.texts import claim_texts

AT_ONCE, AFTER_A_WRITE = 256, 4
"""For how many articles the store is read at once: normally AT_ONCE. After an article that made what was read void,
AFTER_A_WRITE, then twice as many each time."""

_REFS = Among(lambda which: select(*COLUMNS).where(which(t.entry.c.id)))
_TEXTS = Among(
    lambda which: (
        select(t.content.c.key, t.content.c.expires_at, *COLUMNS)
        .join(t.entry, t.entry.c.id == t.content.c.entry_id)
        .where(which(t.content.c.key))
    )
)
_CREDITING = Among(lambda which: select(t.reprint.c.entry_id).where(which(t.reprint.c.entry_id)))
_KNOWN = Among(lambda which: select(t.identity.c.key).where(which(t.identity.c.key)))
_AGAIN = Among(lambda which: select(t.work.c.id).where(which(t.work.c.id), t.work.c.again))
_KNOW, _RECORD, _WRITTEN = Many(insert(t.identity)), Many(RECORD), Many(WRITTEN)
_NEW = Finished(op="new")


class _Plain(NamedTuple):
    done: Ingestion
    me: Ref
    story: Story


class _Copy(NamedTuple):
    done: Ingestion
    me: Ref
    of: Ref
    """The entry that has the same text."""


def finish_articles(
    connection: Connection, batch: Sequence[Ingestion], *, window_ms: int, near: Near
) -> list[Finished]:
    """Returns what became of each, the same as if `finish_entry` had been called for one after the other."""
    hold_entries(connection, [done.entry_id for done in batch])
    results: list[Finished] = []
    most = AT_ONCE
    while len(results) < len(batch):
        some = batch[len(results) : len(results) + most]
        ended = _finish_some(connection, some, window_ms=window_ms, near=near)
        results += ended
        most = min(AT_ONCE, 2 * most) if len(ended) == len(some) else AFTER_A_WRITE
    return results


def _finish_some(connection: Connection, some: Sequence[Ingestion], *, window_ms: int, near: Near) -> list[Finished]:
    """Finishes the first articles of `some`, up to and including the first that made void what was read for the others.
    Returns what became of them."""
    read = _Read(connection, some, near)
    plain: list[_Plain] = []
    copies: list[_Copy] = []
    results: list[Finished] = []
    for done in some:
        me = read.refs.get(done.entry_id)
        if me is None:  # removed with an earlier one of the batch, or freed by it and new again with the next poll
            results.append(Finished())
            continue
        story = read.story_of_plain(done)
        if story is not None:
            plain.append(_Plain(done, me, story))
            results.append(_NEW)
            continue
        of = read.owner_of_plain(done)
        if of is not None:
            copies.append(_Copy(done, me, of))
            results.append(Finished(duplicates=1, duplicate_of=of.record_id))
            continue
        _write(connection, plain, copies, window_ms=window_ms)
        plain.clear()
        copies.clear()
        results.append(finish_entry(connection, done, window_ms=window_ms, near=near))
        # If nothing was written, what was read still holds: at worst, one more article than needed is judged singly.
        if results[-1].op is not None or read.is_dead(done):
            return results
    _write(connection, plain, copies, window_ms=window_ms)
    return results


class _Read:
    """What the store knows that these articles may match, and what the plain ones among them add to it."""

    def __init__(self, connection: Connection, some: Sequence[Ingestion], near: Near) -> None:
        drafts = [done.draft for done in some]
        text_keys = {draft.text_key for draft in drafts if draft.text_key is not None}
        url_keys = {key for draft in drafts for key in draft.url_keys}
        self._near = near
        self.refs = {done.entry_id: done.new for done in some if done.new is not None}
        known = {done.entry_id for done in some if done.new is None}
        self.refs.update((row.id, ref(row)) for row in _REFS.rows(connection, known))
        self._dead = dead_keys(connection, {key for draft in drafts for key in draft.barred_by})
        texts = _TEXTS.rows(connection, {stored(key) for key in text_keys})
        self._texts = by_stored({row.key: (ref(row), row.expires_at) for row in texts}, text_keys)
        owners = {of.entry_id for of, _ in self._texts.values()}
        self._crediting = {row.entry_id for row in _CREDITING.rows(connection, owners)}
        self._is_shared = is_shared(connection)
        taken = {row.key for row in _KNOWN.rows(connection, {stored(key) for key in url_keys})}
        self._known = {key for key in url_keys if stored(key) in taken}
        self._again = {row.id for row in _AGAIN.rows(connection, {done.work_id for done in some} - {None})}
        self._holders: dict[int, int] = {}
        self._filed: dict[int, tuple[Ref, Sketch, Millis]] = {}
        if near != "off":
            probes = {probe for draft in drafts if draft.sketch for probe in draft.sketch.probes}
            self._holders = stories.holders(connection, probes)
            self._filed = stories.filed(connection, set(self._holders.values()))

    def is_dead(self, done: Ingestion) -> bool:
        return bool(self._dead) and not self._dead.isdisjoint(done.draft.barred_by)

    def story_of_plain(self, done: Ingestion) -> Story | None:
        """The story of the article if it is plain, and remembers the article for those that follow; None if it is not
        plain."""
        draft, me = done.draft, self.refs[done.entry_id]
        if not self._is_plain(done) or self._owner(done) is not None:
            return None
        story = stories.NO_STORY if self._near == "off" else self._story(done, me)
        if story is not None:
            self._known.update(draft.url_keys)
            if draft.text_key is not None:
                self._texts[draft.text_key] = stories.as_written(me, draft), Millis(t.FAR)
        return story

    def owner_of_plain(self, done: Ingestion) -> Ref | None:
        """The entry that has the text of this article, if the article is plainly its copy; None if not, or if more has
        to be looked at: that entry may credit another article for the text, or be changed by other processes that share
        the state."""
        of = self._owner(done)
        if of is None or self._is_shared or done.draft.pointer is not None or not self._is_plain(done):
            return None
        me = self.refs[done.entry_id]
        asks = of.entry_id in self._crediting or of.entry_id == me.entry_id or says_of_another(me, of)
        return None if asks else of

    def _is_plain(self, done: Ingestion) -> bool:
        """Whether nothing of the article, except perhaps its text, can belong to another."""
        draft, me = done.draft, self.refs[done.entry_id]
        of_its_own = me.revision == 0 and (me.duplicate_of, me.cluster_id, me.copy_of) == (None, None, None)
        if not of_its_own or done.work_id in self._again or draft.skipped is not None or draft.credit is not None:
            return False
        return not self.is_dead(done) and self._known.isdisjoint(draft.url_keys)

    def _owner(self, done: Ingestion) -> Ref | None:
        of, until = self._texts.get(done.draft.text_key or b"", (None, done.at))
        return of if until > done.at else None

    def _story(self, done: Ingestion, me: Ref) -> Story | None:
        """A story of its own; None if it belongs to the story of another article."""
        sketch = done.draft.sketch
        if sketch is None:
            return Story()
        others = {self._holders[probe] for probe in sketch.probes if probe in self._holders} - {me.entry_id}
        met = (self._filed[other] for other in sorted(others) if other in self._filed)
        if stories.likest(me, sketch, ((of, theirs) for of, theirs, until in met if until > done.at)):
            return None
        free = [probe for probe in sketch.probes if self._holders.get(probe, me.entry_id) == me.entry_id]
        for probe in free[: stories.FILED]:
            self._holders[probe] = me.entry_id
        if free:
            self._filed[me.entry_id] = (stories.as_written(me, done.draft), sketch, Millis(t.FAR))
        return Story(cluster_id=me.record_id, free=free)


def _write(connection: Connection, plain: Sequence[_Plain], copies: Sequence[_Copy], *, window_ms: int) -> None:
    _write_records(connection, plain, window_ms=window_ms)
    if copies:
        mark_copies(connection, copies)


def _write_records(connection: Connection, plain: Sequence[_Plain], *, window_ms: int) -> None:
    """Writes records, keys, texts and sketches of plain articles, and takes their work off the queue or postpones it to
    the next look at the page."""
    if not plain:
        return
    records = [
        outbox_values(
            "new",
            id=me.record_id,
            revision=1,
            body=done.draft.body,
            at=done.at,
            story=story,
            lines=(done.draft.site, done.draft.lines),
            seen_with=me.entry_id,
        )
        for done, me, story in plain
    ]
    _RECORD.execute(connection, records)
    written = [{"this": me.entry_id} | to(written_values(done, me, story), WRITTEN_VALUES) for done, me, story in plain]
    _WRITTEN.execute(connection, written)
    texts = [(done.draft.text_key, me.entry_id, done.at) for done, me, _ in plain if done.draft.text_key is not None]
    claim_texts(connection, texts, window_ms)
    stories.file(
        connection,
        [
            (EntryId(me.entry_id), done.draft.sketch, story.free, Millis(done.at + window_ms))
            for done, me, story in plain
            if done.draft.sketch is not None
        ],
    )
    urls = [
        {"key": stored(key), "entry_id": me.entry_id, "extra": True}
        for done, me, _ in plain
        for key in sorted({*done.draft.url_keys})
    ]
    _KNOW.execute(connection, urls)
    take_off_all(connection, [done for done, _, _ in plain])
    # An entry that came with its poll is new in this commit, so that nothing can be its duplicate yet.
    came_before = [(done, me) for done, me, _ in plain if done.new is None]
    by_page = {me.entry_id for done, me in came_before if done.draft.extraction == "ok"}
    let_home_have(connection, [me for _, me in came_before], by_page=by_page)
