"""A record tells the state what its draft told it."""

from __future__ import annotations

from typing import cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker import dedup
from worker.articles import compose
from worker.errors import OutputError
from worker.model import Article, Author, Credit, Entry, Extraction, Feed, FeedId, Millis
from worker.pipeline.recover import written
from worker.record import Record, rfc3339

FEED = Feed(id=FeedId("f"), url="https://a.example/feed")
SEEN_AT = Millis(1_795_406_706_789)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=400)
EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999."""


def record_of(
    article: Article,
    entry: Entry,
    *,
    url: str | None = None,
    final_url: str | None = None,
    record_id: str = "0f" * 16,
    **ingest: object,
) -> Record:
    """As it is read from a segment: composed, written and read."""
    record = compose(
        article,
        record_id=record_id,
        url=url,
        entry=entry,
        feed=FEED,
        feed_title=None,
        first_seen_at=SEEN_AT,
        fetched_at=None,
        final_url=final_url,
        http_status=None,
        content_hash=dedup.content_hash(article.text),
    )
    read = orjson.loads(orjson.dumps(record))
    read["_ingest"] |= {"ingested_at": rfc3339(SEEN_AT), **ingest}
    return cast(Record, read)


@given(
    title=st.none() | TEXTS,
    text=TEXTS,
    authors=st.lists(TEXTS, max_size=3),
    published=st.none() | st.integers(EARLIEST, LATEST),
    extraction=st.sampled_from(["ok", "feed_only", "failed", "skipped"]),
)
def test_the_hashes_are_those_of_the_article(
    title: str | None, text: str, authors: list[str], published: int | None, extraction: Extraction
) -> None:
    """Whatever its title, text, authors and date are: else an article that stayed as it was would be an update."""
    article = Article(
        extraction=extraction,
        title=title,
        text=text * 20,
        authors=tuple(Author(name=name) for name in authors),
        published=None if published is None else Millis(published),
    )
    found = written(record_of(article, Entry(guid="g", title="the feed's own")))
    assert found.revision_key == dedup.revision_key(article)
    assert found.text_key == dedup.text_key(article.text)
    assert found.title_key == dedup.title_key(title)
    assert (found.extraction, found.first_seen_at) == (extraction, SEEN_AT)


def test_a_text_without_its_learned_lines_is_known_by_its_hash() -> None:
    """It is neither an update when it is read again with all its lines, nor new under another URL."""
    whole = Article(extraction="ok", title="T", text="\n".join(["A line of ten words, that says what it says."] * 12))
    record = record_of(whole, Entry(guid="g"), removed_lines=2)
    record["content_text"] = "\n".join(whole.text.split("\n")[:10])
    found = written(record)
    assert found.text_key == dedup.text_key(whole.text)
    assert found.revision_key == dedup.hashed_key("T", dedup.content_hash(whole.text), [], None)


def key(url: str) -> bytes:
    return dedup.url_key(url)


@pytest.mark.parametrize(
    ("link", "url", "final_url", "extraction", "own", "revealed"),
    [
        pytest.param(
            "https://a.example/1", "https://a.example/1", None, "ok", "https://a.example/1", [], id="its link"
        ),
        pytest.param(
            "HTTPS://A.example/1?utm_source=x#top",
            "https://a.example/1",
            "https://a.example/1?utm_source=x",
            "ok",
            "https://a.example/1",
            [],
            id="canonical forms",
        ),
        pytest.param(
            "https://s.example/x",
            "https://a.example/long",
            "https://a.example/l?utm_source=s",
            "ok",
            "https://s.example/x",
            ["https://a.example/l", "https://a.example/long"],
            id="redirected, with a canonical link",
        ),
        pytest.param(
            "https://s.example/x",
            "https://s.example/x",
            "https://a.example/error",
            "feed_only",
            "https://s.example/x",
            [],
            id="a page that was not the article's",
        ),
        pytest.param("https://a.example/", "https://a.example/", None, "feed_only", None, [], id="a front page"),
        pytest.param(
            "https://s.example/x",
            "https://a.example/",
            "https://a.example/",
            "ok",
            "https://s.example/x",
            [],
            id="redirected to a front page",
        ),
        pytest.param(None, None, None, "skipped", None, [], id="no link"),
    ],
)
def test_the_urls_are_those_that_named_it(
    link: str | None,
    url: str | None,
    final_url: str | None,
    extraction: Extraction,
    own: str | None,
    revealed: list[str],
) -> None:
    """The entry's link, and what its page revealed, also that it is on another site; front pages name nothing."""
    article = Article(extraction=extraction, text="text")
    found = written(record_of(article, Entry(guid="g", url=link), url=url, final_url=final_url))
    assert found.url_key == (own and key(own))
    led = {dedup.led_key(each) for each in revealed if each == "https://a.example/l"}
    assert set(found.page_keys) == {key(each) for each in revealed} | led


