from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from worker.feeds import parse
from worker.model import Entry, Millis, NotAFeed, ParsedFeed

NOW = Millis(1_795_392_000_000)  # 2026-11-23T00:00:00Z
URL = "https://example.org/feeds/all.xml"

Outcome = Callable[..., ParsedFeed | NotAFeed]
Read = Callable[..., ParsedFeed]


@pytest.fixture
def now() -> Millis:
    return NOW


@pytest.fixture
def outcome() -> Outcome:
    """`parse` with an address, a time and nothing known, for text or bytes."""

    def parsed(
        body: bytes | str, known: frozenset[bytes] = frozenset(), content_type: str | None = None, **more: Any
    ) -> ParsedFeed | NotAFeed:
        data = body.encode() if isinstance(body, str) else body
        return parse(data, url=URL, content_type=content_type, known=known, now=NOW, **more)

    return parsed


@pytest.fixture
def read(outcome: Outcome) -> Read:
    """`outcome` for what has to be a feed."""

    def feed(*args: object, **more: object) -> ParsedFeed:
        parsed = outcome(*args, **more)
        assert isinstance(parsed, ParsedFeed), parsed
        return parsed

    return feed


@pytest.fixture
def rss() -> Callable[..., str]:
    """An RSS 2.0 document around the markup of items, or of one item's inside."""

    def document(*insides: str, channel: str = "<link>https://example.org/</link>", attributes: str = "") -> str:
        items = "".join(f"<item>{inside}</item>\n" for inside in insides)
        return (
            '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/" '
            'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
            'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
            f'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" {attributes}>'
            f"<channel><title>T</title>{channel}\n{items}</channel></rss>"
        )

    return document


@pytest.fixture
def item(read: Read, rss: Callable[..., str]) -> Callable[..., Entry]:
    """The one entry of an RSS 2.0 feed."""

    def only(inside: str, **more: str) -> Entry:
        (entry,) = read(rss(inside, **more)).entries
        return entry

    return only
