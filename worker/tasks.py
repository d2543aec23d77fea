"""The functions that run in the CPU processes: bytes in, plain values out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import orjson

from worker import articles, dedup, feeds, rules, urls
from worker.model import Article, Draft, Effort, Entry, Feed, Hints, Hub, Millis, NotAFeed, ParsedFeed, SeenEntry
from worker.record import Raw, Record

_GONE = (404, 410)
"""The status of a page that no longer exists."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an article comes from: its entry and feed, and its page if that was fetched."""

    record_id: str
    feed: Feed
    feed_title: str | None
    entry: bytes
    first_seen_at: Millis
    url: str | None = None
    """Of the page, after redirects."""
    status: int | None = None
    content_type: str | None = None
    fetched_at: Millis | None = None
    body: bytes = field(default=b"", repr=False)
    raw: Raw | None = None
    """Where the page is archived."""
    link_duplicates: bool = False
    """Whether a duplicate gets a record (without content)."""
    effort: Effort = "normal"


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
        pointer = orjson.dumps(_without_content(record))
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
            draft = _from_entry(entry, replace(source, record_id=one.own.hex()), None)
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


def draft_from_page(source: Source) -> Draft:
    """The draft of an article whose page was fetched."""
    entry = feeds.decode_entry(source.entry)
    article = articles.from_page(
        source.body,
        url=source.url or "",
        content_type=source.content_type,
        entry=entry,
        full_text=source.feed.full_text,
        rules=source.feed.rules,
        effort=source.effort,
    )
    return _draft(article, source, entry)


def draft_from_entry(source: Source, reason: str | None) -> Draft:
    """The draft of an article from the feed's own content. `reason` says why no page was used; None if none was
    wanted."""
    return _from_entry(feeds.decode_entry(source.entry), source, reason)


def _from_entry(entry: Entry, source: Source, reason: str | None) -> Draft:
    if reason is None and entry.url and source.feed.full_text != "never":
        reason = "its link is not its own: it leads to the front page, or other entries share it"
    return _draft(articles.from_entry(entry, reason=reason), source, entry)


def draft_without_text(source: Source, reason: str) -> Draft:
    """The draft of an article of which nothing could be read. Does no parsing, because this input has killed
    parsers."""
    entry = feeds.decode_entry(source.entry)
    article = Article(
        extraction="failed", reason=reason, title=entry.title, authors=entry.authors, published=entry.published
    )
    return _draft(article, source, entry)


def _draft(article: Article, source: Source, entry: Entry) -> Draft:
    if source.feed.html:
        article = articles.with_html(article, entry, body=source.body, url=source.url, content_type=source.content_type)
    entry_url = urls.canonical_if_any(entry.url)
    stated, page_url = _page_urls(article, source, entry)
    found = stated or page_url or entry_url
    url = found and urls.without_referral(found)
    sketch = dedup.sketch(article.text)
    content_hash = dedup.content_hash(article.text)
    authors = [author.name for author in article.authors]
    record = articles.compose(
        article,
        record_id=source.record_id,
        url=url,
        url_source=None if url is None else "page" if stated or page_url else "feed",
        entry=entry,
        feed=source.feed,
        feed_title=source.feed_title,
        first_seen_at=source.first_seen_at,
        fetched_at=source.fetched_at,
        final_url=source.url,
        http_status=source.status,
        content_hash=content_hash,
        fingerprint=None if sketch is None else dedup.fingerprint(sketch),
        raw=source.raw,
    )
    revealed = {own for own in (found, url, page_url) if own and own != entry_url and not urls.is_home(own)}
    return Draft(
        body=orjson.dumps(record),
        pointer=orjson.dumps(_without_content(record)) if source.link_duplicates else None,
        removal=orjson.dumps(_without_content(record)) if source.status in _GONE else None,
        text_key=dedup.text_key(article.text),
        title_key=dedup.title_key(article.title),
        revision_key=dedup.revision_key(article),
        hashed_key=dedup.hashed_key(article.title, content_hash, authors, article.published),
        undated_key=dedup.undated_key(article),
        site=_site(article, source, entry),
        lines=dedup.line_keys(article.text, title=article.title, authors=authors, published=article.published)
        if article.text
        else b"",
        url_keys=tuple(sorted(dedup.url_key(found) for found in revealed)),
        sketch=sketch,
        credit=article.original,
        extraction=article.extraction,
        retry=article.retry,
        reason=article.reason,
        skipped=rules.skipped(entry, source.feed.rules, language=article.stated_language, seen_at=source.first_seen_at)
        or _no_article(article, entry),
        filters=source.feed.rules.filters_key,
    )


def _page_urls(article: Article, source: Source, entry: Entry) -> tuple[str | None, str | None]:
    """The URL that the page itself names, and the one it was fetched from."""
    if article.extraction != "ok":
        return None, None
    # If the page was fetched from a rewritten address, that address does not identify the entry.
    link = urls.uncached(entry.url or "")
    there = bool(link) and rules.page_url(link, source.feed.rules.rewrite) == link
    return article.canonical_url, urls.canonical_if_any(source.url) if there else None


def _no_article(article: Article, entry: Entry) -> str | None:
    """Why a page listed in a sitemap gets no record: it does not look like an article, and nothing else is known of
    it."""
    if entry.found_in is None or dedup.text_key(article.text) is not None:
        return None
    return f"a page of the sitemap without an article: {article.reason or 'its text is short'}"


def _site(article: Article, source: Source, entry: Entry) -> str:
    """The group of texts in which its repeated lines are learned: the page's host or, for the feed's own text, the feed
    with the host of the entry's link. Lines on pages say nothing about those in feeds, nor one feed about another."""
    if article.sources.get("content_text") != "feed" and source.url:
        return urls.bare_host(source.url)
    return f"{source.feed.id} {urls.bare_host(entry.url)}"


def _without_content(record: Record) -> dict[str, object]:
    """The record of a duplicate: what it is, without its text."""
    return {name: value for name, value in record.items() if name != "content_html"} | {"content_text": ""}


def without_secrets(feed: Feed) -> Feed:
    """The feed as the CPU processes may see it: processes that parse untrusted bytes get no secrets."""
    return replace(feed, headers={}) if feed.headers else feed
