"""Documents that are not well-formed, or not what they declare, and bytes that are no feed at all."""

from __future__ import annotations

import codecs

import pytest

from worker.feeds import elements
from worker.model import NotAFeed

FEED = (
    '<rss version="2.0"><channel><title>Zeitung</title><link>https://example.org/</link>'
    "<item><guid>1</guid><title>Grüße – „größer“</title><link>https://example.org/1</link></item>"
    "<item><guid>2</guid><title>Zwei</title><link>https://example.org/2</link></item></channel></rss>"
)
TITLES = ["Grüße – „größer“", "Zwei"]
JAPANESE = FEED.replace(TITLES[0], "日本語のニュース")


def declaring(charset: str, feed: str = FEED) -> str:
    return f'<?xml version="1.0" encoding="{charset}"?>{feed}'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(FEED.encode(), None, id="no declaration"),
        pytest.param(declaring("utf-8").encode(), "text/xml", id="text/xml, which RFC 3023 makes ASCII"),
        pytest.param(declaring("utf-8").encode(), "text/xml; charset=iso-8859-1", id="UTF-8, served as Latin-1"),
        pytest.param(declaring("iso-8859-1").encode(), None, id="UTF-8, declared as Latin-1"),
        pytest.param(declaring("utf-16").encode(), "application/rss+xml", id="UTF-8, declared as UTF-16"),
        pytest.param(declaring("no-such-charset").encode(), None, id="UTF-8, declared as something unknown"),
        pytest.param(declaring("punycode").encode(), None, id="UTF-8, declared as a codec of Python's"),
        pytest.param(codecs.BOM_UTF8 + declaring("utf-8").encode(), None, id="UTF-8 with a mark"),
        pytest.param(codecs.BOM_UTF8 * 2 + declaring("utf-8").encode(), None, id="UTF-8 with two marks"),
        pytest.param(b" \r\n\t" + declaring("utf-8").encode(), None, id="space before the declaration"),
        pytest.param(declaring("utf-16").encode("utf-16"), None, id="UTF-16 with a mark"),
        pytest.param(declaring("utf-16").encode("utf-16-be"), None, id="UTF-16 BE without"),
        pytest.param(declaring("utf-16").encode("utf-16-le"), "text/xml; charset=utf-8", id="UTF-16 LE without"),
        pytest.param(declaring("utf-32").encode("utf-32"), None, id="UTF-32"),
        pytest.param(declaring("windows-1252").encode("cp1252"), None, id="windows-1252"),
        pytest.param(declaring("iso-8859-1").encode("cp1252"), None, id="windows-1252, declared as Latin-1"),
        pytest.param(FEED.encode("cp1252"), "application/rss+xml; charset='windows-1252'", id="declared in the header"),
        pytest.param(FEED.encode("cp1252"), None, id="windows-1252, declared nowhere"),
        pytest.param(declaring("utf-8").encode("cp1252"), "text/xml", id="windows-1252, declared as UTF-8"),
        pytest.param(declaring("us-ascii").encode("ascii", "xmlcharrefreplace"), None, id="ASCII with references"),
    ],
)
def test_every_encoding_gives_the_same_titles(read, body, content_type):
    """What the bytes are counts for more than what they are said to be; none of these is malformed."""
    feed = read(body, content_type=content_type)
    assert [entry.title for entry in feed.entries] == TITLES
    assert feed.problem is None
    assert len(feed.elements) == 2


@pytest.mark.parametrize("charset", ["shift_jis", "euc-jp", "iso-2022-jp", "gb2312", "big5"])
def test_charsets_of_several_bytes(read, charset):
    """Declared in the document or in the header."""
    feed = JAPANESE.replace("の", "") if charset in ("gb2312", "big5") else JAPANESE
    feed = feed.replace("ニュース", "") if charset in ("gb2312", "big5") else feed
    feed = feed.replace("語", "") if charset == "gb2312" else feed
    expected = feed.split("<title>")[2].split("</title>")[0]
    for body, content_type in (
        (declaring(charset, feed).encode(charset), "text/xml"),
        (feed.encode(charset), f"text/xml; charset={charset}"),
    ):
        assert read(body, content_type=content_type).entries[0].title == expected


