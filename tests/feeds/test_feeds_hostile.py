"""Documents made to harm: what exactly is left of them. What they may cost is in test_feeds_attacks."""

from __future__ import annotations

import pytest

from worker.model import ParsedFeed

CONTROLS = {*map(chr, range(32)), *map(chr, range(127, 160))} - {"\n", "\t"}


def texts(feed: ParsedFeed) -> list[str]:
    """Every string of a feed."""
    found = [feed.title, feed.problem, feed.site_url]
    for entry in feed.entries:
        found += [entry.guid, entry.url, entry.title, entry.summary, entry.content, *entry.tags]
        found += [author.name for author in entry.authors]
    return [text for text in found if text]


def test_billion_laughs_do_not_expand(read):
    """Entities of entities stay unresolved."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">\n' for n in range(1, 10))
    feed = read(
        f'<?xml version="1.0"?><!DOCTYPE rss [\n<!ENTITY l0 "ha">\n{laughs}]>\n<rss version="2.0"><channel>'
        "<title>t</title><item><guid>1</guid><title>x&l9;y</title></item></channel></rss>"
    )
    assert feed.entries[0].guid == "1"
    assert sum(map(len, texts(feed))) < 200


def test_a_document_with_entities_of_its_own_is_pruned_too(read):
    """Canonical XML can't be had of it; its hashes are stable all the same."""
    document = (
        '<?xml version="1.0"?><!DOCTYPE rss [\n<!ENTITY copy "(C)">\n]>\n<rss version="2.0"><channel><title>t</title>'
        "<item><guid>1</guid><title>a &copy; b</title></item></channel></rss>"
    )
    feed = read(document)
    assert feed.entries[0].title == "a (C) b"
    assert read(document, known=frozenset(feed.elements)).entries == ()


def test_a_title_of_ten_megabytes_is_cut(read, rss):
    """It passes the limit of libxml2 for one text, and is read all the same."""
    feed = read(rss(f"<guid>1</guid><title>{'x' * 10_000_001}</title>", "<guid>2</guid>"))
    assert [(entry.guid, entry.title) for entry in feed.entries] == [("1", "x" * 1000), ("2", None)]
    assert feed.problem is not None


@pytest.mark.parametrize("depth", [200, 20_000])
def test_deep_nesting(read, rss, depth):
    """Below libxml2's limit of depth and above it."""
    feed = read(rss(f"<guid>1</guid><description>{'<b>' * depth}x{'</b>' * depth}</description>", "<guid>2</guid>"))
    assert [entry.guid for entry in feed.entries] == ["1", "2"]


def test_deep_nesting_of_items(read, rss):
    """What looks like an entry within an entry belongs to it: known with it, new with it."""
    document = rss("<guid>1</guid><item><guid>1a</guid></item>", "<guid>2</guid>")
    feed = read(document)
    assert len(feed.elements) == 2
    assert [entry.guid for entry in read(document, known=frozenset(feed.elements[:1])).entries] == ["2"]


@pytest.mark.parametrize("malformed", [False, True])
def test_no_control_character_gets_through(read, rss, malformed):
    """NUL, ANSI escapes and C1, as themselves, as references, and as entities in HTML."""
    for nasty in ("\x00\x1b[31m\x07\x9b1m\x7f", "&#0;&#27;[31m&#155;1m&#127;", "&amp;#0;&amp;#27;[31m&amp;#155;"):
        inside = "".join(
            f"<{tag}>a{nasty}z</{tag}>"
            for tag in ("guid", "link", "title", "description", "author", "category", "content:encoded")
        )
        document = rss(inside, channel=f"<title>{nasty}</title><link>https://example.org/{nasty}</link>")
        feed = read(document + ("<" if malformed else ""))
        assert len(feed.entries) == 1
        assert not CONTROLS & set("".join(texts(feed)))


def test_halves_of_surrogate_pairs_do_not_get_through(read):
    """JSON can carry them; UTF-8 can't, so no record could be written."""
    feed = read(
        '{"version": "https://jsonfeed.org/version/1.1", "title": "\\udc00", "items": [{"id": "a\\ud83d", '
        '"title": "cut \\ud83d", "content_text": "\\ude00!", "tags": ["\\ud800"], "authors": [{"name": "x\\ud800"}]}]}'
    )
    assert texts(feed) == ["a", "cut", "<p>!</p>", "x"]
