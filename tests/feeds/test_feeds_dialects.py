"""Small documents of every dialect."""

from __future__ import annotations

import pytest

from worker.model import Attachment, Author, Entry

RSS_091 = """<?xml version="1.0"?><rss version="0.91"><channel><title>Old</title><link>http://old.example/</link>
<description>d</description><language>en</language>
<item><title>One</title><link>http://old.example/1</link><description>First</description></item></channel></rss>"""

RSS_091_NETSCAPE = """<?xml version="1.0"?>
<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd">
<rss version="0.91"><channel><title>Old</title><link>http://old.example/</link><language>en</language>
<item><title>One</title><link>http://old.example/1</link><description>First</description></item></channel></rss>"""

RSS_092 = """<rss version="0.92"><channel><title>Old</title><link>http://old.example/</link><language>en</language>
<item><title>One</title><link>http://old.example/1</link><description>First</description></item></channel></rss>"""

RSS_090 = """<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://my.netscape.com/rdf/simple/0.9/" xml:lang="en"><channel><title>Old</title>
<link>http://old.example/</link></channel>
<item><title>One</title><link>http://old.example/1</link><description>First</description></item></rdf:RDF>"""


@pytest.mark.parametrize(
    ("document", "version"),
    [
        pytest.param(RSS_091, "rss091u", id="RSS 0.91 of Userland"),
        pytest.param(RSS_091_NETSCAPE, "rss091n", id="RSS 0.91 of Netscape, with its document type"),
        pytest.param(RSS_092, "rss092", id="RSS 0.92"),
        pytest.param(RSS_090, "rss090", id="RSS 0.90, where items stand beside the channel"),
    ],
)
def test_early_rss_gives_title_link_and_summary(read, document, version):
    """The dialects of 1999 to 2001 differ in their wrapping alone."""
    feed = read(document)
    assert (feed.version, feed.title, feed.site_url) == (version, "Old", "http://old.example/")
    assert feed.entries == (Entry(url="http://old.example/1", title="One", summary="First", language="en"),)
    assert len(feed.elements) == 1
    assert feed.problem is None


def test_rss_20_gives_everything_it_has(read):
    """A full item of RSS 2.0 with its usual modules."""
    feed = read(
        """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
     xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom"
     xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:media="http://search.yahoo.com/mrss/">
<channel>
  <title>The &amp;amp; Times</title><link>https://example.org/</link><language>en_us</language>
  <atom:link href="https://example.org/feed" rel="self" type="application/rss+xml"/>
  <item>
    <title>Fish &amp;amp; chips &lt;b&gt;now&lt;/b&gt;</title>
    <link>https://example.org/fish?a=1&amp;b=2</link>
    <guid isPermaLink="false">fish-1</guid>
    <dc:creator>Ann</dc:creator><dc:creator>Ben</dc:creator>
    <pubDate>Fri, 20 Nov 2026 10:00:00 +0200</pubDate>
    <category>Food</category><category>food</category><category domain="x">Sea</category>
    <description>Short.</description>
    <content:encoded><![CDATA[<p>The long <i>text</i>.</p>]]></content:encoded>
    <enclosure url="/fish.mp3" length="1234" type="audio/mpeg"/>
    <itunes:duration>1:02:03</itunes:duration>
    <media:thumbnail url="https://example.org/fish.jpg"/>
  </item>
</channel></rss>"""
    )
    assert (feed.version, feed.title, feed.site_url) == ("rss20", "The & Times", "https://example.org/")
    assert feed.language == "en-US"
    assert feed.entries == (
        Entry(
            guid="fish-1",
            url="https://example.org/fish?a=1&b=2",
            title="Fish & chips now",
            summary="Short.",
            content="<p>The long <i>text</i>.</p>",
            authors=(Author(name="Ann"), Author(name="Ben")),
            tags=("Food", "Sea"),
            published=1_795_161_600_000,
            language="en-US",
            image="https://example.org/fish.jpg",
            attachments=(
                Attachment(
                    url="https://example.org/fish.mp3",
                    mime_type="audio/mpeg",
                    size_in_bytes=1234,
                    duration_in_seconds=3723,
                ),
            ),
        ),
    )


def test_rdf_gives_its_items(read):
    """RSS 1.0: items beside the channel, identified by rdf:about, dated by dc:date."""
    feed = read(
        """<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://example.org/"><title>R</title><link>https://example.org/</link>
<items><rdf:Seq><rdf:li rdf:resource="https://example.org/1"/></rdf:Seq></items></channel>
<item rdf:about="urn:x:1"><title>One</title><link>https://example.org/1</link><dc:subject>news</dc:subject>
<dc:date>2026-11-20T10:00:00+02:00</dc:date><dc:creator>Ann</dc:creator><dc:language>de</dc:language></item>
</rdf:RDF>"""
    )
    assert feed.version == "rss10"
    assert feed.entries == (
        Entry(
            guid="urn:x:1",
            url="https://example.org/1",
            title="One",
            authors=(Author(name="Ann"),),
            tags=("news",),
            published=1_795_161_600_000,
            updated=1_795_161_600_000,
            language="de",
        ),
    )
    assert len(feed.elements) == 1


