"""Whatever a feed and its pages say: the record is one of the published schema, and an item of JSON Feed 1.1."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests import corpus
from worker import articles, feeds
from worker.model import Attachment, Author, Entry, Feed, FeedId, Millis, ParsedFeed
from worker.output import Row, line
from worker.record import json_schema
from worker.tasks import Source, draft_from_entry, draft_from_page, draft_without_text

NOW = Millis(1_795_406_706_000)
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999, as instants."""


# --- what is to hold ------------------------------------------------------------------------------------------------

TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "url", "external_url", "title", "content_html", "content_text", "summary", "image"), str),
    **dict.fromkeys(("banner_image", "date_published", "date_modified", "language"), str),
    **dict.fromkeys(("authors", "tags", "attachments"), list),
}
URLS = ("url", "external_url", "image", "banner_image")
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def not_json_feed(item: dict[str, Any]) -> Iterator[str]:
    """What breaks a rule of https://www.jsonfeed.org/version/1.1/, "Items", "Attachments" and "Extensions"."""
    if not item.get("id"):
        yield "id is required"
    if "content_html" not in item and "content_text" not in item:
        yield "one of content_html and content_text must be there"
    for name, value in item.items():
        if name in TYPES:
            if not isinstance(value, TYPES[name]):
                yield f"{name} is {value!r}"
        elif not (name.startswith("_") and isinstance(value, dict) and "." not in name):
            yield f"{name} is neither of the format nor an extension"
    for name in URLS:
        if name in item and not is_url(item[name]):
            yield f"{name} is no URL: {item[name]!r}"
    for name in ("date_published", "date_modified"):
        if name in item and not is_date(item[name]):
            yield f"{name} is no date: {item[name]!r}"
    for author in item.get("authors", []):
        if not (author.get("name") or author.get("url") or author.get("avatar")):
            yield "an author has one of name, url and avatar"
        if "url" in author and not is_url(author["url"]):
            yield f"the author's url is none: {author['url']!r}"
    if not all(isinstance(tag, str) and tag for tag in item.get("tags", [])):
        yield "a tag is a text"
    for attachment in item.get("attachments", []):
        if not is_url(attachment.get("url", "")) or not attachment.get("mime_type"):
            yield f"an attachment has a url and a mime_type: {attachment!r}"
        for name in ("size_in_bytes", "duration_in_seconds"):
            if not isinstance(attachment.get(name, 0), int):
                yield f"{name} is a number: {attachment!r}"


def is_url(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https") and bool(urlsplit(text).hostname)
    except ValueError:
        return False


def is_date(text: str) -> bool:
    try:
        return bool(RFC_3339.fullmatch(text)) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(json_schema())


def assert_valid(body: bytes) -> None:
    """A draft, as it stands in its segment."""
    row = Row(seq=1, op="new", revision=1, ingested_at=NOW, body=body)
    record = json.loads(line(row, "w1"))
    problems = [f"{'.'.join(map(str, error.path))}: {error.message}" for error in validator().iter_errors(record)]
    assert problems + list(not_json_feed(record)) == []


# --- made up --------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
urls = st.builds(
    lambda host, path: f"http://{host}.example/{path}",
    st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True),
    st.text("abcxyz019-._~%/?=&#é", max_size=30),
)
dates = st.none() | st.integers(FIRST, LAST).map(Millis)
# What feeds gives, as its own tests hold: names, tags and kinds are never empty.
names = texts.filter(str.strip)
counts = st.none() | st.integers(0, 2**53)
entries = st.builds(
    Entry,
    guid=st.none() | names,
    url=st.none() | urls,
    external_url=st.none() | urls,
    title=st.none() | names,
    summary=st.none() | texts,
    content=st.none() | texts | texts.map(lambda text: f"<p>{text}</p><script>{text}</script>"),
    authors=st.lists(st.builds(Author, name=names, url=st.none() | urls), max_size=3).map(tuple),
    tags=st.lists(names, max_size=3).map(tuple),
    published=dates,
    updated=dates,
    language=st.none() | st.sampled_from(["en", "de-AT", "zh-Hans"]),
    image=st.none() | urls,
    attachments=st.lists(
        st.builds(
            Attachment,
            url=urls,
            mime_type=st.sampled_from(["audio/mpeg", "application/octet-stream"]),
            size_in_bytes=counts,
            duration_in_seconds=counts,
        ),
        max_size=2,
    ).map(tuple),
)
pages = st.builds(
    lambda title, meta, text: (
        f"<html><head><title>{title}</title><meta property='og:image' content='{meta}'><meta name=author "
        f"content='{meta}'><meta property='article:published_time' content='{meta}'><link rel=canonical href='{meta}'>"
        f'<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "{meta}", "datePublished": "{meta}"'
        f', "author": {{"name": "{meta}", "url": "{meta}"}}, "image": "{meta}", "keywords": "{meta}"}}</script></head>'
        f"<body><article><h1>{title}</h1><p>{text * 5}</p></article></body></html>"
    ).encode(),
    texts,
    texts
    | urls
    | st.sampled_from(["2026-11-23", "0000-00-00", "9999-12-31T23:59:60Z", "javascript:x", "//x", "http:"]),
    texts,
)


