"""What has to come of all that feeds and pages said: against the state, and against the output."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from tests.pipeline.life import Item, Life, Page
from tests.store.samples import ask
from worker import feeds, tasks
from worker.model import Feed, SeenEntry
from worker.record import Record
from worker.store.known.keys import stored

SAID = ("title", "content_text", "authors", "date_published")
"""What an update has to change, but for whom it names."""


class Root(NamedTuple):
    """The entry that stands for another, or for itself."""

    id: str
    revision: int
    skipped: str | None
    reason: str | None
    is_own: bool


class Ledger:
    """Told of what hangs together, and of what was taken down; all else it asks of the sites, as they are."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._ties: dict[object, set[object]] = defaultdict(set)
        self._taken: set[object] = set()
        self._taken_ids: set[str] = set()
        self.renamed: set[tuple[str, str]] = set()
        """Entries that had another guid or link: what they were and what they are may be two articles."""
        self.german: set[str] = set()
        """Pages that ever were in that language."""

    def tie(self, *things: object) -> None:
        """What a takedown of one of these may take with it: entries, their links and texts."""
        known = [thing for thing in things if thing]
        for one in known:
            self._ties[one].update(known)

    def take_down(self, thing: object, *, id: str | None = None) -> None:
        """id: of its record."""
        self._taken.add(thing)
        self._taken_ids |= {id} - {None}

    def _is_excused(self, *things: object) -> bool:
        """Whether something was taken down that hangs together with one of these."""
        seen: set[object] = set()
        left = list(things)
        while left:
            one = left.pop()
            if one not in seen:
                seen.add(one)
                left += self._ties[one]
        return not seen.isdisjoint(self._taken)

    # --- what holds when all is settled ---

    def check(self, when: str, *, final: bool = False) -> None:
        """final: everything said something else since it was checked before."""
        records = self._life.records()
        check_revisions(records)
        newest = {record["id"]: record for record in records}
        self._check_takedowns(records)
        for feed in self._life.known.values():
            seen = self._seen(feed)
            for name, item in self._life.web.feeds[feed.url].items():
                self._check_entry(f"{name} of {feed.id}, {when}", feed, name, item, seen[item.title], newest, final)
        if final and not self.renamed:
            by_url: dict[str, list[str]] = defaultdict(list)
            for id, record in newest.items():
                if is_live(record) and "url" in record:
                    by_url[record["url"]].append(id)
            assert {url: ids for url, ids in by_url.items() if len(ids) > 1} == {}, "URLs with more than one record"

    def _check_takedowns(self, records: list[Record]) -> None:
        there = [record for record in records if record["_ingest"]["op"] != "delete"]
        assert {record["id"] for record in there}.isdisjoint(self._taken_ids), "a record was taken down, and is there"
        assert {record.get("url") for record in there}.isdisjoint(self._taken), "a URL was taken down, and is there"

    def _check_entry(
        self, what: str, feed: Feed, name: str, item: Item, seen: SeenEntry, newest: dict[str, Record], final: bool
    ) -> None:
        excused = self._is_excused(("entry", feed.id, name), item.link, item.text)
        root = self._root(seen)
        if root is None:
            assert excused, f"{what}, is not known, and nobody took it down"
            return
        if root.skipped is not None:
            left_out = seen.skipped is not None or (item.link in self.german and bool(feed.rules.filters_key))
            assert left_out or excused, f"{what}, is left out by its {root.skipped}: {root.reason}"
            return
        assert root.revision, f"{what}, is lost"
        record = newest.get(root.id)
        assert record is not None, f"{what}, has no record"
        if not is_live(record):
            assert record["_ingest"]["op"] == "delete", f"{what}, ends with {record['_ingest']['op']}"
            assert self._is_gone(record), f"{what}, was deleted, and its page is there"
        elif final and root.is_own:
            page = self._life.web.pages.get(item.link or "", Page(status=404))
            wanted = [page.text] if page.status == 200 and feed.full_text != "never" else [item.text]
            if page.status == 200 and name.startswith("shared"):
                wanted.append(page.text)  # another feed has had the article while this one was not listed
            said = record["content_text"]
            assert any(words in said for words in wanted), f"{what}, does not say its last words ({root.id})"
        elif final and not excused and (feed.id, name) not in self.renamed:
            assert name.startswith("shared"), f"{what}, says something else than {root.id}, whose duplicate it is"

    def _is_gone(self, record: Record) -> bool:
        page = self._life.web.pages.get(record["_ingest"]["entry_url"] or "")
        return page is not None and page.status in (404, 410)

    def _seen(self, feed: Feed) -> dict[str | None, SeenEntry]:
        """The entries that a feed shows, as a poll would judge them, by their titles."""
        read = tasks.read_feed(
            self._life.web.document(feed.url),
            url=feed.url,
            content_type="application/rss+xml",
            known=frozenset(),
            feed=feed,
            now=self._life.now,
            link_duplicates=False,
        )
        assert isinstance(read, tasks.FeedRead)
        return {feeds.decode_entry(seen.entry).title: seen for seen in read.entries}

    def _root(self, seen: SeenEntry) -> Root | None:
        for key in (*seen.look_up, seen.own):
            found = ask(
                self._life.state,
                "SELECT root.record_id, root.revision, root.skipped, root.reason, root.id = entry.id "
                "FROM identity JOIN entry ON entry.id = identity.entry_id "
                "JOIN entry root ON root.id = coalesce(entry.duplicate_of, entry.id) WHERE identity.key = ?",
                stored(key),
            )
            for id, revision, skipped, reason, is_own in found:
                return Root(bytes(id).hex(), revision, skipped, reason, bool(is_own))
        return None


def is_live(record: Record) -> bool:
    """It has a content."""
    return record["_ingest"]["op"] in ("new", "update")


def check_revisions(records: list[Record]) -> None:
    """One `new` each, revisions that rise by one, and no update that says nothing new."""
    last: dict[str, Record] = {}
    for record in records:
        id, ingest, before = record["id"], record["_ingest"], last.get(record["id"])
        last[id] = record
        if ingest["op"] == "delete" and "url" not in record:
            continue  # a notice: what came before it is taken out
        if before is None:
            assert (ingest["op"], ingest["revision"]) in (("new", 1), ("duplicate", 1)), f"{id} begins in the middle"
            continue
        assert ingest["op"] in ("update", "delete") or not is_live(before), f"{id} is {ingest['op']} once more"
        assert ingest["revision"] == before["_ingest"]["revision"] + 1, f"a revision of {id} is missing"
        if ingest["op"] == "update" and is_live(before):
            told = [[r.get(part) for part in SAID] + [r["_ingest"]["duplicate_of"]] for r in (before, record)]
            assert told[0] != told[1], f"an update of {id} says nothing new"
