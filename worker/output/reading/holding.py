"""Finds a certain record of an article, the file that holds it, and the articles that have a URL."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from worker import urls
from worker.model import HOUR_MS, Millis
from worker.output.disk import files
from worker.output.disk.layout import RECORDS
from worker.output.manifest.manifest import MANIFEST, FileLine, Place, has_manifest, lines
from worker.output.reading.records import read_lines, read_records
from worker.output.segment import date_of
from worker.record import Record, rfc3339

_ABOUT_MS = HOUR_MS
"""Records are only roughly in the order of their times: each has the time of its commit, by the clock of its
process."""


def record_of(dir: Path, record_id: str, *, revision: int, at: Millis | None, now: Millis) -> Record | None:
    """The record of that id and revision, whoever writes to its shard; None if it was removed. at: when it was
    committed, so that little else must be read; None reads everything. now: records of a later time are from when the
    clock was ahead, and earlier ones may follow. Raises OutputError."""
    until = None if at is None else rfc3339(Millis(at + _ABOUT_MS))
    for found in read_records(dir, after=None if at is None else rfc3339(at)[:10]):
        ingest = found["_ingest"]
        if (found["id"], ingest["revision"]) == (record_id, revision):
            return found
        if until is not None and until < ingest["ingested_at"] <= rfc3339(now):
            return None
    return None


def ids_at(dir: Path, url: str) -> set[bytes]:
    """The articles that have a record with this canonical URL, of their entry or their page. Reads every record of all
    shards, whoever writes to them. Raises OutputError."""
    needle = urls.host_of(url).encode()
    return {
        bytes.fromhex(line.record["id"])
        for line in read_lines(dir)
        if needle in line.raw and url in _urls_of(line.record)
    }


def _urls_of(record: Record) -> set[str]:
    ingest = record["_ingest"]
    found = (record.get("url"), ingest["entry_url"], ingest["final_url"])
    return {urls.canonical(url) for url in found if url is not None}


def file_with(root: Path, paths: Iterable[str], record_id: str) -> Path | None:
    """The first of the files at `paths` below `root`, or of those that replaced them, that has a record of that id;
    None if none has, because the records were removed since. Raises OutputError."""
    mark = f'"id":"{record_id}"'.encode()  # other records have it in other fields, as the original of a copy
    looked: set[Path] = set()
    for path in paths:
        file = _held(root, path)
        if file is not None and file not in looked and any(mark in line for _, line in files.lines(file)):
            return file
        if file is not None:
            looked.add(file)
    return None


def _held(root: Path, path: str) -> Path | None:
    """The file that now has the records of the segment sealed at `path`; None if they were removed."""
    if files.exists(root / path):
        return root / path
    shard, _, name = path.rpartition(f"{RECORDS}/")
    at, folder = f"{RECORDS}/{name}", root / shard
    if not has_manifest(folder):
        return None
    for line, _ in lines(folder / MANIFEST, Place(day=f"{date_of(path)}.jsonl")):
        if isinstance(line, FileLine) and at in line.drops:
            at = line.path
            if files.exists(folder / at):
                return folder / at
    return None