def test_a_stray_byte_does_not_spoil_the_rest(read):
    """One byte that is not UTF-8 leaves all the others what they are."""
    body = declaring("utf-8").encode().replace(b"Zwei", b"Zw\xe4i")
    assert [entry.title for entry in read(body).entries] == [TITLES[0], "Zw\ufffdi"]


@pytest.mark.parametrize(
    ("damaged", "titles"),
    [
        pytest.param(FEED[:-40], TITLES[:1], id="cut off in a link: half an entry"),
        pytest.param(
            FEED[: FEED.index("</title><link>https://example.org/2")],
            TITLES[:1],
            id="cut off in a title: half an entry",
        ),
        pytest.param(FEED[: FEED.index("<link>https://example.org/2")], TITLES[:1], id="cut off after a tag"),
        pytest.param(FEED + FEED.replace("Zeitung", "Gazette"), TITLES * 2, id="two feeds"),
        pytest.param(f"{FEED}<item><title>Drei</title></item>", [*TITLES, "Drei"], id="an entry behind it"),
        pytest.param(f"<item><title>Null</title></item>{FEED}", ["Null", *TITLES], id="an entry before it"),
        pytest.param(FEED.replace("<guid>2", "<media:x/><guid>2"), TITLES, id="undeclared prefix"),
    ],
)
def test_malformed_feeds_keep_their_entries(read, damaged, titles):
    """What feedparser can read is given, whole each time, and the problem named."""
    feed = read(damaged)
    assert [entry.title for entry in feed.entries] == titles
    assert feed.elements == ()
    assert feed.breaks_off is ("</rss>" not in damaged)
    assert_tells(feed.problem)


@pytest.mark.parametrize(
    ("sloppy", "title"),
    [
        pytest.param("A & B &amp; &#67; D&E;F&", "A & B & C D&E;F&", id="ampersands"),
        pytest.param("A&nbsp;B &eacute;&colon;&lt;", "A B é&colon;<", id="entities of HTML"),
        pytest.param("<![CDATA[A & B &eacute;]]>&eacute;", "A & B éé", id="next to what is not parsed"),
    ],
)
def test_a_feed_with_entities_of_html_is_read_as_if_it_were_well_formed(read, sloppy, title):
    """What of it is new, its elements tell; the problem is named all the same, also where nothing is new."""
    feed = read(FEED.replace("Zwei", sloppy))
    assert [entry.title for entry in feed.entries] == [TITLES[0], title]
    assert len(feed.elements) == 2
    assert_tells(feed.problem)
    again = read(FEED.replace("Zwei", sloppy), known=frozenset(feed.elements))
    assert (again.entries, again.problem) == ((), feed.problem)


@pytest.mark.parametrize(
    "served",
    [
        pytest.param(FEED + "<!-- served by --><p>x</p>", id="a network's script behind it"),
        pytest.param("Warning: mysql_connect() on line 1<br />\n" + declaring("utf-8"), id="PHP speaks first"),
        pytest.param("<br />\nNotice: A & B<br />" + FEED.replace("Zwei", "Z&nbsp;&eacute;"), id="and with entities"),
        pytest.param("\x02\n" + FEED + "\n<p>\x02</p>", id="with what XML does not allow"),
    ],
)
def test_a_feed_with_something_around_it_is_read_as_if_it_stood_alone(read, served):
    """What of it is new, its elements tell; the problem is named."""
    feed = read(served)
    assert [entry.guid for entry in feed.entries] == ["1", "2"]
    assert len(feed.elements) == 2
    assert_tells(feed.problem)
    again = read(served, known=frozenset(feed.elements))
    assert (again.entries, again.problem) == ((), feed.problem)


