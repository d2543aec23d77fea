"""Where entries stand in a document, and the document without those that are known."""

from __future__ import annotations

from html import escape

import pytest

from tests.corpus import feeds
from worker.feeds import blocks, charset, trees

ITEM = b"<item><guid>1</guid></item>"


def written(document: bytes) -> list[bytes]:
    return [document[block.start : block.end] for block in blocks.found(document)]


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        pytest.param(b"<rss>%b</rss>", ITEM, id="plain"),
        pytest.param(b"<rss><!-- <item> -->%b<!-- </item> --></rss>", ITEM, id="comments"),
        pytest.param(b"<rss><d><![CDATA[</item><item>]]></d>%b</rss>", ITEM, id="CDATA"),
        pytest.param(b"<rss><?p <item> ?>%b</rss>", ITEM, id="processing instructions"),
        pytest.param(b"<!DOCTYPE rss><rss>%b</rss>", ITEM, id="a doctype"),
        pytest.param(b"<rss><items/><itemized>%b</itemized></rss>", ITEM, id="names that begin alike"),
        pytest.param(
            b"<rss><item\n a='1'>%b</item ></rss>", b"<item\n a='1'>" + ITEM + b"</item >", id="one in another"
        ),
        pytest.param(b"<rss><a:entry>%b<x/></a:entry></rss>", b"<a:entry>" + ITEM + b"<x/></a:entry>", id="of a kind"),
    ],
)
def test_entries_are_found_from_their_first_byte_to_their_last(around: bytes, expected: bytes) -> None:
    assert written(around % ITEM) == [expected]


def test_an_entry_may_have_nothing_in_it() -> None:
    assert written(b"<rss><item/>" + ITEM + b"<item a='b' /></rss>") == [b"<item/>", ITEM, b"<item a='b' />"]


@pytest.mark.parametrize(
    "document",
    [
        b"<rss><item><guid>1</guid></rss>",
        b"<rss></item>" + ITEM + b"</rss>",
        b"<rss>" + ITEM + b"<!-- and so on",
        b"<rss>" + ITEM + b"<d><![CDATA[ and so on",
        b"<rss>" + ITEM + b"<item >",
        b'<!DOCTYPE rss [<!ENTITY i "' + ITEM + b'">]><rss>' + ITEM + b"&i;</rss>",
    ],
)
def test_nothing_is_found_where_it_may_be_wrong(document: bytes) -> None:
    assert blocks.found(document) == ()


def test_namespaces_are_a_part_of_what_an_entry_says() -> None:
    """Without a declared prefix, `content:encoded` is nothing; with it, the same bytes are the article."""
    (one,), (other,), (same,) = (
        blocks.found(b"<rss %b><channel><title>%b</title>%b</channel></rss>" % (names, title, ITEM))
        for names, title in ((b"", b"a"), (b"xmlns:content='urn:c'", b"a"), (b"", b"b"))
    )
    assert one.hash == same.hash != other.hash


def split(document: bytes, *known: int) -> blocks.Parted | None:
    found = blocks.found(document)
    return blocks.parted(document, found, {found[number].hash for number in known})


def test_a_document_without_what_is_known_is_the_rest_of_it() -> None:
    items = [b"<item>%d</item>" % n for n in range(6)]
    parted = split(b"<rss>" + b"\n".join(items) + b"<d/></rss>", 0, 1, 4, 5)
    assert parted is not None
    assert parted.document == b"<rss>\n\n<item>2</item>\n<item>3</item>\n\n<d/></rss>"
    assert len(parted.hashes) == 2


def test_a_document_of_new_entries_is_not_parted() -> None:
    """To search the others for what identifies each would take longer: as long as the product of both."""
    assert split(b"<rss>" + ITEM + b"</rss>") is None
    assert split(b"<rss>" + ITEM + b"".join(b"<item>%d</item>" % n for n in range(1000)) + b"</rss>", 0) is None


@pytest.mark.parametrize(
    ("known", "identifier", "expected"),
    [
        pytest.param("<guid>story-1</guid>", "story-1", True, id="the same"),
        pytest.param("<guid>story-10</guid>", "story-1", True, id="perhaps"),
        pytest.param("<guid>story-2</guid>", "story-1", False, id="another"),
        pytest.param("<guid>a &amp; one</guid>", "a & one", True, id="escaped"),
        pytest.param("<guid><![CDATA[a & one]]></guid>", "a & one", True, id="not escaped"),
        pytest.param("<guid>nothing</guid>", "7", True, id="too short to say"),
        pytest.param("<guid>nothing</guid>", "日本語", True, id="in other letters"),
        pytest.param("<link>/story-1</link>", "2026/11/story-1", True, id="a part of it that is not in the entry"),
    ],
)
def test_what_a_known_entry_may_be_identified_by(known: str, identifier: str, expected: bool) -> None:
    own = escape(identifier).removeprefix("2026/11/")
    document = f"<rss><item>{known}</item><item><guid>{own}</guid></item><item>z</item></rss>".encode()
    parted = split(document, 0, 2)
    assert parted is not None
    assert parted.may_have(identifier) is expected


@pytest.mark.parametrize("name", sorted(feeds()))
def test_entries_of_real_feeds_are_found(name: str) -> None:
    """Where lxml finds them; and all that is known is left out."""
    document = charset.as_utf8(feeds()[name], None)
    tree, flaw = trees.read(document, frozenset())
    if tree is None or flaw or not tree.elements:
        pytest.skip("not well-formed, or no XML")
    assert None not in tree.hashes
    rest, _ = trees.read(document, frozenset(filter(None, tree.hashes[1:])))
    assert rest is not None
    assert rest.parted is not None
    assert list(rest.hashes) == list(tree.hashes[:1])
    assert list(rest.parted.every) == tree.hashes
