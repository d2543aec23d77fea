"""replay(records): extracts articles again from archived pages, and reports what comes out differently.

Nothing is fetched and nothing written. What the feed said is taken from the record, as far as it is there: if the text
came from the page, the feed's own was not kept, so it can't stand in for a page from which little is extracted now.
"""

from __future__ import annotations

import asyncio
import html
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from worker import feeds
from worker.cpu.pool import Pool
from worker.errors import OutputError, TaskError
from worker.model import Author, Effort, Entry, Feed, FeedId, Millis
from worker.output import Page, page_at, read_records
from worker.record import Record, instant
from worker.tasks import Source, draft_from_page, without_secrets

FIELDS = ("title", "content_text", "authors", "date_published", "date_modified")
"""The fields that are compared, besides `extraction`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """An article that was extracted again."""

    record_id: str
    url: str
    """Of its page."""
    changes: Mapping[str, tuple[object, object]]
    """The fields that differ: field → (value in the record, value now); None means absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCompared:
    """An article that could not be extracted again."""

    record_id: str
    reason: str
    gone: bool
    """Its page was taken down or has expired; False: something is wrong."""


Replayed = Compared | NotCompared


async def replay(
    root: Path, *, cpu: Pool, listed: Mapping[FeedId, Feed], effort: Effort, at_once: int
) -> AsyncIterator[Replayed]:
    """Compares the newest record of each article of an output directory that points to an archived page, in order.

    listed: the feeds with their present rules. effort: as for a fetched page. at_once: how many pages are in memory.
    Reads the records twice, and holds some hundred bytes per article. Raises OutputError if they can't be read.
    """
    running: deque[asyncio.Task[Replayed]] = deque()
    for record in _newest(root):
        running.append(asyncio.create_task(_replayed(root, record, cpu, listed, effort)))
        if len(running) >= at_once:
            yield await running.popleft()
    while running:
        yield await running.popleft()


def _newest(root: Path) -> Iterator[Record]:
    """The newest record of each article, if its text once came from an archived page."""
    newest = {record["id"]: _number(record) for record in read_records(root)}
    for record in read_records(root):
        ingest = record["_ingest"]
        if newest.get(record["id"]) == _number(record) and ingest["raw"] and ingest["op"] in ("new", "update"):
            yield record


def _number(record: Record) -> tuple[str, int]:
    return record["_ingest"]["writer"], record["_ingest"]["seq"]


async def _replayed(root: Path, record: Record, cpu: Pool, listed: Mapping[FeedId, Feed], effort: Effort) -> Replayed:
    raw, id = record["_ingest"]["raw"], record["id"]
    try:
        page = page_at(root, raw) if raw else None
        if page is None:
            return NotCompared(record_id=id, reason="its page is no longer kept", gone=True)
        if page.record_id != id:
            return NotCompared(record_id=id, reason=f"{page.url} is kept where its page should be", gone=False)
        draft = await cpu.run(draft_from_page, replace(_source(record, page, listed), effort=effort))
    except (OutputError, TaskError) as error:
        return NotCompared(record_id=id, reason=str(error), gone=False)
    return Compared(record_id=id, url=page.url, changes=changes(record, orjson.loads(draft.body)))


def changes(before: Record, now: Record) -> dict[str, tuple[object, object]]:
    """The fields in which two records of one page differ."""
    pairs: dict[str, tuple[object, object]] = {field: (before.get(field), now.get(field)) for field in FIELDS}
    pairs["extraction"] = (before["_ingest"]["extraction"], now["_ingest"]["extraction"])
    # If learned lines were cut from the text, its hash still shows whether the text before that is the same.
    if before["_ingest"]["removed_lines"] and before["_ingest"]["content_hash"] == now["_ingest"]["content_hash"]:
        del pairs["content_text"]
    return {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}


def entry_of(record: Record) -> Entry:
    """What the feed said, as far as the record has it. Escaped where extraction expects markup."""
    ingest = record["_ingest"]
    said = {field for field, source in ingest["sources"].items() if source == "feed"}
    authors = tuple(Author(name=author["name"], url=author.get("url")) for author in record["authors"])
    return Entry(
        guid=ingest["entry_id"],
        url=ingest["entry_url"],
        external_url=record.get("external_url"),
        title=record.get("title") if "title" in said else None,
        summary=_html(record.get("summary")) if "summary" in said else None,
        content=_html(record["content_text"]) if "content_text" in said else None,
        authors=authors if "authors" in said else (),
        tags=tuple(html.escape(tag) for tag in record["tags"]) if "tags" in said else (),
        published=_millis(record.get("date_published")) if "date_published" in said else None,
        updated=_millis(record.get("date_modified")) if "date_modified" in said else None,
        language=record.get("language") if "language" in said else None,
        image=record.get("image") if "image" in said else None,
    )


def _source(record: Record, page: Page, listed: Mapping[FeedId, Feed]) -> Source:
    ingest = record["_ingest"]
    id = FeedId(ingest["feed_id"])
    return Source(
        record_id=record["id"],
        feed=without_secrets(listed.get(id) or Feed(id=id, url=ingest["feed_url"])),
        feed_title=ingest["feed_title"],
        entry=feeds.encode_entry(entry_of(record)),
        first_seen_at=Millis(0),
        url=page.url,
        status=page.status,
        content_type=page.content_type,
        fetched_at=page.fetched_at,
        body=page.body,
    )


def _html(text: str | None) -> str | None:
    """Plain text as markup with the same content."""
    return None if text is None else "".join(f"<p>{html.escape(line)}</p>" for line in text.split("\n"))


def _millis(date: str | None) -> Millis | None:
    return None if date is None else instant(date)
