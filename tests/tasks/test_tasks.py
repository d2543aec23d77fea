"""What the CPU processes do, called in place."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import orjson
import pytest

from worker import dedup
from worker.cpu.pool import Pool
from worker.feeds import encode_entry
from worker.model import (
    Attachment,
    Author,
    Draft,
    Entry,
    Feed,
    FeedId,
    Filter,
    FullText,
    Millis,
    NotAFeed,
    Rules,
    SeenEntry,
)
from worker.tasks import (
    FeedRead,
    Source,
    draft_from_entry,
    draft_from_page,
    draft_without_text,
    read_feed,
    without_secrets,
)
from worker.wiring.means import PRELOAD

NOW = Millis(1_790_000_000_000)
FEED = Feed(id=FeedId("f"), url="https://a.example/feed", tags=("mine",), headers={"Authorization": "secret"})
TEXT = " ".join(f"The heron number {n} stood in the reeds and waited for a fish." for n in range(12))


def read(*items: str, full_text: FullText = "auto", link_duplicates: bool = False) -> FeedRead:
    body = (
        f"<rss version='2.0'><channel><title>F</title><link>https://a.example/</link>{''.join(items)}</channel></rss>"
    )
    feed = Feed(id=FEED.id, url=FEED.url, full_text=full_text)
    found = read_feed(
        body.encode(),
        url=FEED.url,
        content_type="application/rss+xml",
        known=frozenset(),
        feed=feed,
        now=NOW,
        link_duplicates=link_duplicates,
    )
    assert isinstance(found, FeedRead)
    return found


def item(guid: str, link: str) -> str:
    return f"<item><guid isPermaLink='false'>{guid}</guid><title>T</title><link>{escape(link)}</link></item>"


def pages(found: FeedRead) -> list[tuple[str | None, str]]:
    return [(seen.page, seen.host) for seen in found.entries]


def test_an_entry_asks_for_its_page_at_the_pages_host() -> None:
    """The link as it stands, not its canonical form: that is a key, not an address."""
    found = read(item("1", "https://b.example/x?utm_source=f"))
    assert pages(found) == [("https://b.example/x?utm_source=f", "b.example")]
    assert found.entries[0].url == "https://b.example/x"
    assert (found.title, found.site_url) == ("F", "https://a.example/")


def test_a_copy_in_an_amp_cache_is_asked_for_at_its_own_site() -> None:
    """And is the page that stands there, also where another entry links to it."""
    copy, own = "https://b-example.cdn.ampproject.org/c/s/b.example/x?usqp=1", "https://b.example/x"
    found = read(item("1", copy))
    assert pages(found) == [(own, "b.example")]
    assert found.entries[0].url == own
    assert found.entries[0].url_key == read(item("2", own)).entries[0].url_key
    entry = Entry(guid="1", url=copy, title="Herons")
    made = record(draft_from_page(source(page(), url=own, entry=encode_entry(entry))))
    assert (made["url"], made["_ingest"]["sources"]["url"]) == (own, "page")
    assert record(draft_from_entry(source(entry=encode_entry(entry)), "404"))["_ingest"]["sources"]["url"] == "feed"


@pytest.mark.parametrize(
    ("items", "full_text"),
    [
        pytest.param([item("1", "https://b.example/x")], "never", id="no page is wanted"),
        pytest.param([item("1", "https://a.example/")], "auto", id="the front page"),
        pytest.param([item(str(n), "https://a.example/log") for n in (1, 2)], "auto", id="a link that two share"),
        pytest.param([item("1", "")], "auto", id="no link"),
    ],
)
def test_no_page_is_asked_for_where_there_is_none_of_its_own(items: list[str], full_text: FullText) -> None:
    """The feed's own words serve, and no host's turn has to be waited for."""
    assert set(pages(read(*items, full_text=full_text))) == {(None, "")}


def test_what_is_no_feed_is_said_to_be_none() -> None:
    """A value, not an error."""
    found = read_feed(
        b"<!doctype html><title>Hi</title>",
        url=FEED.url,
        content_type="text/html",
        known=frozenset(),
        feed=FEED,
        now=NOW,
        link_duplicates=False,
    )
    assert isinstance(found, NotAFeed)


def test_a_pointer_is_made_only_where_duplicates_are_linked() -> None:
    """It says who the entry is, and has no content."""
    (plain,) = read(item("1", "https://b.example/x")).entries
    (linked,) = read(item("1", "https://b.example/x"), link_duplicates=True).entries
    assert plain.pointer is None
    assert isinstance(linked, SeenEntry)
    assert linked.pointer is not None
    record = orjson.loads(linked.pointer)
    assert (record["id"], record["title"], record["content_text"]) == (linked.own.hex(), "T", "")


ENTRY = Entry(
    guid="g",
    url="https://b.example/x?utm_source=f",
    title="Herons",
    summary="<p>About herons.</p>",
    content=f"<p>{TEXT}</p>",
    authors=(Author(name="Ada"),),
    published=NOW,
    attachments=(Attachment(url="https://b.example/a.mp3", mime_type="audio/mpeg"),),
)


def source(body: str = "", *, url: str | None = "https://b.example/x", **changes: object) -> Source:
    values: dict[str, object] = {
        "record_id": "0" * 32,
        "feed": without_secrets(FEED),
        "feed_title": "F",
        "entry": encode_entry(ENTRY),
        "first_seen_at": NOW,
        "url": url,
        "status": 200,
        "content_type": "text/html; charset=utf-8",
        "body": body.encode(),
    }
    return Source(**(values | changes))  # type: ignore[arg-type]


def page(text: str = TEXT, canonical: str = "") -> str:
    link = f"<link rel=canonical href='{canonical}'>" if canonical else ""
    return f"<html lang=en><head><title>Herons</title>{link}</head><body><article><p>{text}</p></article></body></html>"


def record(draft: Draft) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(draft.body)
    return found


def test_a_page_gives_the_record_its_text_and_its_address() -> None:
    """rel=canonical where it is believable, and its key is claimed."""
    draft = draft_from_page(source(page(canonical="https://b.example/herons")))
    assert record(draft)["url"] == "https://b.example/herons"
    assert record(draft)["content_text"] == TEXT
    assert draft.extraction == "ok"
    assert len(draft.url_keys) == 1  # where the page came from is the entry's own link, without its tracking
    assert draft.text_key is not None


def test_a_page_without_an_article_leaves_the_entrys_own_address() -> None:
    """Where a redirect led is believed only of a page that was an article."""
    draft = draft_from_page(source("", url="https://b.example/consent"))
    assert record(draft)["url"] == "https://b.example/x"
    assert draft.extraction == "feed_only"
    assert draft.url_keys == ()


@pytest.mark.parametrize(
    ("ended_at", "led"),
    [
        pytest.param("https://c.example/y", True, id="another site"),
        pytest.param("https://www.b.example/y", False, id="the same"),
        pytest.param("https://b.example/x", False, id="nowhere else"),
    ],
)
def test_a_page_of_another_site_to_which_a_link_led_is_told_from_those_of_its_own(ended_at: str, led: bool) -> None:
    """Only the fetch tells that: `led_key` is among its keys."""
    draft = draft_from_page(source(page(), url=ended_at))
    assert (dedup.led_key(ended_at) in draft.url_keys) == led
    assert dedup.led_key(ended_at) not in draft_from_page(source("", url=ended_at)).url_keys


def test_the_feeds_own_content_serves_with_its_reason() -> None:
    """And without one where no page was wanted."""
    never = Feed(id=FEED.id, url=FEED.url, full_text="never")
    told, wanted = draft_from_entry(source(), "404 Not Found"), draft_from_entry(source(feed=never), None)
    assert (told.extraction, told.reason) == ("feed_only", "404 Not Found")
    assert (wanted.extraction, wanted.reason) == ("skipped", None)
    shared = draft_from_entry(source(), None)
    assert (shared.extraction, "other entries share it" in (shared.reason or "")) == ("feed_only", True)
    assert told.revision_key == wanted.revision_key


def test_the_record_s_address_does_not_say_that_it_comes_from_a_feed() -> None:
    """The entry is still known by its link; the shorter address is its own, too, so other feeds may have it."""
    link = "https://b.example/x?ref=rss"
    (seen,) = read(item("1", link), link_duplicates=True).entries
    assert (seen.url, seen.page) == (link, link)
    assert orjson.loads(seen.pointer or b"")["url"] == "https://b.example/x"
    entry = encode_entry(replace(ENTRY, url=link))
    never = Feed(id=FEED.id, url=FEED.url, full_text="never")
    for draft in (
        draft_from_page(source(page(), url=link, entry=entry)),
        draft_from_entry(source(entry=entry, feed=never), None),
    ):
        assert record(draft)["url"] == "https://b.example/x"
        assert draft.url_keys == (dedup.url_key("https://b.example/x"),)


def test_filters_go_by_the_language_that_is_stated() -> None:
    """Not by the one that the text tells, which the record has: what nobody states matches only `und`."""
    text = page("The harbour is open again, and the first of the ferries left at dawn for the island. " * 3)
    for stated, left_out in (("en", "en"), ("", "und")):
        for wanted in ("en", "und"):
            rules = Rules(skip=(Filter(place="skip", language=(wanted,)),))
            feed = Feed(id=FEED.id, url=FEED.url, rules=rules)
            draft = draft_from_page(source(text.replace("lang=en", f"lang='{stated}'"), feed=feed))
            assert record(draft)["language"] == "en"
            assert (draft.skipped is not None) is (wanted == left_out)


def test_what_no_parser_may_touch_still_makes_a_record() -> None:
    """Title, authors, date and attachments, which need no parsing."""
    draft = draft_without_text(source(), "it hung")
    made = record(draft)
    assert (made["title"], made["content_text"], draft.extraction) == ("Herons", "", "failed")
    assert made["attachments"] == [{"url": "https://b.example/a.mp3", "mime_type": "audio/mpeg"}]


def test_a_draft_says_where_its_lines_stand() -> None:
    """Under the page's host; what the feed has of an article, under feed and host. There is a key for each line."""
    by_page = draft_from_page(source(page(f"{TEXT}</p><p>Share"), url="https://www.b.example/x"))
    by_feed = draft_from_entry(source(), None)
    assert (by_page.site, by_feed.site) == ("b.example", "f b.example")
    text = orjson.loads(by_page.body)["content_text"]
    assert by_page.lines == dedup.line_keys(text, title="Herons", authors=["Ada"], published=NOW)
    assert draft_without_text(source(), "it hung").lines == b""


