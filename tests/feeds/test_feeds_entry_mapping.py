"""How the fields of an entry are found, and what they are bounded to."""

from __future__ import annotations

import pytest

from worker.model import Attachment, Author


@pytest.mark.parametrize(
    ("inside", "guid", "url"),
    [
        pytest.param("<link>/a b</link>", None, "https://example.org/a%20b", id="relative, against the site"),
        pytest.param("<link>javascript:alert(1)</link><title>x</title>", None, None, id="not http"),
        pytest.param("<link>ftp://example.org/x</link><title>x</title>", None, None, id="not http either"),
        pytest.param("<guid>https://example.org/g</guid>", "https://example.org/g", "https://example.org/g", id="guid"),
        pytest.param(
            "<link/><guid>https://example.org/g</guid>",
            "https://example.org/g",
            "https://example.org/g",
            id="empty link",
        ),
        pytest.param(
            '<guid isPermaLink="false">https://example.org/g</guid>', "https://example.org/g", None, id="no permalink"
        ),
        pytest.param("<guid>abc-1</guid>", "abc-1", None, id="a guid that is no URL does not become one"),
        pytest.param(
            "<guid>abc-1</guid><link>https://example.org/1</link>",
            "abc-1",
            "https://example.org/1",
            id="link after guid",
        ),
        pytest.param(
            "<link>https://feeds.example/~r/1</link><feedburner:origLink>https://example.org/1</feedburner:origLink>",
            None,
            "https://example.org/1",
            id="the original of a FeedBurner link",
        ),
        pytest.param("<title>x</title>", None, None, id="neither"),
        pytest.param("<guid>\n  a\x85b \n</guid>", "a…b", None, id="outer space; windows-1252 in disguise"),
        pytest.param(f"<guid>{'g' * 5000}</guid>", "g" * 4000, None, id="bounded"),
    ],
)
def test_guid_and_link(item, inside, guid, url):
    """The guid is verbatim; the URL is absolute http(s), or there is none."""
    entry = item(inside)
    assert (entry.guid, entry.url) == (guid, url)


def test_links_are_resolved_against_xml_base_before_the_site(read):
    """xml:base, the site's URL, the URL of the feed: the first that there is."""
    feed = (
        '<feed xmlns="http://www.w3.org/2005/Atom"{}>{}<entry><id>urn:1</id><link href="p/1"/>'
        '<link rel="enclosure" type="audio/ogg" href="p/1.ogg"/></entry></feed>'
    )
    base, site = ' xml:base="https://base.example/b/"', '<link href="https://site.example/s/"/>'
    for attributes, link, expected in (
        (base, site, "https://base.example/b/p/1"),
        ("", site, "https://site.example/s/p/1"),
        ("", "", "https://example.org/feeds/p/1"),
    ):
        assert read(feed.format(attributes, link)).entries[0].url == expected
    assert read(feed.format("", site)).entries[0].attachments[0].url == "https://site.example/s/p/1.ogg"


def test_a_relative_id_does_not_depend_on_where_the_feed_lies(read):
    """feedparser would resolve it against the feed's address, and every entry be new when the feed moves."""
    feed = read(
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><id>42</id><title>x</title></entry></feed>'
    )
    assert feed.entries[0].guid == "42"


def test_an_alternate_link_of_any_type_serves(read):
    """feedparser takes HTML ones alone."""
    feed = read(
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:1</id><link rel="self" href="https://example.org/self"/>'
        '<link rel="alternate" type="application/pdf" href="https://example.org/1.pdf"/></entry></feed>'
    )
    assert feed.entries[0].url == "https://example.org/1.pdf"


