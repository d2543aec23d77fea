"""The feed's own content as the article."""

from __future__ import annotations

from dataclasses import replace

from worker.articles import edges, plain, pointers
from worker.articles.metadata import describe
from worker.model import Article, Entry

EXTRACTOR = "feedmill-plain-5"
"""Names what makes text of a feed's HTML; its number changes whenever the same content would give another text."""

_MANY = 1000  # characters, which are more than the few sentences of a summary


def text(entry: Entry) -> str:
    """The part of the article that the feed carries, as plain text; "" if none."""
    return carried(entry)[0]


def carried(entry: Entry) -> tuple[str, bool]:
    """`text`, and whether the feed says that there is more of the article."""
    return pointers.without_end(plain.from_html(edges.begun(entry.content or entry.summary or "", entry)))


def from_entry(entry: Entry, *, reason: str | None = None) -> Article:
    """See `worker.articles.from_entry`; with no more of a language than is stated."""
    return with_feed_text(describe(entry), text(entry), reason)


def with_feed_text(described: Article, text: str, reason: str | None) -> Article:
    """The article with the feed's text. Its summary is dropped if it only repeats the text."""
    if not text:
        return replace(described, extraction="failed", reason=reason or "the feed carries no text")
    sources = {**described.sources, "content_text": "feed"}
    summary = described.summary
    if summary and _repeats(summary, text):
        summary = None
        sources.pop("summary", None)
    return replace(
        described,
        extraction="skipped" if reason is None else "feed_only",
        extractor=EXTRACTOR,
        reason=reason,
        text=text,
        summary=summary,
        sources=sources,
    )


def _repeats(summary: str, text: str) -> bool:
    """Whether the summary is all of the text, or a long beginning."""
    if len(summary) == len(text):
        return text == summary or text.split() == summary.split()
    said = " ".join(summary.removesuffix("…").split()) if len(summary) > _MANY else ""
    return bool(said) and " ".join(text[: 2 * len(summary)].split()).startswith(said)
