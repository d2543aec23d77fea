"""The record's schema, tried by a validator that is not ours, and its dates."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from worker.model import Millis
from worker.record import SCHEMA, Ingest, Record, json_schema, rfc3339

MINIMAL: dict[str, Any] = {
    "id": "0123456789abcdef0123456789abcdef",
    "content_text": "",
    "authors": [],
    "tags": [],
    "attachments": [],
    "_ingest": {
        "schema": 1,
        "writer": "a1b2",
        "seq": 1,
        "op": "new",
        "revision": 1,
        "ingested_at": "2026-11-23T04:05:06.789Z",
        "first_seen_at": "2026-11-23T04:05:06Z",
        "fetched_at": None,
        "feed_id": "example",
        "feed_url": "https://example.org/feed.xml",
        "feed_title": None,
        "feed_tags": [],
        "entry_id": None,
        "entry_url": None,
        "final_url": None,
        "http_status": None,
        "content_hash": "sha256-1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "fingerprint": None,
        "cluster_id": None,
        "duplicate_of": None,
        "duplicate_kind": None,
        "extraction": "failed",
        "extractor": None,
        "word_count": 0,
        "removed_lines": 0,
        "date_precision": None,
        "sources": {},
        "publisher": None,
        "section": None,
        "original": None,
        "license": None,
        "raw": None,
    },
}
FULL: dict[str, Any] = {
    "id": "0123456789abcdef0123456789abcdef",
    "url": "https://example.org/2026/a",
    "external_url": "https://example.com/b",
    "title": "Ein Titel",
    "content_text": "Erster Absatz.\nZweiter Absatz.",
    "content_html": "<p>Erster Absatz.</p>",
    "summary": "Kurz gesagt.",
    "image": "https://example.org/i.jpg",
    "date_published": "2026-11-23T04:05:06Z",
    "date_modified": "2026-11-23T05:05:06.007Z",
    "authors": [{"name": "Ann"}, {"name": "Bob", "url": "https://example.org/bob"}],
    "tags": ["a", "b"],
    "language": "de-AT",
    "attachments": [
        {"url": "https://example.org/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 1, "duration_in_seconds": 2},
        {"url": "https://example.org/a.pdf", "mime_type": "application/pdf"},
    ],
    "_ingest": {
        **MINIMAL["_ingest"],
        "op": "update",
        "revision": 2,
        "fetched_at": "2026-11-23T04:05:06Z",
        "feed_title": "Example",
        "feed_tags": ["world"],
        "entry_id": "tag:example.org,2026:a",
        "entry_url": "https://example.org/2026/a?utm_source=rss",
        "final_url": "https://example.org/2026/a",
        "http_status": 200,
        "fingerprint": "00ff",
        "cluster_id": "c1",
        "duplicate_of": "fedcba9876543210fedcba9876543210",
        "duplicate_kind": "near",
        "extraction": "ok",
        "extractor": "trafilatura-2.0.0",
        "word_count": 4,
        "removed_lines": 2,
        "date_precision": "minute",
        "sources": {"title": "jsonld"},
        "publisher": "Example",
        "section": "World",
        "original": {"name": "Agency", "url": None},
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "raw": {"file": "raw/1", "offset": 0, "length": 10},
    },
}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(json_schema())


def test_the_schema_is_one() -> None:
    """It is valid JSON Schema 2020-12, says so, and bears a name."""
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f"/record-{SCHEMA}.json")


def test_a_caller_may_change_the_schema_it_got() -> None:
    """Each call gives its own copy."""
    json_schema()["properties"].clear()
    assert json_schema()["properties"]


def test_the_records_below_show_every_key() -> None:
    """The full record is full, and the minimal one has what must be there."""
    assert FULL.keys() == Record.__annotations__.keys()
    assert MINIMAL["_ingest"].keys() == FULL["_ingest"].keys() == Ingest.__annotations__.keys()
    schema = json_schema()
    assert MINIMAL.keys() == set(schema["required"])
    assert MINIMAL["_ingest"].keys() == set(schema["$defs"]["Ingest"]["required"])


@pytest.mark.parametrize("record", [MINIMAL, FULL], ids=["minimal", "full"])
def test_a_right_record_validates(validator: Draft202012Validator, record: dict[str, Any]) -> None:
    """All that is known, or hardly anything: both are records."""
    validator.validate(record)


Spoil = Callable[[dict[str, Any]], object]
WRONG: dict[str, Spoil] = {
    "no id": lambda record: record.pop("id"),
    "an id in upper case": lambda record: record.update(id=record["id"].upper()),
    "an id that is too short": lambda record: record.update(id="0123"),
    "no text": lambda record: record.pop("content_text"),
    "null for a text": lambda record: record.update(content_text=None),
    "null for a title, which is left out instead": lambda record: record.update(title=None),
    "null for a list": lambda record: record.update(authors=None),
    "an author without a name": lambda record: record["authors"].append({"url": "https://a.example/"}),
    "an author that is a text": lambda record: record["authors"].append("Ann"),
    "an attachment without its kind": lambda record: record["attachments"].append({"url": "https://a.example/"}),
    "a date with an offset": lambda record: record.update(date_published="2026-11-23T04:05:06+01:00"),
    "a date without a time": lambda record: record.update(date_published="2026-11-23"),
    "a date with microseconds": lambda record: record.update(date_published="2026-11-23T04:05:06.000001Z"),
    "a date that is a number": lambda record: record.update(date_published=1_800_000_000),
    "no _ingest": lambda record: record.pop("_ingest"),
    "another schema": lambda record: record["_ingest"].update(schema=2),
    "seq from 0": lambda record: record["_ingest"].update(seq=0),
    "revision from 0": lambda record: record["_ingest"].update(revision=0),
    "an op that is none": lambda record: record["_ingest"].update(op="insert"),
    "an extraction that is none": lambda record: record["_ingest"].update(extraction="fine"),
    "fewer lines than none": lambda record: record["_ingest"].update(removed_lines=-1),
    "fewer words than none": lambda record: record["_ingest"].update(word_count=-1),
    "a hash without its version": lambda record: record["_ingest"].update(content_hash="0" * 64),
    "a duplicate of what is no id": lambda record: record["_ingest"].update(duplicate_of="x"),
    "a source that is no text": lambda record: record["_ingest"].update(sources={"title": 1}),
    "half of a place in a raw file": lambda record: record["_ingest"].update(raw={"file": "a"}),
} | {f"_ingest without {key}": (lambda record, key=key: record["_ingest"].pop(key)) for key in Ingest.__annotations__}


@pytest.mark.parametrize("spoil", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_record_does_not_validate(validator: Draft202012Validator, spoil: Spoil) -> None:
    """Each single mistake is refused."""
    record = copy.deepcopy(FULL)
    spoil(record)
    assert not validator.is_valid(record)


DATES = {
    "the beginning": (0, "1970-01-01T00:00:00Z"),
    "a millisecond": (1, "1970-01-01T00:00:00.001Z"),
    "a second": (1000, "1970-01-01T00:00:01Z"),
    "tenths have three digits": (1_800_000_000_100, "2027-01-15T08:00:00.100Z"),
    "the millisecond before the beginning": (-1, "1969-12-31T23:59:59.999Z"),
    "long before the beginning": (-6_284_563_200_000, "1770-11-07T00:00:00Z"),
    "a year of three digits": (-30_641_760_000_000, "0999-01-01T00:00:00Z"),
    "the first instant": (-62_135_596_800_000, "0001-01-01T00:00:00Z"),
    "a leap day": (1_709_164_800_000, "2024-02-29T00:00:00Z"),
    "past what 32 bits hold": (2_147_483_648_000, "2038-01-19T03:14:08Z"),
    "the last instant": (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
}


@pytest.mark.parametrize(("at", "text"), DATES.values(), ids=DATES.keys())
def test_an_instant_is_written_in_rfc_3339(at: int, text: str) -> None:
    """UTC with Z, milliseconds only where there are some, years with four digits."""
    assert rfc3339(Millis(at)) == text


@pytest.mark.parametrize("at", [253_402_300_800_000, -62_135_596_800_001], ids=["year 10000", "year 0"])
def test_a_year_without_four_digits_is_refused(at: int) -> None:
    """RFC 3339 has none."""
    with pytest.raises(ValueError, match="year"):
        rfc3339(Millis(at))


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999).map(Millis))
def test_every_date_is_one_that_the_schema_takes(at: Millis) -> None:
    """From the year 1 to 9999."""
    date = json_schema()["properties"]["date_published"]
    assert Draft202012Validator(date).is_valid(rfc3339(at))