@pytest.mark.parametrize(
    ("inside", "summary", "content"),
    [
        pytest.param("<description>S</description>", "S", None, id="a description alone"),
        pytest.param("<content:encoded>C</content:encoded>", None, "C", id="a content alone"),
        pytest.param("<content:encoded>&lt;img src='x'&gt;</content:encoded>", None, "<img src='x'>", id="a picture"),
        pytest.param("<description>S</description><content:encoded>Longer</content:encoded>", "S", "Longer", id="both"),
        pytest.param(
            "<description>Same</description><content:encoded>Same</content:encoded>", "Same", None, id="equal"
        ),
        pytest.param(
            "<description>Much longer</description><content:encoded>C</content:encoded>", "Much longer", None, id="less"
        ),
        pytest.param(
            "<media:content url='/x.jpg' medium='image'><media:description>A caption, not short</media:description>"
            "</media:content><description>S</description>",
            "S",
            None,
            id="a caption before the summary",
        ),
        pytest.param(
            "<media:description>A caption</media:description><description>Summary</description>"
            "<content:encoded>The whole text</content:encoded>",
            "Summary",
            "The whole text",
            id="a caption before both",
        ),
        pytest.param(
            "<media:group><media:description>All there is</media:description></media:group>",
            "All there is",
            None,
            id="video",
        ),
        pytest.param(
            "<description>S</description><itunes:summary>The longer one</itunes:summary>",
            "S",
            "<p>The longer one</p>",
            id="itunes",
        ),
        pytest.param(
            "<description>&lt;img src='a-very-long-name-of-a-picture.jpg'&gt;S</description>"
            "<content:encoded>Longer text</content:encoded>",
            "<img src='a-very-long-name-of-a-picture.jpg'>S",
            "Longer text",
            id="markup does not count",
        ),
        pytest.param(f"<description>{'x' * 100_001}</description>", None, "x" * 100_001, id="too long for a summary"),
        pytest.param(
            f"<description>{'x' * 2_000_009}</description>", None, "x" * 2_000_000, id="too long for anything"
        ),
    ],
)
def test_summary_and_content(item, inside, summary, content):
    """The longest text is the content where it is more than the summary."""
    entry = item(inside)
    assert (entry.summary, entry.content) == (summary, content)


@pytest.mark.parametrize(
    ("markup", "summary"),
    [
        pytest.param("<summary>1 &lt; 2\n\nThen</summary>", "<p>1 &lt; 2</p><p>Then</p>", id="plain text is escaped"),
        pytest.param('<summary type="html">a &amp;lt; b</summary>', "a &lt; b", id="HTML stays as it is"),
        pytest.param("<summary>&lt;p&gt;Really HTML</summary>", "<p>Really HTML", id="HTML that is not declared so"),
        pytest.param("<summary>a&amp;nbsp;b</summary>", "a&nbsp;b", id="entities that are not declared either"),
        pytest.param('<content type="text/x-markdown">*a*</content>', "<p>*a*</p>", id="another kind of text"),
        pytest.param('<content type="image/png">iVBORw0KGgo=</content>', None, id="a picture is no text"),
    ],
)
def test_texts_of_atom_become_html(read, markup, summary):
    """Whatever its declared type, what an entry holds is HTML."""
    feed = read(f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:1</id>{markup}</entry></feed>')
    entry = feed.entries[0]
    assert (entry.summary or entry.content) == summary


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        pytest.param("  two\n lines ", "two lines", id="one line"),
        pytest.param("AT&amp;amp;T", "AT&T", id="escaped twice"),
        pytest.param("<![CDATA[a <em>b</em>&nbsp;c]]>", "a b c", id="HTML"),
        pytest.param("<![CDATA[a<br/>b <b>c</b>]]>", "a b c", id="line breaks"),
        pytest.param("1 &lt; 2", "1 < 2", id="a sign, no tag"),
        pytest.param("", None, id="empty"),
        pytest.param("x" * 1500, "x" * 1000, id="bounded"),
        pytest.param("&amp;#27;[31mred &amp;#0;&lt;/b&gt;", "[31mred \ufffd", id="escapes do not bring controls back"),
    ],
)
def test_titles_are_plain_text(item, title, expected):
    """No tags, no entities, one bounded line."""
    assert item(f"<guid>1</guid><title>{title}</title>").title == expected


