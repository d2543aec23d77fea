"""Entries that are drafted with their feed, called in place: the same drafts as by work of their own, within bounds."""

from __future__ import annotations

import orjson
import pytest

from tests.whole.pages import item, prose, rss
from worker.feeds import decode_entry
from worker.model import Backlog, Draft, Entry, Feed, FeedId, Filter, Millis, Rules
from worker.tasks import Drafting, FeedRead, Source, draft_from_entry, entries, read_feed

NOW = Millis(1_790_000_000_000)
FEED = Feed(id=FeedId("f"), url="https://a.example/feed", full_text="never", tags=("mine",))
FIRST = Drafting(first=True, feed_title="Before", seconds=60)
LATER = Drafting(first=False, feed_title="Before", seconds=60)
ITEMS = (
    item("1", "https://a.example/1", "Heron", prose("heron")),
    item("2", "https://a.example/2", "Egret", f"<p>{prose('egret')}</p><p>{prose('stork')}</p>"),
    item("3", None, "Nothing to read"),
)


def read(body: bytes, drafting: Drafting | None, *, feed: Feed = FEED, link_duplicates: bool = False) -> FeedRead:
    found = read_feed(
        body,
        url=FEED.url,
        content_type="application/rss+xml",
        known=frozenset(),
        feed=feed,
        now=NOW,
        link_duplicates=link_duplicates,
        drafting=drafting,
    )
    assert isinstance(found, FeedRead)
    return found


def drafted(found: FeedRead) -> list[bool]:
    return [seen.draft is not None for seen in found.entries]


@pytest.mark.parametrize("link_duplicates", [False, True])
@pytest.mark.parametrize("titled", [True, False])
def test_the_drafts_are_those_of_work_of_their_own(link_duplicates: bool, titled: bool) -> None:
    """To the byte: made of the entry as the store would have kept it, with the feed's title as the store knows it."""
    body = rss(*ITEMS) if titled else rss(*ITEMS).replace(b"<title>Tests</title>", b"")
    for feed in (FEED, Feed(id=FEED.id, url=FEED.url, rules=Rules(skip=(Filter(place="1", language=("und",)),)))):
        for seen in read(body, FIRST, feed=feed, link_duplicates=link_duplicates).entries:
            source = Source(
                record_id=seen.own.hex(),
                feed=feed,
                feed_title="Tests" if titled else "Before",
                entry=seen.entry,
                first_seen_at=NOW,
                link_duplicates=link_duplicates,
            )
            assert (seen.draft is None) == (seen.page is not None)
            assert seen.draft in (None, draft_from_entry(source, None))


def test_entries_that_are_left_out_or_have_a_page_are_not_drafted() -> None:
    """By a filter, or as too old for the feed's first poll; a draft would be thrown away, or poorer than the page."""
    assert drafted(read(rss(*ITEMS), FIRST)) == [True, True, True]
    skipping = Feed(
        id=FEED.id, url=FEED.url, full_text="never", rules=Rules(skip=(Filter(place="1", title=("egret",)),))
    )
    assert drafted(read(rss(*ITEMS), FIRST, feed=skipping)) == [True, False, True]
    behind = Feed(id=FEED.id, url=FEED.url, full_text="never", rules=Rules(backlog=Backlog(newest=1)))
    assert drafted(read(rss(*ITEMS), FIRST, feed=behind)) == [True, False, False]
    assert drafted(read(rss(*ITEMS), LATER, feed=behind)) == [True, True, True]
    paged = Feed(id=FEED.id, url=FEED.url)
    assert drafted(read(rss(*ITEMS), FIRST, feed=paged)) == [False, False, True]
    assert drafted(read(rss(*ITEMS), None)) == [False, False, False]


def test_malformed_documents_are_drafted_once() -> None:
    """All that they show comes with each poll, and only the store knows what of it is new."""
    broken = rss(*ITEMS).removesuffix(b"</rss>")
    assert drafted(read(broken, FIRST)) == [True, True, True]
    assert drafted(read(broken, LATER)) == [False, False, False]


def test_drafting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In time, in bytes, and an entry that can't be drafted costs no other its draft."""
    assert drafted(read(rss(*ITEMS), Drafting(first=True, feed_title=None, seconds=0))) == [False, False, False]
    one = next(seen.draft for seen in read(rss(ITEMS[2]), FIRST).entries)
    assert one is not None
    with monkeypatch.context() as changed:
        changed.setattr(entries, "DRAFT_BYTES", len(one.body) + len(one.lines))
        assert drafted(read(rss(*ITEMS), FIRST)) == [False, False, True]
    made = entries.from_entry

    def failing(entry: Entry, source: Source, reason: str | None) -> Draft:
        if entry.title == "Egret":
            raise ValueError("a defect")
        return made(entry, source, reason)

    monkeypatch.setattr(entries, "from_entry", failing)
    found = read(rss(*ITEMS), FIRST)
    assert drafted(found) == [True, False, True]
    assert decode_entry(found.entries[1].entry).title == "Egret"


def test_a_feeds_title_is_its_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the document does not say stands as it was."""
    untitled = rss(*ITEMS).replace(b"<title>Tests</title>", b"")
    titles = [
        orjson.loads(seen.draft.body)["_ingest"]["feed_title"] for seen in read(untitled, LATER).entries if seen.draft
    ]
    assert titles == ["Before"] * 3
