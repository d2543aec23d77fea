"""Entries that are read from their elements are what feedparser, the witness here, reads of the same document."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.corpus import feeds
from tests.feeds.conftest import NOW, URL
from worker.feeds import charset, elements, trees, xml_feed
from worker.feeds.authors import author_of
from worker.model import ParsedFeed

SPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:slash="http://purl.org/rss/1.0/modules/slash/" '
    'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="urn:x" xmlns:y="urn:x" xmlns:odd="urn:odd" '
    'xmlns:thr="http://purl.org/syndication/thread/1.0"'
)
ROOTS = (
    ("<rss version='2.0' {} {}><channel {}><title>T</title>", "<item {}>", "</item>", "</channel></rss>"),
    (
        "<feed xmlns='http://www.w3.org/2005/Atom' {} {}><!-- {} --><title>T</title>",
        "<entry {}>",
        "</entry>",
        "</feed>",
    ),
    (
        "<rdf:RDF xmlns='http://purl.org/rss/1.0/' {} {}><channel {}><title>T</title></channel>",
        "<item {}>",
        "</item>",
        "</rdf:RDF>",
    ),
)
TEXTS = (
    *("", " ", "a", "two words", "A &amp; B", "&lt;b&gt;bold&lt;/b&gt; &amp;amp; more", "&lt;weird&gt;", "a &lt; b"),
    *(
        "GrÃ¼ÃŸe",
        "Grüße",
        "&#x93;quoted&#x94;",
        "中文 標題",
        "<![CDATA[<p>Said</p>]]>",
        "é",
        "\n  spaced\n ",
        "one, two,,",
    ),
    *(
        "https://a.example/1",
        "https:////a.example/2?a=1&amp;b=2",
        "/relative",
        "urn:uuid:1",
        "http://[",
        "tag:a,2020:1",
    ),
    *("Tue, 03 Nov 2026 10:00:00 GMT", "2026-11-03T10:00:00Z", "03.11.2026", "1:02:03", "en-GB", "de", "QUJD"),
    *("Ada", "ada@a.example (Ada Lovelace)", "Ada &lt;ada@a.example&gt;", "ada@a.example", "(x) b@c.museum"),
)
NAMES = (
    *(
        "title",
        "link",
        "guid",
        "id",
        "pubDate",
        "published",
        "issued",
        "updated",
        "modified",
        "lastBuildDate",
        "created",
    ),
    *("author", "managingEditor", "category", "keywords", "description", "summary", "content", "source", "image"),
    *("comments", "rights", "subtitle", "language", "contributor", "enclosure", "name", "email", "url", "abstract"),
    *("tags", "body", "unheard-of", "links", "authors", "summary_detail", "media_content", "expirationDate", "cloud"),
    *("dc:title", "dc:date", "dc:creator", "dc:subject", "dc:description", "dc:language", "dc:rights", "dc:identifier"),
    *("dcterms:issued", "dcterms:modified", "dcterms:created", "dcterms:valid", "content:encoded", "content:other"),
    *("media:title", "media:description", "media:content", "media:thumbnail", "media:group", "media:keywords"),
    *("media:category", "media:credit", "media:community", "itunes:author", "itunes:summary", "itunes:duration"),
    *("itunes:image", "itunes:keywords", "itunes:category", "itunes:explicit", "itunes:title", "itunes:owner"),
    *("feedburner:origLink", "slash:comments", "atom:link", "atom:title", "x:title", "odd:link", "odd:thing", "rdf:li"),
)
USUAL_NAMES = (
    *("title", "link", "guid", "pubDate", "published", "updated", "author", "category", "description", "summary"),
    *("content", "dc:title", "dc:date", "dc:creator", "dc:subject", "dc:description", "dc:language", "content:encoded"),
    *("media:title", "media:description", "media:thumbnail", "media:keywords", "itunes:author", "itunes:summary"),
    *("itunes:duration", "itunes:keywords", "feedburner:origLink", "atom:link", "x:title", "odd:thing", "source"),
)
ATTRIBUTES = (
    *(
        "type='text'",
        "type='html'",
        "type='HTML'",
        "type='xhtml'",
        "type='image/png'",
        "type='text/plain'",
        "mode='base64'",
    ),
    *(
        "rel='alternate'",
        "rel='enclosure'",
        "rel='SELF'",
        "href='https://a.example/3'",
        "href=''",
        "href='x?a=1&amp;b=2'",
    ),
    *("url='https://a.example/4.jpg'", "uri='https://a.example/5'", "isPermaLink='false'", "ispermalink='true'"),
    *("term='t'", "label='l'", "scheme='s'", "domain='d'", "text='x'", "length='12'", "width='300'", "medium='image'"),
    *("xml:lang='fr_CA'", "xml:lang=''", "xml:base='https://b.example/'", "lang='pl'", "base='https://c.example/'"),
    *("src='https://a.example/6'", "thr:count='3'", "odd:href='https://o.example/'", "duration='60'", "foo='bar'"),
)
ATTRIBUTE = st.lists(
    st.sampled_from(ATTRIBUTES), max_size=3, unique_by=lambda one: one.partition("=")[0].lower().rpartition(":")[2]
).map(" ".join)
NAME = st.sampled_from(NAMES)
TEXT = st.sampled_from(TEXTS)


def tagged(name: str, attributes: str, inside: str) -> str:
    return f"<{name} {attributes}>{inside}</{name}>"


USUAL_LEAF = st.builds(tagged, st.sampled_from(USUAL_NAMES), st.just(""), TEXT)
LEAF = USUAL_LEAF | USUAL_LEAF | USUAL_LEAF | st.builds(tagged, NAME, st.just("") | ATTRIBUTE, TEXT)
PERSON = st.builds(
    tagged,
    st.sampled_from(("author", "contributor", "atom:author")),
    st.just(""),
    st.lists(
        st.builds(tagged, st.sampled_from(("name", "uri", "email", "odd:image")), st.just("") | ATTRIBUTE, TEXT),
        max_size=4,
    ).map("".join),
)
NEST = st.builds(
    tagged,
    st.sampled_from(("media:group", "media:group", "media:content", "media:community", "source", "odd:thing", "title")),
    st.just("") | st.just("") | ATTRIBUTE,
    st.lists(LEAF, max_size=4).map("".join),
)
ENTRY = st.tuples(
    st.sampled_from(
        ("", "", "", "xml:lang='it'", "rdf:about='https://a.example/7'", "href='https://a.example/8'", "odd:z='1'")
    ),
    st.lists(LEAF | LEAF | LEAF | PERSON | NEST, min_size=1, max_size=9).map("".join),
)
AROUND = st.sampled_from(("", "", "", "xml:lang='sv'", "xml:base='https://d.example/'", "lang='nl'"))


RSS, ATOM, _ = ROOTS


def document_of(
    root: tuple[str, str, str, str],
    *insides: str,
    attributes: str = "",
    around: str = "",
    within: str = "",
    of_feed: str = "",
) -> str:
    """A document with an entry for each of these."""
    head, begin, end, foot = root
    entries = "".join(begin.format(attributes) + inside + end for inside in insides)
    return head.format(SPACES, around, within) + of_feed + entries + foot


USUAL_OF_FEED = st.builds(
    tagged,
    st.sampled_from(
        (
            *("title", "link", "description", "language", "generator", "lastBuildDate", "pubDate", "id", "updated"),
            *("subtitle", "copyright", "managingEditor", "webMaster", "itunes:image", "atom:link", "dc:language"),
        )
    ),
    st.just("") | st.just("") | ATTRIBUTE,
    TEXT,
)
PICTURE = st.builds(
    tagged,
    st.just("image"),
    st.just(""),
    st.lists(
        st.builds(tagged, st.sampled_from(("url", "title", "link", "width", "odd:thing")), st.just(""), TEXT),
        max_size=3,
    ).map("".join),
)
OF_FEED = st.just("") | st.lists(USUAL_OF_FEED | USUAL_OF_FEED | LEAF | PICTURE | PERSON, max_size=5).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Of one entry: some that are odd spoil feedparser's reading of those that follow."""
    root, (attributes, inside) = draw(st.sampled_from(ROOTS)), draw(ENTRY)
    around, within, of_feed = draw(AROUND), draw(AROUND), draw(OF_FEED)
    return document_of(root, inside, attributes=attributes, around=around, within=within, of_feed=of_feed)