def test_what_a_feed_declares_itself_is_left_to_it(read):
    sloppy = '<!DOCTYPE rss [<!ENTITY eacute "other">]>' + FEED.replace("Zwei", "A&nbsp;B")
    assert read(sloppy).elements == ()


def assert_tells(problem):
    assert problem is not None
    assert problem.startswith("not well-formed: ")
    assert len(problem) <= 300
    assert "\n" not in problem


@pytest.mark.parametrize(
    "end",
    [
        "<title>Te",
        "<title>Test</title><description>x",
        "<title>Test</title>",
        pytest.param("<title>Test</title><item><guid>1</guid><link>https://example.o", id="amid its first entry"),
    ],
)
def test_a_feed_cut_off_before_the_end_of_its_first_entry_is_none(outcome, end):
    """Else it would be one without entries, and a 304 to its validators would be a poll that went well; half an entry
    has half a link."""
    said = outcome(f'<rss version="2.0"><channel>{end}')
    assert isinstance(said, NotAFeed)
    assert said.reason.startswith("cut off before its first entry, not well-formed: ")


def test_a_sloppy_feed_without_entries_is_one(read):
    """It has its end: there was nothing more to read."""
    assert read('<rss version="2.0"><channel><title>A & B</title></channel></rss>').entries == ()


def test_a_malformed_feed_tells_what_is_repeated(read):
    """Without elements, the parsed entries say it."""
    feed = read(
        '<rss version="2.0"><channel><title>A & B</title><item><guid isPermaLink="false">1</guid>'
        "<link>https://example.org/x?utm_source=a</link></item>"
        '<item><guid isPermaLink="false">1</guid><link>https://example.org/x</link></item></channel></rss>'
    )
    assert feed.repeated_guids == {"1"}
    assert feed.repeated_urls == {"https://example.org/x"}


def test_a_malformed_feed_is_bounded(read):
    """The limit of entries holds without elements too."""
    feed = read(FEED[:-10], max_entries=1)
    assert [entry.guid for entry in feed.entries] == ["1"]
    assert feed.problem is not None
    assert feed.problem.endswith("; more than 1 entries: the last 1 were left out")


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("a\x02b\x1b", id="control characters"),
        pytest.param("a&#2;b&#x1B;", id="references to them"),
        pytest.param("a&#xD83D;b&#55357", id="halves of pairs"),
        pytest.param("a&#0;b&#99999999999999;", id="no characters at all"),
        pytest.param("a\x00b\uffff", id="NUL and a noncharacter"),
    ],
)
def test_characters_that_xml_forbids_do_not_make_a_feed_malformed(read, bad):
    """They are taken out before anything reads the document: feedparser would fail on some, and none is kept."""
    for document in (FEED, FEED + "junk"):
        feed = read(document.replace("Zwei", bad))
        assert [entry.title for entry in feed.entries] == [TITLES[0], "ab"]
        assert bool(feed.problem) == (document is not FEED)


@pytest.mark.parametrize("bad", ["\x00", "\x01", "\x0b", "\x0c", "\x1f", "\ud800", "\ufffe", "\uffff"])
@pytest.mark.parametrize(
    "within", ["<!--{}-->", "<?pi {}?>", "<title>{}Drei</title>", "<title><![CDATA[{}Drei]]></title>", '<a b="{}"/>']
)
def test_wherever_they_stand(bad, within):
    """As characters, and as references where these are read: the feed says what it says without them."""
    is_text = within[1] in "!?" or "CDATA" in within
    for one in (bad,) if is_text else (bad, f"&#{ord(bad)};", f"&#x{ord(bad):x};"):
        written = FEED.replace("</item>", f"{within.format(one)}</item>", 1)
        expected = FEED.replace("</item>", f"{within.format('')}</item>", 1)
        found, wanted = (
            elements.prune(text.encode("utf-8", "ignore"), frozenset(), 10, url="https://example.org/")
            for text in (written, expected)
        )
        assert not found.is_malformed
        assert not wanted.is_malformed
        assert (found.hashes, found.read, found.document) == (wanted.hashes, wanted.read, wanted.document)


