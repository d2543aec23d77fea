"""A record and its page are enough to come to the same record again."""

from __future__ import annotations

import logging
from html import escape

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import needs_corpus, pages
from worker.feeds import encode_entry
from worker.model import Author, Entry, Feed, FeedId, Millis
from worker.pipeline.replay import changes, entry_of
from worker.record import Record
from worker.tasks import Source, draft_from_page

NOW = Millis(1_790_000_000_000)
PAGE = b"<html lang=en><head><title>Page</title></head><body><p>Only this.</p></body></html>"


def extracted(entry: Entry, body: bytes) -> Record:
    source = Source(
        record_id="0" * 32,
        feed=Feed(id=FeedId("f"), url="https://a.example/feed"),
        feed_title=None,
        entry=encode_entry(entry),
        first_seen_at=NOW,
        url="https://a.example/1",
        status=200,
        content_type="text/html; charset=utf-8",
        fetched_at=NOW,
        body=body,
    )
    record: Record = orjson.loads(draft_from_page(source).body)
    return record


TEXT = st.text("ab \n<>&;\"'é", min_size=1, max_size=30).map(str.strip).filter(bool)
TEXT |= st.sampled_from(["A &amp; B", "&amp;lt;", "<b>x</b>"])
NAMES = st.text("ab é&'", min_size=1, max_size=30).map(str.strip).filter(lambda name: any(map(str.isalpha, name)))
ENTRIES = st.builds(
    Entry,
    guid=st.just("g"),
    url=st.just("https://a.example/1"),
    title=st.none() | TEXT,
    summary=st.none() | TEXT.map(escape),
    content=st.none() | st.lists(TEXT, min_size=1, max_size=60).map(lambda ts: "".join(f"<p>{escape(t)}" for t in ts)),
    authors=st.lists(NAMES.map(lambda name: Author(name=name)), max_size=2).map(tuple),
    tags=st.lists(TEXT, max_size=2).map(tuple),
    published=st.none() | st.integers(0, NOW).map(Millis),
    updated=st.none() | st.integers(0, NOW).map(Millis),
)


@given(ENTRIES)
def test_what_the_feed_said_is_found_in_the_record(entry: Entry) -> None:
    """Title, authors, tags, dates, and its text where it stood in for the page's, whatever characters they have."""
    record = extracted(entry, PAGE)
    assert changes(record, extracted(entry_of(record), PAGE)) == {}


def test_a_field_that_the_page_gave_is_not_laid_to_the_feed() -> None:
    """So that another extractor may find another."""
    record = extracted(Entry(guid="g", url="https://a.example/1"), PAGE)
    assert record.get("title") == "Page"
    assert entry_of(record) == Entry(guid="g", url="https://a.example/1")


def test_lines_that_were_left_out_are_no_change() -> None:
    """The page says as before what it said; where it says something else, that is told."""
    body = PAGE.replace(b"Only this.", b"Only this, and what follows it.</p><p>Support us, and become a member today.")
    now = extracted(Entry(guid="g", url="https://a.example/1"), body)
    text = now["content_text"].split("\n")
    assert len(text) == 2
    cut: Record = {**now, "content_text": text[0], "_ingest": {**now["_ingest"], "removed_lines": 1}}
    assert changes(cut, now) == {}
    other = extracted(Entry(guid="g", url="https://a.example/1"), body.replace(b"Only this", b"Not only this"))
    assert changes(cut, other).keys() == {"content_text"}


@needs_corpus
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_real_pages_come_to_the_same_again() -> None:
    """A sample of the corpus, each with an entry that has a title and an author of the feed's own."""
    logging.disable(logging.CRITICAL)
    try:
        sample = pages(at_least=5_000, at_most=200_000)[::40]
        for body in sample:
            record = extracted(Entry(title="A <title> & more", authors=(Author(name="Ann"),), published=NOW), body)
            assert changes(record, extracted(entry_of(record), body)) == {}
    finally:
        logging.disable(logging.NOTSET)
    assert len(sample) >= 8
