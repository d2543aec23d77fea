"""compose.py, single.py and the room's door: articles to records."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import orjson
import pytest

from worker.articles import compose, extract, single
from worker.dedup import content_hash
from worker.model import Article, Attachment, Author, Entry, Feed, FeedId, Millis
from worker.record import Record, json_schema

URL = "https://news.example/2024/harbour?utm_source=rss"
AT = Millis(1_714_557_600_000)
ARTICLE = Article(
    extraction="ok",
    extractor="trafilatura-2.3.1",
    text="The harbour opened.\nThe ferry left.",
    title="Harbour",
    summary="It opened.",
    authors=(Author(name="Ada Lindqvist", url="https://news.example/ada"), Author(name="Bo Ek")),
    tags=("sea",),
    published=AT,
    modified=Millis(AT + 1),
    date_precision="second",
    language="en-GB",
    image="https://news.example/1.jpg",
    publisher="The Westmere News",
    section="Local",
    license="https://news.example/by",
    sources={"title": "feed"},
)
ENTRY = Entry(
    guid="tag:1",
    url=URL,
    external_url="https://other.example/",
    attachments=(
        Attachment(url="https://news.example/1.mp3", mime_type="audio/mpeg", size_in_bytes=7, duration_in_seconds=0),
        Attachment(url="https://news.example/1.pdf", mime_type="application/pdf"),
    ),
)
FEED = Feed(
    id=FeedId("westmere"),
    url="https://news.example/feed",
    public_url="https://news.example/feed",
    title="Listed as",
    tags=("local",),
)


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema())


def composed(
    article: Article = ARTICLE, entry: Entry | None = ENTRY, feed: Feed | None = FEED, **changes: Any
) -> Record:
    said: dict[str, Any] = {
        "record_id": "0" * 32,
        "url": "https://news.example/2024/harbour",
        "feed_title": "Westmere News",
        "first_seen_at": AT,
        "fetched_at": Millis(AT + 1000),
        "final_url": "https://news.example/2024/harbour",
        "http_status": 200,
        "content_hash": content_hash(article.text),
    }
    return compose(article, entry=entry, feed=feed, **(said | changes))


def test_a_full_record_has_everything() -> None:
    """Every field of article, entry and feed in its place; the commit's own as placeholders."""
    assert composed() == {
        "id": "0" * 32,
        "url": "https://news.example/2024/harbour",
        "external_url": "https://other.example/",
        "title": "Harbour",
        "content_text": "The harbour opened.\nThe ferry left.",
        "summary": "It opened.",
        "image": "https://news.example/1.jpg",
        "date_published": "2024-05-01T10:00:00Z",
        "date_modified": "2024-05-01T10:00:00.001Z",
        "authors": [{"name": "Ada Lindqvist", "url": "https://news.example/ada"}, {"name": "Bo Ek"}],
        "tags": ["sea"],
        "language": "en-GB",
        "attachments": [
            {
                "url": "https://news.example/1.mp3",
                "mime_type": "audio/mpeg",
                "size_in_bytes": 7,
                "duration_in_seconds": 0,
            },
            {"url": "https://news.example/1.pdf", "mime_type": "application/pdf"},
        ],
        "_ingest": {
            "schema": 1,
            "writer": "",
            "seq": 0,
            "op": "new",
            "revision": 1,
            "ingested_at": "",
            "first_seen_at": "2024-05-01T10:00:00Z",
            "fetched_at": "2024-05-01T10:00:01Z",
            "feed_id": "westmere",
            "feed_url": "https://news.example/feed",
            "feed_title": FEED.title,
            "feed_tags": ["local"],
            "entry_id": "tag:1",
            "entry_url": URL,
            "final_url": "https://news.example/2024/harbour",
            "http_status": 200,
            "content_hash": content_hash(ARTICLE.text),
            "fingerprint": None,
            "cluster_id": None,
            "duplicate_of": None,
            "duplicate_kind": None,
            "extraction": "ok",
            "extractor": "trafilatura-2.3.1",
            "word_count": 6,
            "removed_lines": 0,
            "date_precision": "second",
            "sources": {"title": "feed"},
            "publisher": "The Westmere News",
            "section": "Local",
            "original": None,
            "license": "https://news.example/by",
            "raw": None,
        },
    }