def test_pointers_of_drafts_have_no_content() -> None:
    """The same record otherwise."""
    draft = draft_from_page(source(page(), link_duplicates=True))
    assert draft.pointer is not None
    assert orjson.loads(draft.pointer) == record(draft) | {"content_text": ""}


def test_no_secret_goes_to_the_cpu_processes() -> None:
    """What parses strangers' bytes knows no headers."""
    assert FEED.headers
    assert without_secrets(FEED).headers == {}


async def test_a_cpu_process_starts_with_what_it_needs_alone() -> None:
    """Neither the state nor the network nor logs, which would double what each start of a worker takes; and nothing is
    left to be loaded by each child for itself."""
    async with Pool(workers=1, timeout_s=60, preload=PRELOAD) as pool:
        loaded = set(await pool.run(eval, "list(__import__('sys').modules)"))
        await pool.run(draft_from_page, source(f"<article><h1>Heron</h1><p>{TEXT}</p></article>"))
        await pool.run(draft_from_entry, source(), "no page")
        more = set(await pool.run(eval, "list(__import__('sys').modules)")) - loaded
    assert {"worker.cpu.child", "worker.tasks", "trafilatura", "feedparser"} <= loaded
    assert (
        not {"asyncio", "sqlalchemy", "structlog", "httpx", "worker.store", "worker.fetch", "worker.settings"} & loaded
    )
    assert not more