@pytest.mark.parametrize(
    ("inside", "names"),
    [
        pytest.param("<author>ann@example.org (Ann Lee)</author>", ["Ann Lee"], id="RSS: address and name"),
        pytest.param("<author>Ann Lee &lt;ann@example.org&gt;</author>", ["Ann Lee"], id="name and address"),
        pytest.param("<author>ann@example.org</author>", ["ann@example.org"], id="an address alone"),
        pytest.param("<dc:creator>A</dc:creator><dc:creator>B</dc:creator>", ["A", "B"], id="several creators"),
        pytest.param("<dc:creator>A</dc:creator><itunes:author>A</itunes:author>", ["A"], id="the same twice"),
        pytest.param("<dc:creator><![CDATA[A &amp; <i>B</i>]]></dc:creator>", ["A & B"], id="HTML"),
        pytest.param("<dc:creator> </dc:creator>", [], id="blank"),
        pytest.param(
            "".join(f"<dc:creator>A{n}</dc:creator>" for n in range(60)), [f"A{n}" for n in range(50)], id="many"
        ),
    ],
)
def test_authors(item, inside, names):
    """All that have a name, each once."""
    assert [author.name for author in item(f"<guid>1</guid>{inside}").authors] == names


def test_the_author_of_an_rss_channel_is_not_that_of_its_items(item):
    """managingEditor is responsible for the channel (RSS 2.0); only Atom lets entries inherit."""
    assert item("<guid>1</guid>", channel="<managingEditor>e@example.org (Editor)</managingEditor>").authors == ()


def test_tags_are_bounded(item):
    """A flood of categories, which is quadratic in feedparser, is cut before it gets there."""
    flood = "".join(f"<category>tag {n}</category>" for n in range(20_000))
    assert item(f"<guid>1</guid>{flood}").tags == tuple(f"tag {n}" for n in range(50))


@pytest.mark.parametrize(
    ("inside", "image"),
    [
        pytest.param(
            '<media:thumbnail url="/t.jpg"/><media:content url="/c.jpg" medium="image"/>', "t.jpg", id="thumbnail"
        ),
        pytest.param('<media:content url="/c.jpg" type="image/jpeg"/>', "c.jpg", id="media:content by type"),
        pytest.param(
            '<media:content url="/s.jpg" width="140"/><media:content url="/l.jpg" width="1000"/>',
            "l.jpg",
            id="the widest",
        ),
        pytest.param('<enclosure url="/e.png" type="image/png" length="1"/>', "e.png", id="enclosure"),
        pytest.param('<itunes:image href="/i.jpg"/>', "i.jpg", id="itunes"),
        pytest.param('<media:content url="data:image/png;base64,xx" medium="image"/>', None, id="no http URL"),
        pytest.param('<media:content url="/v.mp4" type="video/mp4"/>', None, id="a video"),
        pytest.param(
            '<media:content url="https://1.gravatar.com/avatar/1?s=96" medium="image"/><itunes:image href="/i.jpg"/>',
            "i.jpg",
            id="the author's portrait is not the article's picture",
        ),
    ],
)
def test_images(item, inside, image):
    """The picture of an entry, from wherever feeds put it."""
    assert item(f"<guid>1</guid>{inside}").image == (image and f"https://example.org/{image}")


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        pytest.param(
            '<enclosure url="/a.mp3" type="audio/mpeg" length="5"/><itunes:duration>62:03</itunes:duration>',
            [("a.mp3", "audio/mpeg", 5, 3723)],
            id="an episode",
        ),
        pytest.param(
            '<enclosure url="/a.pdf" type="application/pdf" length="0"/><itunes:duration>10</itunes:duration>',
            [("a.pdf", "application/pdf", None, None)],
            id="a document does not last, and 0 means unknown",
        ),
        pytest.param('<enclosure url="/a"/>', [("a", "application/octet-stream", None, None)], id="no type, no length"),
        pytest.param(
            '<enclosure url="/a" type="nonsense" length="-5 MB"/>',
            [("a", "application/octet-stream", None, None)],
            id="bad",
        ),
        pytest.param(
            '<media:content url="/v.mp4" type="video/mp4; codecs=x" fileSize="7" duration="30.5"/>',
            [("v.mp4", "video/mp4", 7, 30)],
            id="media:content",
        ),
        pytest.param(
            '<enclosure url="/v.mp4" type="video/mp4" length="7"/><media:content url="/v.mp4" type="video/mp4"/>',
            [("v.mp4", "video/mp4", 7, None)],
            id="each file once",
        ),
        pytest.param(
            '<enclosure url="mailto:a@b.c" type="x/y"/><media:content url="/what"/>', [], id="nothing to keep"
        ),
        pytest.param(
            '<enclosure url="/a.mp3" type="audio/mpeg" length="99999999999999999999"/>'
            "<itunes:duration>1:2:3:4</itunes:duration>",
            [("a.mp3", "audio/mpeg", None, None)],
            id="numbers out of range",
        ),
    ],
)
def test_attachments(item, inside, expected):
    """Enclosures and what media:content has beside pictures."""
    assert item(f"<guid>1</guid>{inside}").attachments == tuple(
        Attachment(url=f"https://example.org/{name}", mime_type=mime, size_in_bytes=size, duration_in_seconds=lasts)
        for name, mime, size, lasts in expected
    )


