"""The entries of a feed document, ready to be judged at commit, with drafts for those that need no page."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from worker import articles, dedup, feeds, rules, urls
from worker.model import Article, Entry, Feed, Hints, Hub, Millis, NotAFeed, ParsedFeed, SeenEntry
from worker.tasks.drafts import Source, from_entry, without_content

DRAFT_BYTES = 4_000_000
"""The most bytes of drafts for one poll, because they are in memory until its commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRead:
    """A feed document, with its entries ready to be judged at commit."""

    title: str | None
    site_url: str | None
    elements: tuple[bytes, ...]
    entries: tuple[SeenEntry, ...]
    total: int
    """All entries of the document, including known ones."""
    hints: Hints
    older: str | None
    """Where older entries are."""
    further: tuple[str, ...]
    """Sitemaps that it leads to."""
    hub: Hub | None
    breaks_off: bool
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """Makes drafts of a feed's entries that need no page, together with the poll; with limits for that."""

    first: bool
    """The feed has never been read. Otherwise entries of malformed documents get no drafts, because without element
    hashes it can't be known which of them are new."""
    feed_title: str | None
    """The last known one, for a document without a title."""
    seconds: float
    """Time limit, from the start of the call; entries without a draft by then get work of their own."""


def read_feed(
    body: bytes,
    *,
    url: str,
    content_type: str | None,
    known: frozenset[bytes],
    feed: Feed,
    now: Millis,
    link_duplicates: bool,
    since: Millis | None = None,
    drafting: Drafting | None = None,
) -> FeedRead | NotAFeed:
    """The entries of a feed document whose element hash is not known. since: also read sitemaps, whose entries are that
    recent."""
    begun = time.monotonic()
    parsed = feeds.parse(body, url=url, content_type=content_type, known=known, now=now, since=since)
    if isinstance(parsed, NotAFeed):
        return replace(parsed, named=feeds.discover(body, url=url, content_type=content_type))
    seen = tuple(_seen(entry, parsed, feed, now, link_duplicates) for entry in parsed.entries)
    if drafting is not None and (drafting.first or parsed.elements):
        source = Source(
            record_id="",
            feed=feed,
            feed_title=parsed.title or drafting.feed_title,
            entry=b"",
            first_seen_at=now,
            link_duplicates=link_duplicates,
        )
        behind = _left_behind(seen, feed, now) if drafting.first else frozenset()
        seen = tuple(_drafted(seen, parsed.entries, behind, source, until=begun + drafting.seconds))
    return FeedRead(
        title=parsed.title,
        site_url=parsed.site_url,
        elements=parsed.elements,
        entries=seen,
        total=max(len(parsed.elements), len(seen)),
        hints=parsed.hints,
        older=parsed.older,
        further=parsed.further,
        hub=parsed.hub,
        breaks_off=parsed.breaks_off,
        problem=parsed.problem,
    )


def _seen(entry: Entry, parsed: ParsedFeed, feed: Feed, now: Millis, link_duplicates: bool) -> SeenEntry:
    identity = dedup.identity(
        entry,
        feed_id=feed.id,
        repeated_guids=parsed.repeated_guids,
        repeated_urls=parsed.repeated_urls,
        site_url=parsed.site_url,
    )
    # A link that other entries share does not lead to an article of this entry's own.
    own = entry.url if identity.url_key is not None and feed.full_text != "never" else None
    page = own and rules.page_url(urls.uncached(own), feed.rules.rewrite)
    pointer = None
    if link_duplicates:
        article = Article(extraction="skipped", title=entry.title)
        record = articles.compose(
            article,
            record_id=identity.own.hex(),
            url=identity.url and urls.without_referral(identity.url),
            entry=entry,
            feed=feed,
            feed_title=parsed.title,
            first_seen_at=now,
            fetched_at=None,
            final_url=None,
            http_status=None,
            content_hash=dedup.content_hash(""),
        )
        pointer = orjson.dumps(without_content(record))
    return SeenEntry(
        look_up=identity.look_up,
        own=identity.own,
        alone=identity.alone,
        has_guid=dedup.has_guid(entry),
        url_key=identity.url_key,
        title_key=dedup.title_key(entry.title),
        version=dedup.version_key(entry),
        url=identity.url,
        page=page,
        host=urls.host_of(page) if page else "",
        published=entry.published,
        entry=feeds.encode_entry(entry),
        pointer=pointer,
        skipped=rules.skipped(entry, feed.rules, language=entry.language or rules.UNKNOWN, seen_at=now),
    )


def _drafted(
    seen: Sequence[SeenEntry],
    entries: Sequence[Entry],
    behind: frozenset[bytes],
    source: Source,
    *,
    until: float,
) -> Iterator[SeenEntry]:
    """The entries, with drafts for those that need no page, made like those of `draft_from_entry`. source: of all of
    them.

    Which entries are known already only the store knows; their drafts are discarded. An entry for which no draft can be
    made gets work of its own, which reports the problem.
    """
    left = DRAFT_BYTES
    for one, entry in zip(seen, entries, strict=True):
        if one.page is not None or one.skipped is not None or one.own in behind or time.monotonic() >= until:
            yield one
            continue
        try:
            draft = from_entry(entry, replace(source, record_id=one.own.hex()), None)
        except Exception:  # one entry must not cost the others of its feed
            yield one
            continue
        size = len(draft.body) + len(draft.pointer or b"") + len(draft.lines)
        if size > left:
            yield one
            continue
        left -= size
        yield replace(one, draft=draft)


def _left_behind(seen: Sequence[SeenEntry], feed: Feed, now: Millis) -> frozenset[bytes]:
    """The keys of entries that `backlog` will leave out of a feed's first poll, as far as that can be known without the
    state."""
    wanted = [one for one in seen if one.skipped is None]
    out = rules.left_out([one.published for one in wanted], feed.rules.backlog, now)
    return frozenset(wanted[place].own for place in out)
