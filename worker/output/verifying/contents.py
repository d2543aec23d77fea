"""Checks whether files of records are what the manifest says of them, and the files that are derived from records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count, pairwise, zip_longest
from pathlib import Path

import orjson

from worker import record
from worker.errors import OutputError
from worker.output.disk import files
from worker.output.disk.layout import FEED, LATEST, RECORDS, REMOVED, latest_path
from worker.output.manifest.inventory import Inventory
from worker.output.manifest.manifest import FileLine
from worker.output.verifying.findings import Finding
from worker.output.verifying.pages import Pages
from worker.output.verifying.revisions import Revisions
from worker.output.writing.recent import newest_articles
from worker.output.writing.removed import KEY_BYTES, NAME, keys_in


def check_file(root: Path, line: FileLine, *, quick: bool) -> list[Finding]:
    """Checks its size and, unless `quick`, its hash. Raises OutputError if it is missing or can't be read."""
    path = root / line.path
    if not files.exists(path):
        raise OutputError(f"{path} is not there")
    size, content = (files.size(path), line.sha256) if quick else files.digest(path)
    found = []
    if size != line.bytes:
        found.append(Finding(file=line.path, message=f"{size} bytes; the manifest says {line.bytes}"))
    if content != line.sha256:
        found.append(Finding(file=line.path, message=f"sha256 is {content}; the manifest says {line.sha256}"))
    return found


def check_records(
    root: Path,
    line: FileLine,
    inventory: Inventory,
    revisions: Revisions,
    pages: Pages,
    is_of_shard: Callable[[str], bool],
) -> Iterator[Finding]:
    """Checks each line (schema, writer, number, page, shard), how many there are, and that they are those of the files
    that it replaces."""
    number = 0
    forgotten = frozenset(line.forgotten)
    seqs = (seq for seq in count(line.first_seq) if seq not in forgotten)
    whole = _Parts(line, inventory)
    for _, raw in files.lines(root / line.path):
        number += 1
        expected = next(seqs)
        yield from whole.add(raw)
        try:
            parsed = record.parse(raw)
        except ValueError as error:
            yield Finding(file=line.path, line=number, message=f"not a record: {error}")
            continue
        ingest = parsed["_ingest"]
        if (ingest["writer"], ingest["seq"]) != (line.writer, expected):
            message = f"seq {ingest['seq']} of writer {ingest['writer']}, expected {expected} of {line.writer}"
            yield Finding(file=line.path, line=number, message=message)
        if not is_of_shard(parsed["id"]):
            yield Finding(file=line.path, line=number, message=f"{parsed['id']} is another shard's")
        revisions.add(parsed["id"], ingest["revision"])
        pages.check(parsed, line.path, number)
    if number != line.records:
        yield Finding(file=line.path, message=f"{number} whole lines; the manifest says {line.records} records")


def check_latest(root: Path, revisions: Revisions) -> Iterator[Finding]:
    """Checks each file of latest/: that it is a record, named after its article, and the newest revision in
    records/."""
    for path in files.below(root / LATEST):
        file = path.relative_to(root).as_posix()
        try:
            parsed = record.parse(b"".join(files.blocks(path)))
        except ValueError as error:
            yield Finding(file=file, message=f"not a record: {error}")
            continue
        id, revision = parsed["id"], parsed["_ingest"]["revision"]
        if file != latest_path(id):
            yield Finding(file=file, message=f"not the place of article {id}")
        elif not revisions.has(id, revision):
            yield Finding(file=file, message=f"revision {revision} is not in {RECORDS}/")
        elif revisions.has(id, revision + 1):
            yield Finding(file=file, message=f"revision {revision} is not the newest")


def check_feed(root: Path, inventory: Inventory) -> Iterator[Finding]:
    """Checks feed.json: a JSON Feed of the newest articles, as they are in records/. How many it should have is not
    known."""
    if not files.exists(root / FEED):
        return
    try:
        items = orjson.loads(b"".join(files.blocks(root / FEED)))["items"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        yield Finding(file=FEED, message=f"not a JSON Feed of feedmill's: {error!r}")
        return
    newest = [record for record, _ in newest_articles(root, inventory, max(1, len(items)))]
    if items != newest:
        wrong = next((n for n, (one, other) in enumerate(zip_longest(items, newest)) if one != other), 0)
        yield Finding(file=FEED, message=f"item {wrong + 1} is not what is newest in {RECORDS}/")


def check_removed(root: Path) -> Iterator[Finding]:
    """Checks each file of removed/: that it is one of ours, sorted and whole."""
    for path in files.below(root / REMOVED):
        file = path.relative_to(root).as_posix()
        if not NAME.fullmatch(path.name):
            yield Finding(file=file, message="not a file of feedmill's")
            continue
        keys = list(keys_in(path))
        if files.size(path) % KEY_BYTES or any(one >= other for one, other in pairwise(keys)):
            yield Finding(file=file, message="damaged: not keys in their order")


class _Parts:
    """Hashes the lines of a file that replaces others in the portions of those others, and compares."""

    def __init__(self, line: FileLine, inventory: Inventory) -> None:
        self._path = line.path
        self._left = [inventory.files[path] for path in line.drops if path in inventory.files]
        if len(line.forgotten) > sum(len(source.forgotten) for source in self._left):
            self._left = []  # records were left out, so the hashes can't agree
        self._hash, self._count = sha256(), 0

    def add(self, raw: bytes) -> Iterator[Finding]:
        if not self._left:
            return
        self._hash.update(raw + b"\n")
        self._count += 1
        source = self._left[0]
        if self._count == source.records:
            if self._hash.hexdigest() != source.sha256:
                yield Finding(file=self._path, message=f"its records are not those of {source.path}, which it replaces")
            self._left.pop(0)
            self._hash, self._count = sha256(), 0
