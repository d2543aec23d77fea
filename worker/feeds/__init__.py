"""bytes → entries: what a feed document says, and which of it is new.

`parse` is pure: no I/O, no clock, no chance. It can be slow on hostile input (two quadratics of feedparser are known),
so it runs in a process that can be killed. `encode_entry` and `decode_entry` are how the store keeps an entry between
its poll and its ingestion.
"""

from __future__ import annotations

from worker.feeds.stored import decode_entry, encode_entry
from worker.model import Millis, NotAFeed, ParsedFeed

__all__ = ["decode_entry", "encode_entry", "parse"]


def parse(
    body: bytes, *, url: str, content_type: str | None, known: frozenset[bytes], now: Millis, max_entries: int = 2000
) -> ParsedFeed | NotAFeed:
    """The entries of a feed document whose elements are not in `known`.

    RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0, JSON Feed 1.0 and 1.1; malformed XML as far as feedparser can read it.
    `url` is where the body came from, after redirects; `known` are `ParsedFeed.elements` of the version before;
    entries after the first `max_entries` are left out, elements and all, and `problem` says so.

    Raises nothing that the body could cause, short of using up time or memory.
    """
    # Here and not above: the main process names this function but runs it elsewhere, and feedparser, lxml and nh3
    # would cost it 13 MB.
    from worker.feeds import read

    return read.parse(body, url=url, content_type=content_type, known=known, now=now, max_entries=max_entries)