def test_what_it_says_of_itself_is_kept() -> None:
    """Id, feed, op, revision and original."""
    article = Article(extraction="ok", text="text")
    record = record_of(article, Entry(), record_id="ab" * 16, op="duplicate", revision=3, duplicate_of="cd" * 16)
    found = written(record)
    assert (found.record_id, found.duplicate_of) == (b"\xab" * 16, b"\xcd" * 16)
    assert (found.feed_id, found.op, found.revision) == ("f", "duplicate", 3)


LONG = " ".join(f"word{n}" for n in range(80))


@pytest.mark.parametrize(
    ("original", "copy_of", "waits"),
    [
        pytest.param({"name": "Quay", "url": None}, None, True, id="credits what has not come"),
        pytest.param({"name": "Quay", "url": None}, "cd" * 16, False, id="credits what has"),
        pytest.param(None, "cd" * 16, False, id="a copy"),
        pytest.param(None, None, False, id="nobody's"),
    ],
)
def test_its_story_is_kept(original: dict[str, str | None] | None, copy_of: str | None, waits: bool) -> None:
    """The cluster, the text's sketch, and what it waits for."""
    kind = copy_of and "near"
    article = Article(extraction="ok", text=LONG)
    told = {"cluster_id": "ab" * 16, "duplicate_of": copy_of, "duplicate_kind": kind, "original": original}
    found = written(record_of(article, Entry(), **told))
    assert (found.cluster_id, found.sketch) == (b"\xab" * 16, dedup.sketch(LONG))
    assert (found.duplicate_of, found.copy_of) == (None, copy_of and b"\xcd" * 16)
    assert (found.credit, bool(found.body)) == (Credit(name="Quay") if waits else None, waits)


def test_an_agency_is_not_waited_for() -> None:
    """Nor was it before."""
    article = Article(extraction="ok", text=LONG, sources={"original": "agency"})
    told = {"cluster_id": "ab" * 16, "original": {"name": "Reuters", "url": None}}
    assert written(record_of(article, Entry(), **told)).credit is None


@given(st.integers(EARLIEST, LATEST))
def test_instants_come_back_to_the_millisecond(at: int) -> None:
    """As `rfc3339` writes them."""
    record = record_of(Article(extraction="ok"), Entry(), first_seen_at=rfc3339(Millis(at)))
    assert written(record).first_seen_at == at


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param({"id": "no hex"}, id="the id"),
        pytest.param({"_ingest": {}}, id="nothing of its making"),
        pytest.param({"date_published": "yesterday"}, id="the date"),
        pytest.param({"url": "mailto:x"}, id="the URL"),
        pytest.param({"authors": [None]}, id="the authors"),
    ],
)
def test_what_is_no_record_of_feedmill_is_an_error(spoil: dict[str, object]) -> None:
    """By its id, for the operator: a state that does not know all must not be begun with."""
    record = record_of(Article(extraction="ok"), Entry(guid="g"))
    with pytest.raises(OutputError, match="can't be read back"):
        written(cast(Record, {**record, **spoil}))
