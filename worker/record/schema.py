"""The record, schema 1: one JSON Feed 1.1 item with one extension object, `_ingest`.

Top-level keys without a value are left out, never null (lists may be empty); `_ingest` always has all of its keys, and
what is unknown is null. Dates are RFC 3339 in UTC with `Z`, and never made up. The types below are the only source of
the JSON Schema, and of what `notations` makes of it.

A consumer of schema 1 ignores keys it does not know, and may rely on all others for ever. So schema 1 may get

- a top-level key that may be absent, or one in `Person`, `File` or `Original`;
- a key of `_ingest` that may be null, which is NotRequired here because records written before lack it;
- a description.

Anything else makes schema 2: a key that is removed, renamed, or becomes optional, nullable, or of another type or
pattern; a new value where the values are listed (`op`, `extraction`, …); another meaning. `_ingest.schema` is then 2,
and the directory's schema/record-2.json lies beside that of schema 1, whose records stay as they are.
"""

from __future__ import annotations

import functools
import re
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic takes typing's own only from Python 3.12 on

from worker.model import Extraction, Op, Precision

SCHEMA = 1
_DATE = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$"
Date = Annotated[str, Field(pattern=_DATE, json_schema_extra={"format": "date-time"})]
_ID = "[0-9a-f]{32}"
Id = Annotated[str, Field(pattern=f"^{_ID}$")]
Prose = Annotated[str, Field(json_schema_extra={"contentMediaType": "text/plain"})]
"""Text to be searched by its words; all other strings are names, or values to compare."""
Html = Annotated[str, Field(json_schema_extra={"contentMediaType": "text/html"})]


class Person(TypedDict):
    """An author (JSON Feed 1.1)."""

    name: Annotated[str, Field(description="As the page or the feed has it.")]
    url: Annotated[NotRequired[str], Field(description="A page of theirs.")]


class File(TypedDict):
    """An attachment (JSON Feed 1.1): an episode, a video, a document."""

    url: Annotated[str, Field(description="Where it can be fetched.")]
    mime_type: Annotated[str, Field(description="Its media type, as the feed says.")]
    size_in_bytes: Annotated[NotRequired[int], Field(description="As the feed says.")]
    duration_in_seconds: Annotated[NotRequired[int], Field(description="As the feed says.")]


class Original(TypedDict):
    """The publication that a reprint credits."""

    name: Annotated[str | None, Field(description="Its name, as the reprint gives it.")]
    url: Annotated[str | None, Field(description="The article there, where the reprint links to it.")]


class Raw(TypedDict):
    """Where the fetched page is kept."""

    file: Annotated[str, Field(description="The WARC file, as a path from the output directory.")]
    offset: Annotated[int, Field(description="Where its record begins there, in bytes.")]
    length: Annotated[int, Field(description="How many bytes that record takes.")]


