"""What is known is not parsed again, and what is parsed is the same as without that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.feeds import parse
from worker.model import Entry, Millis, ParsedFeed
from worker.urls import canonical

NOW = Millis(1_795_392_000_000)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.org/" xml:lang="en"><title>t</title>'
    "<category term='x'/><author><name>F</name></author>{}</feed>"
)
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>t</title><link>https://example.org/</link></channel>{}</rdf:RDF>'
)
RSS = (
    '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/">'
    "<channel><title>t</title><link>https://example.org/</link>{}<language>de</language></channel></rss>"
)
JSON = '{{"version": "https://jsonfeed.org/version/1.1", "title": "t", "language": "en", "items": [{}]}}'

text = st.sampled_from(
    [
        *("a", "b", "<c", "&", "", " d ", "é", "https://example.org/1", "x?utm_source=1", "<item>", "</item>"),
        *("/a&story-b", "https://EXAMPLE.org/a&story-b?utm_source=x", "https://example.org/a%26story-b"),
        *("<description>", "</description>", "<description>x</description>", "<!--", "<title>", "</title>"),
    ]
)


def escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;")


def rss_item(values: tuple[str, str, str, str]) -> str:
    guid, link, title, more = map(escaped, values)
    return (
        f"<item><guid>{guid}</guid><title>{title}</title><media:description>{more}</media:description>"
        f"<description>{more}{more}</description><link>{link}</link><dc:language>fr</dc:language></item>\n"
    )


def unescaped_item(values: tuple[str, str, str, str]) -> str:
    guid, link, title, more = (f"<![CDATA[{value}]]>" for value in values)
    return (
        f"<!--<item>--><item><title>{title}</title><guid isPermaLink='false'>{guid}</guid><?p <item>?>"
        f"<description>{more}</description><link>{link}</link>"
        f"<media:title>{more}</media:title><!--</item>--></item><!--</item>-->"
    )


def atom_entry(values: tuple[str, str, str, str]) -> str:
    guid, link, title, more = map(escaped, values)
    return (
        f'<entry xml:lang="{"fr" if more else "es"}"><id>{guid}</id><title type="html">{title}</title>'
        f'<source><id>other</id><title>o</title></source><link href="{link}"/><link rel="related" href="r"/>'
        f'<x:content xmlns:x="urn:x">{more}</x:content><content type="html">{more}</content></entry>'
    )


def rdf_item(values: tuple[str, str, str, str]) -> str:
    guid, link, title, more = map(escaped, values)
    return f'<item rdf:about="{guid}"><title>{title}</title><link>{link}</link><description>{more}</description></item>'


def json_item(values: tuple[str, str, str, str]) -> str:
    import json

    return json.dumps(dict(zip(("id", "url", "title", "content_html"), values, strict=True)))


DIALECTS = {
    "rss": (RSS, rss_item, ""),
    "unescaped": (RSS, unescaped_item, "\n"),
    "atom": (ATOM, atom_entry, "\n"),
    "rdf": (RDF, rdf_item, " "),
    "json": (JSON, json_item, ","),
}


def feed_of(document: str, known: frozenset[bytes] = frozenset()) -> ParsedFeed:
    feed = parse(document.encode(), url="https://example.org/feed", content_type=None, known=known, now=NOW)
    assert isinstance(feed, ParsedFeed), feed
    return feed


def said_with(feed: ParsedFeed, entries: list[Entry]) -> ParsedFeed:
    """All that is said of the feed, and what of these entries' identifiers is repeated."""
    guids, urls = {entry.guid for entry in entries}, {canonical(entry.url) for entry in entries if entry.url}
    return replace(
        feed, entries=(), repeated_guids=feed.repeated_guids & guids, repeated_urls=feed.repeated_urls & urls
    )


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_rest_is_the_same_whatever_is_known(dialect, data):
    """For any known elements, the others' entries, and all that is said of the feed, are those of the whole parse."""
    frame, item, between = DIALECTS[dialect]
    # The title makes each element another one; equal elements are known together.
    drawn = data.draw(st.lists(st.tuples(text, text, text, text), max_size=6))
    values = [(guid, link, f"{n} {title}", more) for n, (guid, link, title, more) in enumerate(drawn)]
    document = frame.format(between.join(map(item, values)))
    whole = feed_of(document)
    assert len(whole.elements) == len(whole.entries) == len(values)
    known = frozenset(data.draw(st.sets(st.sampled_from(whole.elements))) if values else ())

    rest = feed_of(document, known)
    wanted = [entry for entry, element in zip(whole.entries, whole.elements, strict=True) if element not in known]
    assert list(rest.entries) == wanted
    assert rest.elements == whole.elements
    if wanted or not values:
        assert said_with(rest, wanted) == said_with(whole, wanted)