def test_atom_10_gives_everything_it_has(read):
    """A full entry of Atom 1.0; the feed's author and language hold for an entry that has none."""
    feed = read(
        """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr">
  <title type="html">A &amp;amp; B</title><link href="https://example.org/"/><link rel="self" href="/feed"/>
  <author><name>Feed Author</name><uri>https://example.org/me</uri></author>
  <id>urn:feed</id><updated>2026-11-20T10:00:00Z</updated>
  <entry>
    <id>tag:example.org,2026:1</id><title type="html">&lt;b&gt;One&lt;/b&gt;</title>
    <link rel="alternate" type="text/html" href="https://example.org/1"/>
    <link rel="enclosure" type="video/mp4" href="https://example.org/1.mp4" length="99"/>
    <published>2026-11-19T10:00:00Z</published><updated>2026-11-20T10:00:00.250Z</updated>
    <author><name>Ann</name><uri>/ann</uri></author><author><name>Ben</name></author>
    <category term="t1" label="Label"/><category label="Only label"/>
    <summary>Plain 1 &lt; 2</summary>
    <content type="xhtml" xml:lang="de"><div xmlns="http://www.w3.org/1999/xhtml"><p>Lang &amp; gut.</p></div></content>
  </entry>
  <entry><id>tag:example.org,2026:2</id><title>Use of &lt;b&gt; in HTML</title><updated>2026-11-20T10:00:00Z</updated>
    <link href="https://example.org/2"/></entry>
</feed>"""
    )
    assert (feed.version, feed.title, feed.site_url, feed.language) == ("atom10", "A & B", "https://example.org/", "fr")
    assert feed.entries == (
        Entry(
            guid="tag:example.org,2026:1",
            url="https://example.org/1",
            title="One",
            summary="<p>Plain 1 &lt; 2</p>",
            content="<p>Lang &amp; gut.</p>",
            authors=(Author(name="Ann", url="https://example.org/ann"), Author(name="Ben")),
            tags=("t1", "Only label"),
            published=1_795_082_400_000,
            updated=1_795_168_800_250,
            language="de",
            attachments=(Attachment(url="https://example.org/1.mp4", mime_type="video/mp4", size_in_bytes=99),),
        ),
        Entry(
            guid="tag:example.org,2026:2",
            url="https://example.org/2",
            title="Use of <b> in HTML",
            authors=(Author(name="Feed Author", url="https://example.org/me"),),
            updated=1_795_168_800_000,
            language="fr",
        ),
    )


def test_atom_03_gives_its_entries(read):
    """Atom 0.3: issued and modified are its dates, mode="escaped" its HTML."""
    feed = read(
        """<?xml version="1.0"?><feed version="0.3" xmlns="http://purl.org/atom/ns#" xml:lang="en">
<title>A</title><link rel="alternate" type="text/html" href="http://example.org/"/>
<entry><title>One</title><link rel="alternate" type="text/html" href="http://example.org/1"/><id>urn:1</id>
<issued>2004-05-01T10:00:00Z</issued><modified>2004-05-02T10:00:00Z</modified>
<content type="text/html" mode="escaped">&lt;p&gt;Text&lt;/p&gt;</content></entry></feed>"""
    )
    assert feed.version == "atom03"
    assert feed.entries == (
        Entry(
            guid="urn:1",
            url="http://example.org/1",
            title="One",
            content="<p>Text</p>",
            published=1_083_405_600_000,
            updated=1_083_492_000_000,
            language="en",
        ),
    )


def test_an_atom_entry_document_gives_its_entry(read):
    """RFC 4287 section 2: the root may be an entry; it can't be taken out of the document."""
    feed = read(
        '<entry xmlns="http://www.w3.org/2005/Atom"><id>urn:1</id><title>One</title><updated>2026-11-20T10:00:00Z</updated></entry>'
    )
    assert [entry.guid for entry in feed.entries] == ["urn:1"]
    assert feed.elements == ()


def test_a_feed_without_entries_is_a_feed(read, rss):
    """An empty channel is no error."""
    feed = read(rss())
    assert (feed.version, feed.entries, feed.elements, feed.problem) == ("rss20", (), (), None)


def test_texts_of_many_lines_and_alphabets_come_whole(read):
    """Each in one piece; of the C1 controls what Windows means by them, and all else as it is written."""
    written = (
        "One &amp; two\n&lt;b&gt;three&lt;/b&gt;\n\n\u0093naïve\u0094 кириллица 漢字 \U0001f600 &#8212; end"
        + "\nmore" * 5000
    )
    (entry,) = read(f"<rss><channel><item><description>{written}</description></item></channel></rss>").entries
    assert entry.summary is not None
    assert entry.summary.startswith("One & two\n<b>three</b>\n\n“naïve” кириллица 漢字 \U0001f600 — end\nmore")
    assert entry.summary.count("more") == 5000
