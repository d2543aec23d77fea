"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/).

A field of the wrong type counts as missing and affects nothing else; numbers as ids become strings, as the
specification requires.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b

from worker.feeds import dates, hubs, media, paging, text
from worker.feeds.entries import left_out, mapped, omission, problem, repeated_guids, repeated_urls
from worker.feeds.fields import Fields, listed, mappings, string
from worker.model import Attachment, Author, Entry, Millis, NotAFeed, ParsedFeed
from worker.urls import absolute

_VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/([0-9.]{1,8})")


def parse(
    body: str, *, declared: bool, url: str, known: frozenset[bytes], now: Millis, max_entries: int
) -> ParsedFeed | NotAFeed:
    """Like `worker.feeds.parse`, for text that begins like a JSON object.

    `declared`: the response says that it is a JSON Feed, so it counts as one even if it does not give its version.
    """
    try:
        # Not orjson: it refuses a document for one half of a surrogate pair, which is what a title cut in the middle
        # of an emoji ends in.
        feed = json.loads(body, strict=False, parse_int=_number)
    except (ValueError, RecursionError) as error:
        return NotAFeed(reason=f"not JSON, though it begins like it: {text.line(str(error), 100)}")
    items = feed.get("items") if isinstance(feed, dict) else None
    version = _version(string(feed, "version")) if isinstance(feed, dict) else None
    if version is None and not (declared and isinstance(items, list)):
        return NotAFeed(reason="JSON, but not a JSON Feed")
    every = listed(feed, "items")
    dicts = [item for item in every[:max_entries] if isinstance(item, dict)]
    distinct = {_hash(item): item for item in dicts}  # an item listed twice counts once
    fresh = [item for hashed, item in distinct.items() if hashed not in known]

    site_url = absolute(string(feed, "home_page_url"), url)
    base = site_url or url
    language, authors = text.language(string(feed, "language")), _authors(feed, base)
    entries, lost = mapped(fresh, lambda item: _entry(item, base, language, authors, now))
    identities = [_identity(item, base) for item in distinct.values()]
    odd = len(every[:max_entries]) - len(dicts)
    return ParsedFeed(
        version=version or "json",
        title=text.line(string(feed, "title")),
        site_url=site_url,
        language=language,
        entries=entries,
        elements=tuple(distinct),
        repeated_guids=repeated_guids(identities),
        repeated_urls=repeated_urls(identities),
        older=paging.resolved(string(feed, "next_url"), url),
        hub=hubs.of_json(feed, url),
        problem=problem(
            left_out("items that are no objects", odd), omission(len(every) - max_entries, max_entries), lost
        ),
    )


def _number(digits: str) -> int | None:
    """None if int() would refuse it: an absurd number counts as missing, instead of failing the whole document."""
    return int(digits) if len(digits) <= text.MAX_GUID else None


def _version(written: str) -> str | None:
    """json10 for 1, json11 for 1.1: in the style of feedparser's names."""
    match = _VERSION.match(written)
    return None if match is None else f"json{match[1].replace('.', ''):0<2}"


def _hash(item: Fields) -> bytes:
    written = json.dumps(item, sort_keys=True, separators=(",", ":"))
    return blake2b(written.encode(), digest_size=8).digest()


def _identity(item: Fields, base: str) -> tuple[str | None, str | None]:
    """The id and the URL. An id that is a URL also serves as the URL: the specification recommends the item's own for
    it."""
    guid = text.clean(_id(item), text.MAX_GUID) or None
    return guid, absolute(string(item, "url"), base) or absolute(guid or "")


def _id(item: Fields) -> str:
    value = item.get("id")
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else string(item, "id")


def _entry(item: Fields, base: str, language: str | None, authors: tuple[Author, ...], now: Millis) -> Entry:
    guid, url = _identity(item, base)
    content = string(item, "content_html") or text.html_of_text(string(item, "content_text"))
    summary, content_or_none = text.summary_and_content(text.html_of_text(string(item, "summary")), [content])
    return Entry(
        guid=guid,
        url=url,
        external_url=absolute(string(item, "external_url"), base),
        title=text.line(string(item, "title")),
        summary=summary,
        content=content_or_none,
        authors=_authors(item, base) or authors,
        tags=text.tags(tag for tag in listed(item, "tags") if isinstance(tag, str)),
        published=dates.millis(string(item, "date_published"), now),
        updated=dates.millis(string(item, "date_modified"), now),
        language=text.language(string(item, "language")) or language,
        image=absolute(string(item, "image"), base) or absolute(string(item, "banner_image"), base),
        attachments=media.distinct(_attachments(item, base)),
    )


def _authors(holder: Fields, base: str) -> tuple[Author, ...]:
    """The authors of version 1.1, and the one of 1.0; a bare string is a name."""
    found: dict[str, Author] = {}
    for author in (*listed(holder, "authors"), holder.get("author")):
        fields: Fields = author if isinstance(author, Mapping) else {"name": author}
        if (name := text.line(string(fields, "name"), 200)) is not None:
            found.setdefault(name, Author(name=name, url=absolute(string(fields, "url"), base)))
    return tuple(found.values())[: text.MAX_AUTHORS]


def _attachments(item: Fields, base: str) -> Iterator[Attachment]:
    for file in mappings(item, "attachments"):
        if (url := absolute(string(file, "url"), base)) is not None:
            yield media.attachment(
                url, string(file, "mime_type"), file.get("size_in_bytes"), file.get("duration_in_seconds")
            )