def witnessed(document: bytes, known: frozenset[bytes] = frozenset()) -> None:
    options = {"url": URL, "known": known, "now": NOW, "max_entries": 2000}
    assert xml_feed.parse(document, **options) == xml_feed.parse(document, **options, by_feedparser=True)


@given(documents())
@example(document_of(RSS, "<media:title>m</media:title><title/><title>t</title>"))
@example(document_of(ATOM, "<author><uri>u</uri><name>n</name></author><author><email>e@e.example</email></author>"))
@example(document_of(RSS, "<link xmlns='urn:other'>https://a.example/9</link><x:guid>1</x:guid>"))
@example(document_of(RSS, "<media:link xmlns:media='urn:other'>https://a.example/9</media:link>"))
@example(document_of(ATOM, "<content xml:base='https://b.example/'>c</content><id>https://a.example/?</id>"))
@example(document_of(ATOM, "<content xml:base='https://b.example/'>c</content><link href='https://[a/'/>"))
@example(
    document_of(ATOM, "<content xml:base='https://b.example/'>c</content><author><name>n</name><uri>u</uri></author>")
)
@example(document_of(ATOM, "<author><name/></author><author>Ada</author>"))
@example(document_of(ATOM, "<author>Ada</author><author><name/></author>"))
def test_entries_are_read_as_feedparser_reads_them(document: str) -> None:
    body = document.encode("utf-8", "ignore")
    witnessed(body)
    pruned = elements.prune(trees.legal(body), frozenset(), 2000, url=URL)
    for known in pruned.hashes[:2]:
        witnessed(body, frozenset({known}))


