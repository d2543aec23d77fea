"""Documents made to harm. What costs too much time is left to the killable process; these must be cheap."""

from __future__ import annotations

import pickle
import time

import pytest

from worker.model import Entry, NotAFeed, ParsedFeed

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
    started = time.process_time()
    feed = read(
        f'<?xml version="1.0"?><!DOCTYPE rss [\n<!ENTITY l0 "ha">\n{laughs}]>\n<rss version="2.0"><channel>'
        "<title>t</title><item><guid>1</guid><title>x&l9;y</title></item></channel></rss>"
    )
    assert time.process_time() - started < 1
    assert feed.entries[0].guid == "1"
    assert sum(map(len, texts(feed))) < 200


def test_external_entities_are_not_read(read):
    """No file and no address is opened, whether the entity is general or a parameter."""
    for declarations in (
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY % p SYSTEM "file:///etc/passwd">\n%p;\n<!ENTITY x "y">',
    ):
        feed = read(
            f'<?xml version="1.0"?><!DOCTYPE rss [\n{declarations}\n]>\n<rss version="2.0"><channel><title>t</title>'
            "<item><guid>1</guid><title>a&x;</title><description>&x;</description></item></channel></rss>"
        )
        assert [entry.guid for entry in feed.entries] == ["1"]
        assert "root" not in "".join(texts(feed))


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


def test_deep_json_is_no_feed(outcome):
    """The parser gives up, not the process."""
    got = outcome('{"version": "https://jsonfeed.org/version/1", "items": ' + "[" * 200_000)
    assert isinstance(got, NotAFeed)
    assert got.reason.startswith("not JSON")


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


def test_floods_within_the_limits_are_cheap(read, rss):
    """Categories of the feed and of an entry, `<` without end, comments: each was quadratic somewhere."""
    started = time.process_time()
    categories = "".join(f"<category>c{n}</category>" for n in range(10_000))
    read(rss(f"<guid>1</guid>{categories}", channel=categories))
    read(rss(f"<guid>1</guid><description>{'&lt;!--' * 20_000}</description><title>{'&lt;' * 50_000}</title>"))
    read(rss("<guid>1</guid><title><![CDATA[" + "<a" * 50_000 + "]]></title><description>&amp;&amp;amp</description>"))
    assert time.process_time() - started < 3


def test_what_comes_out_can_be_pickled(read, rss):
    """Also of a malformed document, of which feedparser's own result can't."""
    for document in (rss("<guid>1</guid>"), rss("<guid>1</guid>") + "<"):
        feed = read(document)
        assert pickle.loads(pickle.dumps(feed)) == feed  # noqa: S301  # our own
        assert type(feed.entries[0]) is Entry
