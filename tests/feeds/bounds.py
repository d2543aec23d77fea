"""What `parse` promises of whatever it is given, checked value by value."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from worker.feeds import decode_entry, encode_entry
from worker.model import Attachment, Entry, Millis, NotAFeed, ParsedFeed
from worker.urls import canonical

CONTROLS = {*map(chr, range(32)), *map(chr, range(127, 160))} - {"\n", "\t"}
DAY_MS = 86_400_000
LONGEST = {  # characters
    "guid": 4_000, "title": 1_000, "summary": 100_000, "content": 2_000_000, "name": 200, "tags": 200, "problem": 300,
    "reason": 300, "language": 40, "mime_type": 100, "version": 20,
    "url": 8_000, "external_url": 8_000, "image": 8_000, "site_url": 8_000, "repeated_guids": 4_000,
    "repeated_urls": 24_000,  # escaped
}  # fmt: skip
URLS = {"url", "external_url", "image", "site_url", "repeated_urls"}
MANY_LINES = {"summary", "content", "guid", "repeated_guids"}
MOST = {"tags": 50, "authors": 50, "attachments": 100}


def assert_sound(outcome: ParsedFeed | NotAFeed, *, now: Millis, max_entries: int = 2000) -> None:
    """Picklable, storable, clean of what harms a terminal or an encoder, and no value beyond its bounds."""
    assert isinstance(outcome, ParsedFeed | NotAFeed)
    assert pickle.loads(pickle.dumps(outcome)) == outcome  # noqa: S301  # our own
    for name, text in _texts("", outcome):
        assert text or name == "version", name  # feedparser's name for a dialect that it can't tell
        assert not CONTROLS & set(text), (name, text[:200])
        assert name in MANY_LINES or "\n" not in text, (name, text[:200])
        assert len(text.encode()) >= len(text) <= LONGEST[name], (name, len(text))  # encode: no lone surrogate
        if name in URLS:
            assert text.startswith(("http://", "https://")), (name, text[:200])
            assert canonical(text), (name, text[:200])
    if isinstance(outcome, ParsedFeed):
        assert len(outcome.entries) <= max_entries
        assert len(set(outcome.elements)) == len(outcome.elements) <= max_entries
        assert {len(element) for element in outcome.elements} <= {8}
        _assert_hints(outcome)
        for entry in outcome.entries:
            _assert_entry(entry, now)


def _assert_entry(entry: Entry, now: Millis) -> None:
    assert decode_entry(encode_entry(entry)) == entry
    assert all(len(getattr(entry, name)) <= most for name, most in MOST.items())
    for date in (entry.published, entry.updated):
        assert date is None or DAY_MS <= date <= now + DAY_MS
    for file in entry.attachments:
        assert type(file) is Attachment
        assert file.size_in_bytes is None or 0 < file.size_in_bytes < 2**53
        assert file.duration_in_seconds is None or 0 < file.duration_in_seconds < 10_000_000


def _assert_hints(feed: ParsedFeed) -> None:
    hints = feed.hints
    assert hints.fresh is None
    assert hints.ttl_s is None or 60 <= hints.ttl_s <= 365 * 86_400
    assert hints.update_s is None or 0 < hints.update_s <= 365 * 86_400
    assert hints.skip_hours < set(range(24))
    assert hints.skip_days < set(range(7))


def _texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Every string, with the name of the field that it stands in."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, tuple | frozenset):
        for item in value:
            yield from _texts(name, item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(field.name, getattr(value, field.name))
