"""Records as the pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from worker.model import Millis
from worker.record import Record, instant

EXCERPT = 320
"""In characters."""
FULL = 6_000
"""How many characters of a text are shown: a page has some dozens of texts, and is reloaded every few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    id: str
    url: str | None
    title: str | None
    at: Millis
    """When it was ingested."""
    feed_id: str
    feed: str
    """The feed's title, or its id."""
    language: str | None
    words: int
    op: str
    revision: int
    extraction: str
    excerpt: str
    paragraphs: Sequence[str]
    rest: int
    """How many characters were left out."""


def shown(record: Record) -> Shown:
    ingest = record["_ingest"]
    text = record["content_text"]
    return Shown(
        id=record["id"],
        url=record.get("url"),
        title=record.get("title"),
        at=instant(ingest["ingested_at"]),
        feed_id=ingest["feed_id"],
        feed=ingest["feed_title"] or ingest["feed_id"],
        language=record.get("language"),
        words=ingest["word_count"],
        op=ingest["op"],
        revision=ingest["revision"],
        extraction=ingest["extraction"],
        excerpt=(record.get("summary") or text)[:EXCERPT],
        paragraphs=text[:FULL].splitlines(),
        rest=max(0, len(text) - FULL),
    )