TWO = RSS.format('<item><guid>1</guid><x a="1" b="2"/></item>\n<item><guid>2</guid></item>\n')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("<title>t</title>", "<title>another</title><lastBuildDate>now</lastBuildDate>", id="the channel"),
        pytest.param("<channel>", "<channel><!-- <item> --><?php <item> ?>", id="what is not read"),
        pytest.param("</item>\n", "</item>\n\n\t", id="the space between entries"),
    ],
)
def test_hashes_do_not_change_with_what_is_around(read, before, after):
    """An entry is known again when the document changes, but not the entry."""
    changed = TWO.replace(before, after)
    assert changed != TWO
    assert read(changed).elements == read(TWO).elements


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("<rss ", '<rss xmlns:slash="urn:slash" ', id="a namespace that the entry does not use"),
        pytest.param("<guid>1", "<!-- cached --><guid>1", id="a comment"),
        pytest.param("<guid>1</guid>", "<guid><![CDATA[1]]></guid>", id="CDATA"),
        pytest.param('a="1" b="2"', "b='2'  a='1'", id="the order of attributes"),
    ],
)
def test_what_is_written_another_way_is_read_again(read, before, after):
    """It goes by how it is written, which costs less to tell than what it says; that is the same then."""
    known = frozenset(read(TWO).elements)
    again = read(TWO.replace(before, after), known=known)
    assert read(TWO).entries[0] in again.entries


def test_what_a_comment_hid_is_new_once_it_is_shown(read):
    """Though every byte of it was there before."""
    hidden = TWO.replace("<item><guid>2", "<!--<item><guid>2").replace("</item>\n<lang", "</item>-->\n<lang")
    before = read(hidden)
    assert [entry.guid for entry in before.entries] == ["1"]
    assert [entry.guid for entry in read(TWO, known=frozenset(before.elements)).entries] == ["2"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("<guid>1<", "<guid>1b<", id="text"),
        pytest.param('a="1"', 'a="3"', id="an attribute"),
        pytest.param('<x a="1"', '<x:x xmlns:x="urn:x" a="1"', id="a namespace"),
    ],
)
def test_hashes_change_with_the_entry(read, before, after):
    """Whatever of it changes."""
    document = RSS.format('<item><guid>1</guid><x a="1"/></item>')
    assert read(document.replace(before, after)).elements != read(document).elements


def test_relative_namespaces_have_hashes_too(read):
    """Canonical XML refuses them."""
    document = RSS.format('<item xmlns:r="relative"><guid>1</guid><r:x r:a="b"/></item>')
    feed = read(document)
    assert [entry.guid for entry in feed.entries] == ["1"]
    assert read(document, known=frozenset(feed.elements)).entries == ()


def test_where_all_is_known_only_the_elements_are_told(read, rss, monkeypatch):
    """feedparser, the costly part, is not asked then."""
    from worker.feeds import xml_feed

    known = {
        "rss": read(rss("<guid>1</guid>", "<guid>2</guid>")),
        "atom": read(ATOM.format("<entry><id>1</id></entry>")),
        "rss10": read(RDF.format('<item rdf:about="1"/>')),
    }
    monkeypatch.delattr(xml_feed.feedparser, "parse")
    documents = {
        "rss": rss("<guid>1</guid>", "<guid>2</guid>"),
        "atom": ATOM.format("<entry><id>1</id></entry>"),
        "rss10": RDF.format('<item rdf:about="1"/>'),
    }
    for version, document in documents.items():
        elements = known[version].elements
        assert read(document, known=frozenset(elements)) == ParsedFeed(version=version, elements=elements)


@pytest.mark.parametrize("called", ["ITEM", "Item"])
def test_entries_are_found_however_their_elements_are_written(read, rss, called):
    """Beside others, or alone, as some sites write by hand: what is known of them is not read again, and what is new is
    though all others should be known."""
    items = [f"<item><guid>{n}</guid><title>T {n}</title></item>" for n in range(3)]
    for alone in (False, True):
        by_hand = [text.replace("item>", f"{called}>") if alone or text is items[2] else text for text in items]
        feed = read(RSS.format("".join(by_hand)))
        assert [entry.guid for entry in feed.entries] == ["0", "1", "2"]
        assert len(feed.elements) == 3
        before = read(RSS.format("".join(by_hand[:2])))
        assert read(RSS.format("".join(by_hand)), known=frozenset(before.elements)).entries[-1].guid == "2"
        assert read(RSS.format("".join(by_hand)), known=frozenset(feed.elements)).entries == ()


