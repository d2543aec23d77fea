"""Where a document says that older entries are."""

from __future__ import annotations

import json

import pytest

from tests.feeds.conftest import Read

HERE = "https://example.org/feeds/"  # the folder of the address that all documents come from
ATOM_NS = 'xmlns:atom="http://www.w3.org/2005/Atom"'


def atom(*links: str) -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>{"".join(links)}<entry><id>1</id></entry></feed>'


def rss(*links: str) -> str:
    return f'<rss version="2.0" {ATOM_NS}><channel>{"".join(links)}<item><guid>1</guid></item></channel></rss>'


FOUND = {
    "the archive before": (atom('<link rel="prev-archive" href="2026-10.xml"/>'), f"{HERE}2026-10.xml"),
    "the next page": (atom('<link rel="next" href="?page=2"/>'), f"{HERE}all.xml?page=2"),
    "in RSS": (rss('<atom:link rel="next" href="https://example.org/p/2"/>'), "https://example.org/p/2"),
    "the archive goes before the page": (
        atom('<link rel="next" href="?page=2"/>', '<link rel="prev-archive" href="a"/>'),
        f"{HERE}a",
    ),
    "the first of several": (atom('<link rel="next" href="2"/>', '<link rel="next" href="3"/>'), f"{HERE}2"),
    "the relation written out": (
        atom('<link rel="http://www.iana.org/assignments/relation/Next" href="2"/>').replace("/Next", "/next"),
        f"{HERE}2",
    ),
}
NOT = {
    "no link": atom(),
    "its own address": atom('<link rel="next" href="all.xml"/>'),
    "other relations": atom('<link rel="self" href="2"/>', '<link rel="next-archive" href="3"/>', '<link href="4"/>'),
    "no address": atom('<link rel="next"/>', '<link rel="prev-archive" href=""/>'),
    "no web address": atom('<link rel="next" href="javascript:alert(1)"/>'),
    "a file": atom('<link rel="next" href="file:///etc/passwd"/>'),
    "a link of an entry's": atom().replace("<id>1</id>", '<id>1</id><link rel="next" href="2"/>'),
    "RSS's own link": rss('<link rel="next" href="2"/>'),
    "not well-formed": atom('<link rel="next" href="2"/>').replace("</entry>", ""),
}


@pytest.mark.parametrize(("document", "address"), FOUND.values(), ids=FOUND)
def test_where_older_entries_are(read: Read, document: str, address: str) -> None:
    """Resolved against where the document came from; also where all of its entries are known."""
    parsed = read(document)
    assert parsed.older == address
    known = read(document, frozenset(parsed.elements))
    assert (known.entries, known.older) == ((), address)


@pytest.mark.parametrize("document", NOT.values(), ids=NOT)
def test_what_leads_to_no_older_entries(read: Read, document: str) -> None:
    """What is no such link, and what leads nowhere on the web."""
    assert read(document).older is None


@pytest.mark.parametrize(
    ("next_url", "address"),
    [("page2.json", f"{HERE}page2.json"), ("all.xml", None), (17, None), (["x"], None), (None, None)],
)
def test_the_next_page_of_a_json_feed(read: Read, next_url: object, address: str | None) -> None:
    """`next_url`, where it is an address."""
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [{"id": "1"}], "next_url": next_url}
    assert read(json.dumps(feed)).older == address