def source(entry: Entry, **changes: Any) -> Source:
    feed = Feed(id=FeedId("f"), url="https://a.example/feed", title="F", tags=("x",))
    made = Source(record_id="0" * 32, feed=feed, feed_title="T", entry=feeds.encode_entry(entry), first_seen_at=NOW)
    return dataclasses.replace(made, **changes)


@given(entries, st.none() | st.just("it was not to be had"))
def test_a_record_from_any_entry_is_valid(entry: Entry, reason: str | None) -> None:
    """From its own content, and where nothing of it could be read."""
    assert_valid(draft_from_entry(source(entry), reason).body)
    assert_valid(draft_without_text(source(entry), "it killed its reader").body)


@given(entries, pages, urls)
def test_a_record_from_any_page_is_valid(entry: Entry, page: bytes, url: str) -> None:
    """Whatever stands where a date, an address or a name should be."""
    made = source(entry, url=url, status=200, content_type="text/html", fetched_at=NOW, body=page)
    assert_valid(draft_from_page(made).body)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param({"id": ""}, id="no id"),
        pytest.param({"content_text": None}, id="no text"),
        pytest.param({"url": "javascript:x"}, id="a url that is none"),
        pytest.param({"date_published": "2026-13-01T00:00:00Z"}, id="a date that is none"),
        pytest.param({"authors": [{"name": ""}]}, id="an author without a name"),
        pytest.param({"tags": [1]}, id="a tag that is a number"),
        pytest.param({"attachments": [{"url": "http://a.example/"}]}, id="an attachment without its kind"),
        pytest.param({"writer": "x"}, id="a key of ours that is no extension"),
    ],
)
def test_what_breaks_the_format_is_seen(spoil: dict[str, Any]) -> None:
    """The rules above can fail."""
    whole = {"id": "1", "content_text": "x", "_ingest": {}}
    assert list(not_json_feed(whole)) == []
    assert list(not_json_feed(whole | spoil)) != []


# --- the corpus -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@corpus.needs_corpus
def test_every_record_of_the_corpus_is_valid() -> None:
    """Of each entry of its feeds, from what the feed carries."""
    count = 0
    for name, body in corpus.feeds().items():
        url = f"https://{name}.example/feed"
        parsed = feeds.parse(body, url=url, content_type="text/xml", known=frozenset(), now=NOW)
        assert isinstance(parsed, ParsedFeed)
        for entry in parsed.entries:
            assert_valid(draft_from_entry(source(entry), None).body)
            count += 1
    assert count > 1000


@pytest.mark.slow
@corpus.needs_corpus
def test_every_page_of_the_corpus_gives_a_valid_record() -> None:
    """With no entry beside it."""
    pages = corpus.pages(at_least=0, at_most=5_000_000)
    assert pages
    for page in pages:
        record = articles.extract(page, "https://a.example/2026/article")
        record["_ingest"]["writer"] = "w1"
        assert list(validator().iter_errors(record)) == []
        assert list(not_json_feed(dict(record))) == []
