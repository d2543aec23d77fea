"""The fields that feedparser gives for an entry → `Entry`.

feedparser lets a feed put any element under any key (`<links/>`, `<authors a="b"/>`), so no value is assumed to have
the type that its documentation promises. Keys are read from plain dicts, because a FeedParserDict answers for keys that
it does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from worker.feeds import dates, media, text
from worker.feeds.fields import Fields, mapping, mappings, string
from worker.model import Attachment, Author, Entry, Millis
from worker.urls import absolute

_HTML = ("text/html", "application/xhtml+xml")
_PORTRAIT = re.compile(r"https?://(?:[\w-]+\.)?gravatar\.com/")
_DETAILS = ("summary_detail", "title_detail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an entry inherits from its feed."""

    base: str
    """Base for links that no xml:base has resolved: the site's URL, else the feed's."""
    language: str | None
    authors: tuple[Author, ...]
    """For entries that name none (RFC 4287 section 4.2.1); empty if the format has no such rule."""
    atom: bool


def identity(fields: Fields, base: str) -> tuple[str | None, str | None]:
    """The entry's guid and its URL."""
    return guid(fields), _url(fields, base)


def guid(fields: Fields) -> str | None:
    return text.clean(string(fields, "id"), text.MAX_GUID) or None


def _url(fields: Fields, base: str) -> str | None:
    """The entry's link; of several the one that feedparser prefers, but the original behind a FeedBurner link first.

    feedparser offers a guid as the link unless it is marked as no permalink, without checking: a guid that is not a URL
    must not be made one by resolving it.
    """
    links = [string(link, "href") for link in mappings(fields, "links") if string(link, "rel") == "alternate"]
    preferred = string(fields, "link")
    if preferred in links:
        links.insert(0, preferred)
    for link in (string(fields, "feedburner_origlink"), *links):
        if (url := absolute(link, base)) is not None:
            return url
    return absolute(preferred)


def entry(fields: Fields, known_as: tuple[str | None, str | None], feed: Surroundings, now: Millis) -> Entry:
    """known_as: its `identity`."""
    title_is_html = string(mapping(fields, "title_detail"), "type") in _HTML
    title = string(fields, "title")
    summary, content = text.summary_and_content(_summary(fields), _contents(fields))
    published = _date(fields, "published", now) or _date(fields, "created", now)
    updated = _date(fields, "updated", now)
    if published is None and not feed.atom:  # dc:date, which feedparser takes for an update's date
        published = updated
    return Entry(
        guid=known_as[0],
        url=known_as[1],
        title=text.line_of_html(title) if title_is_html else text.line(title),
        summary=summary,
        content=content,
        authors=authors(fields, feed.base) or feed.authors,
        tags=text.tags(string(tag, "term") or string(tag, "label") for tag in mappings(fields, "tags")),
        published=published,
        updated=updated,
        language=_language(fields) or feed.language,
        image=next(_images(fields, feed.base), None),
        attachments=media.distinct(_attachments(fields, feed.base)),
    )


def authors(fields: Fields, base: str) -> tuple[Author, ...]:
    """Those with a name, each once. If the feed gives only an address, that is the name."""
    found: dict[str, Author] = {}
    for author in mappings(fields, "authors"):
        name = text.line_of_html(string(author, "name") or string(author, "email"), 200)
        if name is not None:
            found.setdefault(name, Author(name=name, url=absolute(string(author, "href"), base)))
    return tuple(found.values())[: text.MAX_AUTHORS]


def _summary(fields: Fields) -> str:
    """If there is no summary, feedparser copies the content, without a detail."""
    summary = string(fields, "summary")
    declared = string(mapping(fields, "summary_detail"), "type")
    if not declared:
        return "" if any(string(part, "value") == summary for part in mappings(fields, "content")) else summary
    return text.body_of_text(summary) if declared == "text/plain" else summary


def _contents(fields: Fields) -> Iterator[str]:
    for part in mappings(fields, "content"):
        declared = string(part, "type")
        if declared in _HTML:
            yield string(part, "value")
        elif declared.startswith("text/"):
            yield text.body_of_text(string(part, "value"))


def _date(fields: Fields, key: str, now: Millis) -> Millis | None:
    return dates.millis(string(fields, key), now)


def _language(fields: Fields) -> str | None:
    """Its own dc:language, else the xml:lang in force at its text."""
    for holder in (fields, *mappings(fields, "content"), *(mapping(fields, key) for key in _DETAILS)):
        if (tag := text.language(string(holder, "language"))) is not None:
            return tag
    return None


def _images(fields: Fields, base: str) -> Iterator[str]:
    """The widest thumbnail, else the widest picture, else an enclosed one, else the cover.

    Thumbnails first: WordPress.com gives the article's picture as thumbnail, and the author's portrait as
    `media:content`.
    """
    thumbnails = mappings(fields, "media_thumbnail")
    pictures = [file for file in mappings(fields, "media_content") if _is_picture(file)]
    enclosed = [link for link in _enclosures(fields) if _is_picture(link)]
    for file in (*_widest_first(thumbnails), *_widest_first(pictures), *enclosed, mapping(fields, "image")):
        url = absolute(_location(file), base)
        if url is not None and not _PORTRAIT.match(url):
            yield url


def _attachments(fields: Fields, base: str) -> Iterator[Attachment]:
    duration = string(fields, "itunes_duration")
    for link in _enclosures(fields):
        if (url := absolute(_location(link), base)) is not None:
            plays = string(link, "type").startswith(("audio/", "video/"))
            yield media.attachment(url, string(link, "type"), string(link, "length"), duration if plays else None)
    for file in mappings(fields, "media_content"):
        described = string(file, "type") or string(file, "medium")
        if described and not _is_picture(file) and (url := absolute(_location(file), base)) is not None:
            yield media.attachment(url, string(file, "type"), string(file, "filesize"), string(file, "duration"))


def _enclosures(fields: Fields) -> list[Fields]:
    return [link for link in mappings(fields, "links") if string(link, "rel") == "enclosure"]


def _is_picture(file: Fields) -> bool:
    return media.is_picture(_location(file), string(file, "type"), string(file, "medium"))


def _widest_first(files: list[Fields]) -> list[Fields]:
    return sorted(files, key=lambda file: media.size_in_bytes(string(file, "width")) or 0, reverse=True)


def _location(file: Fields) -> str:
    return string(file, "href") or string(file, "url")
