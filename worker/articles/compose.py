"""Article, entry and feed → record. Cheap to import: the main process does."""

from __future__ import annotations

from typing import cast

from worker import dedup
from worker.model import Article, Attachment, Author, Credit, Entry, Feed, Millis
from worker.record import File, Ingest, Original, Person, Raw, Record, rfc3339


def compose(
    article: Article,
    *,
    record_id: str,
    url: str | None,
    url_source: str | None = None,
    entry: Entry | None,
    feed: Feed | None,
    feed_title: str | None,
    first_seen_at: Millis | None,
    fetched_at: Millis | None,
    final_url: str | None,
    http_status: int | None,
    content_hash: str,
    fingerprint: str | None = None,
    raw: Raw | None = None,
) -> Record:
    """The record, except for what only its commit knows.

    `writer`, `seq`, `op`, `revision` and `ingested_at` are "", 0, `new`, 1 and "" until the store and the publisher
    fill them in; `first_seen_at` is "" if it is None. The operator's title of a feed takes precedence over its own.
    url_source: who gave the `url`, noted among the sources. raw: where the page is kept.
    """
    ingest: Ingest = {
        "schema": 1,
        "writer": "",
        "seq": 0,
        "op": "new",
        "revision": 1,
        "ingested_at": "",
        "first_seen_at": "" if first_seen_at is None else rfc3339(first_seen_at),
        "fetched_at": None if fetched_at is None else rfc3339(fetched_at),
        "feed_id": feed.id if feed else "",
        "feed_url": feed.public_url if feed else "",
        "feed_title": (feed.title if feed else None) or feed_title,
        "feed_tags": list(feed.tags) if feed else [],
        "entry_id": entry.guid if entry else None,
        "entry_url": entry.url if entry else None,
        "final_url": final_url,
        "http_status": http_status,
        "content_hash": content_hash,
        "fingerprint": fingerprint,
        "cluster_id": None,
        "duplicate_of": None,
        "duplicate_kind": None,
        "extraction": article.extraction,
        "extractor": article.extractor,
        "word_count": dedup.word_count(article.text),
        "removed_lines": 0,
        "date_precision": article.date_precision,
        "sources": {**article.sources, "url": url_source} if url_source else dict(article.sources),
        "publisher": article.publisher,
        "section": article.section,
        "original": _original(article.original),
        "license": article.license,
        "raw": raw,
    }
    fields: dict[str, object] = {
        "id": record_id,
        "url": url,
        "external_url": entry.external_url if entry else None,
        "title": article.title,
        "summary": article.summary,
        "content_text": article.text,
        "content_html": article.html,
        "image": article.image,
        "date_published": None if article.published is None else rfc3339(article.published),
        "date_modified": None if article.modified is None else rfc3339(article.modified),
        "authors": [_person(author) for author in article.authors],
        "tags": list(article.tags),
        "language": article.language,
        "attachments": [_file(attachment) for attachment in entry.attachments] if entry else [],
        "_ingest": ingest,
    }
    return cast(Record, {name: value for name, value in fields.items() if value is not None})


def _person(author: Author) -> Person:
    return {"name": author.name} if author.url is None else {"name": author.name, "url": author.url}


def _original(credit: Credit | None) -> Original | None:
    return None if credit is None else {"name": credit.name, "url": credit.url}


def _file(attachment: Attachment) -> File:
    file: File = {"url": attachment.url, "mime_type": attachment.mime_type}
    if attachment.size_in_bytes is not None:
        file["size_in_bytes"] = attachment.size_in_bytes
    if attachment.duration_in_seconds is not None:
        file["duration_in_seconds"] = attachment.duration_in_seconds
    return file