@pytest.mark.parametrize("domain", ["a.museum", "daily.example", "a.xn--p1ai", "a.рф", "b.a.de", "[127.0.0.1]"])
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("lena@{} (Lena Marsh)", "Lena Marsh"),
        ("Lena Marsh &lt;lena@{}&gt;", "Lena Marsh"),
        ("lena.b-c+d@{}", "lena.b-c+d@{}"),
        ("Lena Marsh (lena@{})", "Lena Marsh"),
        ("lena@{}, Lena", ", Lena"),
    ],
)
@pytest.mark.parametrize("tag", ["author", "dc:creator"])
@pytest.mark.parametrize("by_feedparser", [False, True])
def test_authors_with_addresses(domain: str, line: str, name: str, tag: str, by_feedparser: bool) -> None:
    """In each of RSS's ways, with a top-level domain of whatever length and script."""
    document = document_of(RSS, f"<guid>1</guid><{tag}>{line.format(domain)}</{tag}>").encode()
    feed = xml_feed.parse(document, url=URL, known=frozenset(), now=NOW, max_entries=9, by_feedparser=by_feedparser)
    assert isinstance(feed, ParsedFeed)
    assert [author.name for author in feed.entries[0].authors] == [name.format(domain)]


def test_an_address_ends_where_its_domain_does() -> None:
    """What no space parts from it is the name, in a script other than the domain's."""
    assert author_of("a@b.com李明") == {"name": "李明", "email": "a@b.com"}


@pytest.mark.parametrize("called", ["odd:item", "odd:Item", "ITEM", "Entry"])
def test_an_entry_of_another_name_is_one_as_feedparser_has_it(called: str) -> None:
    begin, end = f"<{called}><title>o</title><link>https://a.example/2</link></{called}>", "</channel></rss>"
    witnessed(document_of(RSS, USUAL).replace(end, begin + end).encode())


@pytest.mark.parametrize("name", sorted(feeds()))
def test_real_entries_are_read_as_feedparser_reads_them(name: str) -> None:
    document = charset.as_utf8(feeds()[name], None).lstrip(b"\0 \t\r\n")
    if document.startswith(b"{"):
        pytest.skip("a JSON Feed")
    witnessed(document)


USUAL = (
    "<title>A</title><link>https://a.example/1</link><guid isPermaLink='false'>1</guid>"
    "<pubDate>Tue, 03 Nov 2026 10:00:00 GMT</pubDate><dc:creator>Ada</dc:creator><category>c</category>"
    "<description>&lt;p&gt;d&lt;/p&gt;</description><content:encoded><![CDATA[<p>e</p>]]></content:encoded>"
    "<media:content url='https://a.example/1.jpg' medium='image'><media:credit>x</media:credit></media:content>"
    "<slash:comments>1</slash:comments><post-id xmlns='com-wordpress:feed-additions:1'>7</post-id>"
)


OF_JEKYLL = (
    "<title type='html'>A</title><link href='https://a.example/1' rel='alternate' type='text/html' title='A'/>"
    "<published>2026-11-03T10:00:00+00:00</published><updated>2026-11-03T10:00:00+00:00</updated>"
    "<id>https://a.example/1</id><content type='html' xml:base='https://a.example/1'><![CDATA[<p>e</p>]]></content>"
    "<author><name>Ada</name><email>ada@a.example</email></author><category term='c'/><summary type='html'>d</summary>"
    "<media:thumbnail url='https://a.example/1.jpg'/><media:content medium='image' url='https://a.example/1.jpg'/>"
)


OF_NOBODY = "<title>A</title><id>https://a.example/1</id><author><name></name></author>"


@pytest.mark.parametrize(
    ("root", "usual", "version"), [(RSS, USUAL, "rss20"), (ATOM, OF_JEKYLL, "atom10"), (ATOM, OF_NOBODY, "atom10")]
)
def test_the_usual_entry_needs_no_feedparser(root: tuple[str, str, str, str], usual: str, version: str) -> None:
    pruned = elements.prune(document_of(root, usual, usual).encode(), frozenset(), 2000, url=URL)
    assert [fields is not None for fields in pruned.read] == [True]
    assert pruned.feed is not None
    assert pruned.feed[0] == version
    assert pruned.document == b""