def test_references_to_allowed_characters_stay(read):
    """Those of XML 1.0, section 2.2."""
    assert read(FEED.replace("Zwei", "&#9;&#x20AC;&#128512;&#xE000;&#x10FFFF;&#8364;")).entries[0:2][1].title == (
        "€😀\ue000\U0010ffff€"
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b" \n\t\0\0", "empty", id="blank"),
        pytest.param(codecs.BOM_UTF8, "empty", id="a mark alone"),
        pytest.param(b"<!DOCTYPE html><p>Hi", "an HTML page", id="HTML without a title"),
        pytest.param(
            b'<!-- x --><HTML xmlns:a="http://www.w3.org/2005/Atom"><title> Just a\n moment&hellip;</title><item>',
            "an HTML page: Just a moment…",
            id="a challenge page",
        ),
        pytest.param(
            b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head/></html>',
            "an HTML page",
            id="XHTML",
        ),
        pytest.param(b"%PDF-1.7 \n<rss>", "a PDF", id="PDF"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "an image", id="PNG"),
        pytest.param(b"GIF89a", "an image", id="GIF"),
        pytest.param(b"\xff\xd8\xff\xe0", "an image", id="JPEG"),
        pytest.param(b"PK\x03\x04", "a ZIP archive", id="ZIP"),
        pytest.param(b"\x1f\x8b\x08", "gzip data", id="gzip"),
        pytest.param(bytes(range(1, 32)) * 40, "binary data", id="binary"),
        pytest.param(b'{"status": "ok"}', "JSON, but not a JSON Feed", id="JSON"),
        pytest.param(b'{"version": 1', "not JSON, though it begins like it: ", id="broken JSON"),
        pytest.param(b"[1, 2]", "not XML: [1, 2]", id="a JSON list"),
        pytest.param("Service unavailable…\nTry later".encode(), "not XML: Service unavailable… Try later", id="text"),
        pytest.param(
            b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"/>',
            "a sitemap that tells no news",
            id="a sitemap",
        ),
        pytest.param(b"<opml><channels/></opml>", "XML, but not a feed: its first element is <opml>", id="OPML"),
        pytest.param(
            b"<a:b><x:channel/></a:b>", "not well-formed: Namespace prefix a on b is not defined", id="broken"
        ),
        pytest.param(b"<list><x:channel xmlns:x='u'/></list>", "XML, but not a feed", id="named like one"),
    ],
)
def test_what_is_no_feed_says_what_it_looks_like(outcome, body, reason):
    """The reason is for the operator: one line that helps."""
    got = outcome(body)
    assert isinstance(got, NotAFeed)
    assert got.reason.startswith(reason)
    assert len(got.reason) < 300


def test_when_feedparser_fails_that_is_the_reason(outcome, monkeypatch):
    """What feedparser lets out is a value here: the document can't be read."""
    from worker.feeds import xml_feed

    monkeypatch.setattr(xml_feed.feedparser, "parse", lambda *_, **__: [][0])
    assert outcome(FEED.replace("<rss ", "<rss base='/' ")) == NotAFeed(reason="feedparser fails on it: IndexError")


def test_running_out_of_memory_is_not_the_reason(outcome, rss, monkeypatch):
    """It says nothing of the document, nor of the entry: one left out would be taken for known the next time."""
    from worker.feeds import xml_entry, xml_feed

    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    for module, name in ((xml_entry, "entry"), (xml_feed.feedparser, "parse")):
        monkeypatch.setattr(module, name, exhausted)
        with pytest.raises(MemoryError):
            outcome(rss("<guid>1</guid><category lang='x'>only feedparser reads it</category>"))
        monkeypatch.undo()
