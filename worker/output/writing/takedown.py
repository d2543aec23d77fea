"""A file without the records of one article, and the notice that tells those who have them to drop them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import orjson

from worker.dedup import content_hash
from worker.errors import OutputError
from worker.output.disk import files
from worker.output.manifest.manifest import FileLine
from worker.record import Record

Unread = Mapping[str, OutputError]
"""Files that can't be read, and why, by their paths in the output directory."""
NOTHING_UNREAD: Unread = {}


def notices(root: Path, paths: Iterable[str], ids: Collection[str]) -> tuple[list[Record], Unread]:
    """For each of these articles that has records in the files, the record to be published after them: a delete without
    any content. None for an article whose last record is such a notice. Also returns the files that can't be read."""
    needles = {id: id.encode() for id in ids}
    newest: dict[str, Record] = {}
    unread: dict[str, OutputError] = {}
    for path in paths:
        try:
            for _, raw in files.lines(root / path):
                for id, needle in needles.items():
                    record = _record(root / path, raw, id) if needle in raw else None
                    if record is not None and (id not in newest or _revision(newest[id]) < _revision(record)):
                        newest[id] = record
        except OutputError as error:
            unread[path] = error
    return [_notice(record) for record in newest.values() if not _is_notice(record)], unread


def _notice(last: Record) -> Record:
    """Keeps the feed, by which readers select. Keeps neither URL nor hash: they may be what had to be removed."""
    ingest = last["_ingest"]
    return {
        "id": last["id"],
        "content_text": "",
        "authors": [],
        "tags": [],
        "attachments": [],
        "_ingest": {
            **ingest,
            "op": "delete",
            "revision": ingest["revision"] + 1,
            "fetched_at": None,
            "feed_title": None,
            "entry_id": None,
            "entry_url": None,
            "final_url": None,
            "http_status": None,
            "content_hash": content_hash(""),
            "fingerprint": None,
            "cluster_id": None,
            "duplicate_of": None,
            "duplicate_kind": None,
            "extraction": "skipped",
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


def _is_notice(record: Record) -> bool:
    """Whether it tells of a takedown; the delete of a page that is gone has its URL."""
    ingest = record["_ingest"]
    return ingest["op"] == "delete" and "url" not in record and ingest["entry_url"] is None


def _revision(record: Record) -> int:
    return record["_ingest"]["revision"]


def holds(path: Path, id: str) -> bool:
    """Whether a file has a record of the article; a record that only mentions it (as the first of its duplicates) does
    not count, nor does the notice of its takedown."""
    return any(record is not None for _, record in _lines(path, id))


def seqs_of(root: Path, line: FileLine, id: str) -> list[int]:
    """The numbers of the article's records. Raises OutputError if the file is not what the manifest says of it."""
    path = root / line.path
    if files.digest(path) != (line.bytes, line.sha256):
        raise OutputError(f"{path} is damaged, so nothing can be taken out of it; see feedmill verify")
    return [record["_ingest"]["seq"] for _, record in _lines(path, id) if record is not None]


def records_of(path: Path, id: str) -> Iterator[Record]:
    """The article's records in a file."""
    return (record for _, record in _lines(path, id) if record is not None)


def without(path: Path, id: str) -> Iterator[bytes]:
    """The lines of all other records, newlines included."""
    return (raw + b"\n" for raw, record in _lines(path, id) if record is None)


def _lines(path: Path, id: str) -> Iterator[tuple[bytes, Record | None]]:
    """Each line, with its record if it is one of the article's. Only lines that contain the id are parsed."""
    needle = id.encode()
    for _, raw in files.lines(path):
        record = _record(path, raw, id) if needle in raw else None
        yield raw, None if record is None or _is_notice(record) else record


def _record(path: Path, raw: bytes, id: str) -> Record | None:
    """The record if it is the article's, else None."""
    try:
        record: Record = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise OutputError(f"{path}: a line is not JSON ({error})") from error
    return record if record["id"] == id else None