def test_entries_beyond_the_limit_are_neither_read_nor_remembered(read, rss):
    """So they come up again, when those before them have gone, and the problem says that they are there."""
    document = rss(*(f"<guid>{n}</guid>" for n in range(5)))
    feed = read(document, max_entries=3)
    assert [entry.guid for entry in feed.entries] == ["0", "1", "2"]
    assert len(feed.elements) == 3
    assert feed.problem == "more than 3 entries: the last 2 were left out"
    again = read(document, known=frozenset(feed.elements), max_entries=3)
    assert (again.entries, again.problem) == ((), feed.problem)


def test_repeated_guids_and_urls_are_found_among_the_known_too(read, rss):
    """An identifier that a known entry carries as well identifies neither."""
    document = rss(
        '<guid isPermaLink="false">same</guid><link>https://example.org/1</link>',
        '<guid isPermaLink="false">same</guid><link>https://EXAMPLE.org/2?utm_source=x</link>',
        '<guid isPermaLink="false"> other</guid><link>/2</link>',
        "<title>neither</title>",
        "<title>neither of both</title>",
    )
    whole = read(document)
    assert whole.repeated_guids == {"same"}
    assert whole.repeated_urls == {"https://example.org/2"}
    rest = read(document, known=frozenset(whole.elements[1:]))
    assert [entry.guid for entry in rest.entries] == ["same"]
    assert (rest.repeated_guids, rest.repeated_urls) == (whole.repeated_guids, whole.repeated_urls)


def test_guids_that_differ_by_their_schemes_alone_are_repeated(read, rss):
    """By the scheme no guid is told from another: each would be taken for the other's update."""
    document = rss("<guid>http://example.org/1</guid>", "<guid>HTTPS://example.org/1</guid>", "<guid>1</guid>")
    whole = read(document)
    assert whole.repeated_guids == {"http://example.org/1", "HTTPS://example.org/1"}
    rest = read(document, known=frozenset(whole.elements[1:]))
    assert "http://example.org/1" in rest.repeated_guids


def test_permalinks_in_place_of_links_are_found_among_the_known_too(read, rss):
    """A known entry is identified as it would be if it were new, odd markup and all."""
    document = rss(
        "<link/><guid>https://example.org/1</guid><title>a</title>",
        "<links><link>https://example.org/1</link></links><title>b</title>",
        "<link>https://example.org/1</link>",
    )
    whole = read(document)
    for known in (whole.elements[1:], whole.elements[:1] + whole.elements[2:]):
        assert read(document, known=frozenset(known)).repeated_urls == {"https://example.org/1"}
    assert {entry.url for entry in whole.entries} == whole.repeated_urls


def test_a_repeated_guid_is_written_as_the_entry_has_it(read):
    """So that the one can be looked up in the other: xml:base, space, entities and all."""
    entry = "<entry><id>\n a&amp;b </id><title>{}</title></entry>"
    feed = read(ATOM.format(entry.format(1) + entry.format(2)))
    assert {entry.guid for entry in feed.entries} == feed.repeated_guids == {"https://example.org/a&b"}


@pytest.mark.parametrize("by_itself", ["", "<category lang='x'>c</category>"], ids=["plain", "rare"])
def test_no_entry_is_known_because_it_says_so(read, rss, by_itself):
    """The mark of known entries is no secret."""
    feed = read(rss(f"<guid>1</guid>{by_itself}<feedmill-known/>", "<guid>2</guid>"))
    assert [entry.guid for entry in feed.entries] == ["1", "2"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_listed_twice_is_one(dialect):
    """An element that is there again, identical, is no second entry that shares its guid and its link."""
    frame, item, between = DIALECTS[dialect]
    once, other = (item((f"https://example.org/{n}", f"https://example.org/{n}", "t", "")) for n in (1, 2))
    whole = feed_of(frame.format(between.join([once, other, once, once])))
    assert whole == feed_of(frame.format(between.join([once, other])))
    assert [entry.url for entry in whole.entries] == ["https://example.org/1", "https://example.org/2"]
    assert (whole.repeated_guids, whole.repeated_urls) == (frozenset(), frozenset())
    rest = feed_of(frame.format(between.join([once, other, once, once])), frozenset(whole.elements[:1]))
    assert (rest.entries, rest.repeated_urls) == (whole.entries[1:], frozenset())
