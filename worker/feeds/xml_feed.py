"""RSS, RDF and Atom: pruned by lxml if the document is well-formed, read by feedparser."""

from __future__ import annotations

import functools
import io
import re
from itertools import chain

import feedparser

from worker.feeds import authors, elements, expat, hints, hubs, paging, text, xml_entry
from worker.feeds.entries import mapped, omission, problem, repeated_guids, repeated_urls
from worker.feeds.fields import Fields, string
from worker.feeds.xml_entry import Surroundings
from worker.model import Millis, NotAFeed, ParsedFeed
from worker.urls import absolute, canonical, without_scheme

_KINDS = {"feed": "atom", "RDF": "rss10"}  # feedparser's names for what a root element alone tells; else "rss"
_END = re.compile(rb"</(?:[A-Za-z][\w.-]*:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)

authors.use()
expat.use()


def parse(
    body: bytes,
    *,
    url: str,
    known: frozenset[bytes],
    now: Millis,
    max_entries: int,
    whole: bool = False,
    by_feedparser: bool = False,
) -> ParsedFeed | NotAFeed:
    """Like `worker.feeds.parse`. If every element is known, the result has only version, elements, hints, hub and
    problem. whole: also look at known entries, for their identifiers. by_feedparser: let feedparser read all entries,
    none from its element alone."""
    again = functools.partial(parse, body, url=url, known=known, now=now, max_entries=max_entries)
    pruned = elements.prune(body, known, max_entries, url=url, whole=whole, by_feedparser=by_feedparser)
    flaw = text.line(f"not well-formed: {pruned.flaw}", 200) if pruned.flaw else None
    older = paging.resolved(pruned.older, url)
    if pruned.hashes and not pruned.fresh:
        return ParsedFeed(
            version=_KINDS.get(pruned.root, "rss"),
            elements=pruned.hashes,
            hints=pruned.hints,
            older=older,
            hub=pruned.hub,
            problem=problem(flaw, omission(pruned.omitted, max_entries)),
        )
    try:
        version, feed, raws = (*pruned.feed, []) if pruned.feed else _read(pruned.document)
    except MemoryError:
        raise  # says nothing of the document
    except Exception as error:  # feedparser does not catch what its parsers fail with: IndexError, AssertionError, …
        return NotAFeed(reason=f"feedparser fails on it: {type(error).__name__}")
    if (unread := pruned.read.count(None)) < len(pruned.read):
        if len(raws) != unread or version.startswith("atom") != elements.is_atom(pruned.root):
            return again(whole=whole, by_feedparser=True)
        rest = iter(raws)
        raws = [next(rest) if fields is None else fields for fields in pruned.read]
    if not version and not raws:
        return NotAFeed(reason=(pruned.is_malformed and flaw) or "XML, but not a feed")
    breaks_off = pruned.is_malformed and _END.search(body) is None
    if breaks_off and not raws:
        # Not a feed without entries: its validators, once kept, would have the server say 304 of what was never read.
        return NotAFeed(reason=f"cut off before its first entry, {flaw}")
    omitted = pruned.omitted + max(0, len(raws) - max_entries)
    del raws[max_entries:]

    site_url = absolute(string(feed, "link"), url)
    atom = version.startswith("atom")
    around = Surroundings(
        base=site_url or url,
        language=text.language(string(feed, "language")),
        authors=xml_entry.authors(feed, site_url or url) if atom else (),
        atom=atom,
    )
    identities = [xml_entry.identity(raw, around.base) for raw in raws]
    if pruned.parted is not None:
        ids = (without_scheme(guid) for guid, _ in identities if guid is not None)
        paths = (canonical(url).partition("://")[2].partition("/")[2] for _, url in identities if url is not None)
        if any(map(pruned.parted.may_have, chain(ids, paths))):
            return again(whole=True, by_feedparser=by_feedparser)
    fresh = [(raw, known_as) for raw, known_as in zip(raws, identities, strict=True) if elements.STUMP not in raw]
    entries, lost = mapped(fresh, lambda one: xml_entry.entry(*one, around, now))
    return ParsedFeed(
        version=version,
        title=text.line_of_html(string(feed, "title")),
        site_url=site_url,
        language=around.language,
        entries=entries,
        elements=pruned.hashes,
        repeated_guids=repeated_guids(identities),
        repeated_urls=repeated_urls(identities),
        hints=hints.of_fields(feed) if pruned.is_malformed else pruned.hints,
        older=older,
        hub=hubs.of_fields(feed, url) if pruned.is_malformed else pruned.hub,
        breaks_off=breaks_off,
        problem=problem(flaw, omission(omitted, max_entries), lost),
    )


def _read(source: bytes) -> tuple[str, Fields, list[Fields]]:
    """Version, feed and entries as feedparser gives them.

    Always passed as a stream: given bytes, feedparser would try them as the name of a file. Without `content-location`,
    by which it would resolve guids against the feed's address, so that they would change when the feed moves.
    """
    read = feedparser.parse(
        io.BytesIO(source),
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,  # these two are three quarters of its time, and one of its quadratics
        resolve_relative_uris=False,
    )
    # dict() takes them as they are; a FeedParserDict answers for keys that it does not have.
    return read.get("version") or "", dict(read.feed), [dict(entry) for entry in read.entries]