def test_attachments_are_bounded(item):
    """At most a hundred."""
    assert (
        len(
            item(
                "<guid>1</guid>" + "".join(f'<enclosure url="/{n}.mp3" type="audio/mpeg"/>' for n in range(150))
            ).attachments
        )
        == 100
    )


def test_an_entry_that_says_nothing_is_left_out_and_counted(read, rss):
    """No guid, no link, no title, no text: nothing to make a record of."""
    feed = read(rss("<title>x</title>", "<pubDate>Fri, 20 Nov 2026 10:00:00 GMT</pubDate>", ""))
    assert [entry.title for entry in feed.entries] == ["x"]
    assert feed.problem == "entries left out: 2 empty"
    assert len(feed.elements) == 3


def test_one_entry_that_fails_does_not_fail_the_feed(read, rss, monkeypatch):
    """Whatever goes wrong with one entry, the others are kept and the problem names it."""
    from worker.feeds import xml_entry

    real = xml_entry.authors
    monkeypatch.setattr(
        xml_entry, "authors", lambda fields, base: 1 / 0 if fields.get("id") == "2" else real(fields, base)
    )
    feed = read(rss("<guid>1</guid>", "<guid>2</guid>", "<guid>3</guid>"))
    assert [entry.guid for entry in feed.entries] == ["1", "3"]
    assert feed.problem == "entries left out: 1 unreadable (ZeroDivisionError)"


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param('<links a="b"/><link>https://example.org/1</link>', id="links"),
        pytest.param('<authors a="b"/><author>A</author>', id="authors"),
        pytest.param("<authors>x</authors><dc:creator>A</dc:creator>", id="authors as text"),
        pytest.param("<authors><author>A</author></authors><dc:creator>B</dc:creator>", id="authors as a group"),
        pytest.param('<tags a="b"/><category>c</category>', id="tags"),
        pytest.param("<published_parsed>x</published_parsed>", id="parsed dates"),
        pytest.param('<published a="b"/><updated a="b"/>', id="dates"),
        pytest.param("<content_detail>x</content_detail><content a='b'/>", id="content"),
        pytest.param("<media_content>x</media_content><media_thumbnail>x</media_thumbnail>", id="media"),
        pytest.param('<image a="b"/><title_detail a="b"/><summary_detail>x</summary_detail>', id="details"),
        pytest.param('<id a="b"/><summary a="b"/>', id="id and summary"),
    ],
)
def test_elements_named_like_feedparsers_keys_do_no_harm(item, inside):
    """A feed can put any type under any of feedparser's keys."""
    assert item(f"{inside}<title>x</title>").title == "x"


def test_authors_have_addresses(read):
    """The address of an Atom author is resolved; one that is none is dropped."""
    feed = read(
        '<feed xmlns="http://www.w3.org/2005/Atom"><link href="https://example.org/"/><entry><id>1</id>'
        "<author><name>A</name><uri>/a</uri></author><author><name>B</name><uri>mailto:b@c.d</uri></author></entry></feed>"
    )
    assert feed.entries[0].authors == (Author(name="A", url="https://example.org/a"), Author(name="B"))