class Ingest(TypedDict):
    """How the record came about. Every key is always there; null is what is not known."""

    schema: Annotated[Literal[1], Field(description="Version of this schema.")]
    writer: Annotated[str, Field(description="Who wrote the record; `seq` counts for each writer.")]
    seq: Annotated[int, Field(ge=1, description="Strictly increasing for a writer, without gaps.")]
    op: Annotated[Op, Field(description="What the record says about its id.")]
    revision: Annotated[int, Field(ge=1, description="1 for the first record of an id, one more with each update.")]
    ingested_at: Annotated[Date, Field(description="When the record was committed.")]
    first_seen_at: Annotated[Date, Field(description="When the entry was first seen in its feed.")]
    fetched_at: Annotated[Date | None, Field(description="When the page was fetched; null where none was.")]
    feed_id: Annotated[str, Field(description="The feed that showed the entry, as the feed list names it.")]
    feed_url: Annotated[str, Field(description="The feed's address, as the feed list has it.")]
    feed_title: Annotated[str | None, Field(description="The feed's own title.")]
    feed_tags: Annotated[list[str], Field(description="The tags that the operator gave the feed.")]
    entry_id: Annotated[str | None, Field(description="The entry's own guid or id, verbatim.")]
    entry_url: Annotated[str | None, Field(description="The entry's link, verbatim.")]
    final_url: Annotated[str | None, Field(description="Where the page came from, after redirects.")]
    http_status: Annotated[int | None, Field(description="Of the page's last answer.")]
    content_hash: Annotated[
        str, Field(pattern=r"^sha256-1:[0-9a-f]{64}$", description="Over the normalised text, all of it; versioned.")
    ]
    fingerprint: Annotated[str | None, Field(description="Of the text; copies agree in most of the last 64 digits.")]
    cluster_id: Annotated[str | None, Field(description="Shared by the copies of one story; null: too short to tell.")]
    duplicate_of: Annotated[Id | None, Field(description="The record that had the text first, or is its original.")]
    duplicate_kind: Annotated[
        Literal["exact", "near"] | None, Field(description="`exact`: the same text; `near`: a version of it.")
    ]
    extraction: Annotated[Extraction, Field(description="`ok`: the text is the page's; else why it is not.")]
    extractor: Annotated[str | None, Field(description="What the text was found by.")]
    word_count: Annotated[int, Field(ge=0, description="Words of the text.")]
    removed_lines: Annotated[int, Field(ge=0, description="Left out of the text: lines under many of its site.")]
    date_precision: Annotated[Precision | None, Field(description="What `date_published` is known to.")]
    sources: Annotated[dict[str, str], Field(description="Where each field came from.")]
    publisher: Annotated[str | None, Field(description="Who publishes the page, by its own metadata.")]
    section: Annotated[str | None, Field(description="The part of the publication, by the page's metadata.")]
    original: Annotated[Original | None, Field(description="The publication that a reprint credits.")]
    license: Annotated[str | None, Field(description="The URL of the licence that the page names.")]
    raw: Annotated[Raw | None, Field(description="Where the fetched page is kept, with `output.archive`.")]


class Record(TypedDict):
    """One revision of one article: a JSON Feed 1.1 item with the extension `_ingest`."""

    id: Annotated[Id, Field(description="Names the article; the same in every revision.")]
    url: Annotated[NotRequired[str], Field(description="The canonical URL.")]
    external_url: Annotated[
        NotRequired[str], Field(description="What the entry points to, where that is not its own page.")
    ]
    title: Annotated[NotRequired[Prose], Field(description="The headline, as plain text.")]
    content_text: Annotated[Prose, Field(description="The article as plain text, a line a paragraph; may be empty.")]
    content_html: Annotated[
        NotRequired[Html], Field(description="The same as HTML, a line for each of its lines; with `html` of its feed.")
    ]
    summary: Annotated[NotRequired[Prose], Field(description="A few sentences, as plain text.")]
    image: Annotated[NotRequired[str], Field(description="The URL of the main picture.")]
    date_published: Annotated[
        NotRequired[Date], Field(description="When it was published; left out where nobody says.")
    ]
    date_modified: Annotated[NotRequired[Date], Field(description="When it was last changed, as page or feed say.")]
    authors: Annotated[list[Person], Field(description="May be empty.")]
    tags: Annotated[list[str], Field(description="Of feed and page; may be empty.")]
    language: Annotated[NotRequired[str], Field(description="BCP 47; as stated, else as the text itself tells.")]
    attachments: Annotated[list[File], Field(description="Episodes, videos, documents; may be empty.")]
    _ingest: Annotated[Ingest, Field(description="How the record came about: feedmill's own extension.")]


def is_id(text: str) -> bool:
    """Whether the text has the form of a record's id."""
    return re.fullmatch(_ID, text) is not None


@functools.cache
def _adapter() -> TypeAdapter[Record]:
    return TypeAdapter(Record)


def parse(line: bytes) -> Record:
    """A record from a line of a segment, checked against the schema. Raises ValueError, which says what is wrong and
    where."""
    try:
        return _adapter().validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from None


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a record."""
    schema = _adapter().json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://feedmill.example/schema/record-1.json",
        **schema,
    }
