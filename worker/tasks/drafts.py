"""The draft of an entry's record: from its page, from the feed's own content, or without a text."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import orjson

from worker import articles, dedup, feeds, rules, urls
from worker.model import Article, Draft, Effort, Entry, Feed, Millis
from worker.record import Raw, Record

_GONE = (404, 410)
"""The status of a page that no longer exists."""


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
    return from_entry(feeds.decode_entry(source.entry), source, reason)


def from_entry(entry: Entry, source: Source, reason: str | None) -> Draft:
    """`draft_from_entry` of a decoded entry."""
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
    return Draft(
        body=orjson.dumps(record),
        pointer=orjson.dumps(without_content(record)) if source.link_duplicates else None,
        removal=orjson.dumps(without_content(record)) if source.status in _GONE else None,
        text_key=dedup.text_key(article.text),
        title_key=dedup.title_key(article.title),
        revision_key=dedup.revision_key(article),
        hashed_key=dedup.hashed_key(article.title, content_hash, authors, article.published),
        undated_key=dedup.undated_key(article),
        site=_site(article, source, entry),
        lines=dedup.line_keys(article.text, title=article.title, authors=authors, published=article.published)
        if article.text
        else b"",
        url_keys=dedup.page_keys((found, url, page_url), link=entry_url, ended_at=page_url),
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


def without_content(record: Record) -> dict[str, object]:
    """The record of a duplicate: what it is, without its text."""
    return {name: value for name, value in record.items() if name != "content_html"} | {"content_text": ""}


def without_secrets(feed: Feed) -> Feed:
    """The feed as the CPU processes may see it: processes that parse untrusted bytes get no secrets."""
    return replace(feed, headers={}) if feed.headers else feed
