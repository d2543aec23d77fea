"""Feeds as sites serve them. The corpus lies beside the repository, and may not be copied into it."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import feedparser
import pytest

from worker.model import NotAFeed
from worker.urls import canonical

FEEDS = Path(__file__).parents[2].parent / "shared" / "corpus" / "feeds"
pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason=f"the corpus is not at {FEEDS}")
NAMES = sorted(path.name for path in FEEDS.glob("*.gz")) if FEEDS.is_dir() else ["absent"]


@pytest.mark.parametrize("name", NAMES)
def test_feeds_of_the_corpus(read, name):
    """Each entry that feedparser finds, once; none of them when known; the first alone the same as among the others."""
    body = gzip.decompress((FEEDS / name).read_bytes())
    raw = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    whole = read(body)
    distinct = list({repr(entry): entry for entry in raw.entries}.values())  # one site lists nine of its posts twice
    assert len(whole.entries) == len(distinct) > 0
    assert [entry.guid for entry in whole.entries] == [entry.get("id") or None for entry in distinct]
    if not whole.elements:
        assert whole.problem is not None
        return
    assert len(whole.elements) == len(distinct)
    assert read(body, known=frozenset(whole.elements)).entries == ()
    one = read(body, known=frozenset(whole.elements[1:]))
    assert one.entries == whole.entries[:1]
    assert (one.title, one.site_url, one.language) == (whole.title, whole.site_url, whole.language)
    entry = whole.entries[0]
    for one_has, all_have, named in (
        (one.repeated_guids, whole.repeated_guids, entry.guid),
        (one.repeated_urls, whole.repeated_urls, entry.url and canonical(entry.url)),
    ):
        assert (named in one_has) == (named in all_have)


@pytest.mark.parametrize("at", [0.3, 0.7])
@pytest.mark.parametrize("name", NAMES[:10])
def test_feeds_of_the_corpus_cut_off(outcome, name, at):
    """A feed that was cut off gives the entries that feedparser finds before the cut, but for half of one; without any
    it is none."""
    body = gzip.decompress((FEEDS / name).read_bytes())
    body = body[: int(len(body) * at)]
    raw = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    feed = outcome(body)
    if not raw.entries:
        assert isinstance(feed, NotAFeed)
        return
    assert not isinstance(feed, NotAFeed)
    amid_one = max(body.rfind(b"<item>"), body.rfind(b"<entry>")) > max(body.rfind(b"</item>"), body.rfind(b"</entry>"))
    assert len(feed.entries) == len(raw.entries) - (amid_one and len(raw.entries) > 1)
    assert (feed.problem or "").startswith("not well-formed")