def test_the_commit_makes_it_valid(schema: jsonschema.Draft202012Validator) -> None:
    """The placeholders are all that the published schema refuses; filled in, the record is one."""
    record = composed()
    assert {tuple(error.path) for error in schema.iter_errors(record)} == {
        ("_ingest", "seq"),
        ("_ingest", "ingested_at"),
    }
    record["_ingest"].update({"writer": "w", "seq": 7, "ingested_at": "2024-05-01T10:00:02Z"})
    schema.validate(record)


def test_what_is_absent_is_left_out() -> None:
    """Top-level keys without a value are not there, lists are empty, `_ingest` has all of its keys."""
    bare = composed(
        Article(extraction="failed"), None, None, url=None, feed_title=None, first_seen_at=None, fetched_at=None
    )
    assert set(bare) == {"id", "content_text", "authors", "tags", "attachments", "_ingest"}
    assert (bare["content_text"], bare["authors"], bare["tags"], bare["attachments"]) == ("", [], [], [])
    assert set(bare["_ingest"]) == set(composed()["_ingest"])
    assert bare["_ingest"]["first_seen_at"] == ""


def test_the_title_of_the_list_goes_before_the_feeds_own() -> None:
    """What the operator calls a feed is its title; where they call it nothing, its own."""
    assert composed()["_ingest"]["feed_title"] == "Listed as"
    assert composed(feed=replace(FEED, title=None))["_ingest"]["feed_title"] == "Westmere News"


def test_entries_without_links_have_none() -> None:
    """No external link, no attachments."""
    record = composed(entry=Entry())
    assert "external_url" not in record
    assert record["attachments"] == []


def test_extract_gives_a_valid_record(make_page: Callable[..., str], schema: jsonschema.Draft202012Validator) -> None:
    """One page without a feed is a record that the published schema takes."""
    html = make_page(
        '<title>t</title><meta property="og:title" content="Harbour opens"><link rel=canonical href="/harbour">'
    )
    record = extract(html, URL)
    schema.validate(record)
    orjson.dumps(record)
    assert (record["title"], record["url"]) == ("Harbour opens", "https://news.example/harbour")
    assert record["_ingest"]["content_hash"] == content_hash(record["content_text"])
    assert record["_ingest"]["extraction"] == "ok"


def test_the_same_page_has_the_same_id(make_page: Callable[..., str]) -> None:
    """The id follows from the canonical URL alone; the record from the page, the URL and the time."""
    one = single.record(make_page(), URL, content_type=None, at=AT)
    assert one == single.record(make_page(), URL, content_type=None, at=AT)
    assert one["id"] == extract("", "https://news.example/2024/harbour#top")["id"]
    assert one["id"] != extract("", "https://news.example/2024/ferry")["id"]


@pytest.mark.parametrize("url", ["", "hard::news.example.html", "http://[bad", "http://a:x/"])
def test_a_url_that_is_none_is_no_obstacle(
    url: str, make_page: Callable[..., str], schema: jsonschema.Draft202012Validator
) -> None:
    """The text is extracted all the same; the record goes without `url`."""
    record = extract(make_page(), url)
    schema.validate(record)
    assert "url" not in record
    assert record["content_text"]


def test_text_and_bytes_give_the_same(make_page: Callable[..., str]) -> None:
    """A string is taken as it is, whatever charset it states; bytes are decoded by it, or by HTTP's."""
    sentence = "Порт снова открыт после трёх недель работ, и первый паром ушёл в понедельник на рассвете."
    sentences = tuple(f"{n}. {sentence}" for n in range(6))
    html = make_page('<meta charset="koi8-r">', paragraphs=sentences) + "\ud800"
    body = make_page(paragraphs=sentences).encode("cp1251")
    texts = {
        extract(html, URL)["content_text"],
        extract(html.encode("koi8-r", "replace"), URL)["content_text"],
        extract(body, URL, content_type="text/html; charset=windows-1251")["content_text"],
    }
    assert texts == {"\n".join(sentences)}


def test_the_room_is_light_until_it_is_used() -> None:
    """Naming its functions loads neither trafilatura nor lxml: the main process only hands the names on."""
    code = (
        "import sys, worker.articles as a; a.compose, a.from_page, a.from_entry, a.extract;"
        "print(sorted({'trafilatura', 'lxml', 'charset_normalizer', 'htmldate'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
