"""Checks the archive: whether every record finds its page there, and each file is whole.

Files are walked by the heads of their members; the pages that records point to are read and compared with their
digests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from worker.errors import OutputError
from worker.output import warc
from worker.output.archive import begun, damaged_at, is_ours, is_whole_until, may_have_expired
from worker.output.disk import files
from worker.output.disk.layout import ARCHIVE
from worker.output.manifest.inventory import Inventory
from worker.output.verifying.findings import Cut, Finding, Remove
from worker.record import Raw, Record


class Pages:
    """The pages that records point to."""

    def __init__(self, root: Path) -> None:
        self.count = 0
        """How many are as they should be."""
        self._root = root
        self._findings: dict[str, list[Finding]] = defaultdict(list)
        """By the file of the records that point there."""
        self._missing: set[str] = set()

    def check(self, record: Record, file: str, line: int) -> None:
        """Checks that the page that the record in this file and line points to is there and belongs to it.

        Raises OutputError if it can't be read.
        """
        raw = record["_ingest"]["raw"]
        if raw is None or raw["file"] in self._missing:
            return
        path = self._root / raw["file"]
        if is_ours(self._root, path) and not files.exists(path):
            if may_have_expired(raw, record):
                return
            self._missing.add(raw["file"])
            message = f"missing, though records point there; the first is {file}:{line}"
            self._findings[file].append(Finding(file=raw["file"], message=message))
            return
        problem = self._problem(path, raw, record)
        if problem is None:
            self.count += 1
        else:
            message = f"its page, {raw['file']}, byte {raw['offset']}: {problem}"
            self._findings[file].append(Finding(file=file, line=line, message=message))

    def findings(self, inventory: Inventory) -> Iterator[Finding]:
        """What is wrong, except for records whose file was dropped since it was read."""
        return chain.from_iterable(found for file, found in self._findings.items() if not inventory.is_dropped(file))

    def _problem(self, path: Path, raw: Raw, record: Record) -> str | None:
        if not is_ours(self._root, path):
            return "that is no file of an archive"
        member = files.part(path, raw["offset"], raw["length"])
        head = warc.head(member[: warc.HEAD])
        if head is None or not head.length == len(member) == raw["length"]:
            return f"no member of {raw['length']} bytes is there"
        try:
            page = warc.page(member, check_digests=True)
        except ValueError as error:
            return str(error)
        if page is None:
            return "it was taken down, and the record was not"
        if page.record_id != record["id"]:
            return f"it is of article {page.record_id}"
        if page.url != record["_ingest"]["final_url"]:
            return f"it is of {page.url}, the record of {record['_ingest']['final_url']}"
        return None


def check_archive(root: Path, *, being_written: bool) -> Iterator[Finding]:
    """Checks each file of archive/: that it is one of ours, and whole according to its members' heads. In the newest a
    crash may have left half a page; while it is being written, that can't be told, and it is skipped."""
    there = files.below(root / ARCHIVE)
    newest = max((path for path in there if is_ours(root, path)), key=begun, default=None)
    for path in there:
        file = path.relative_to(root).as_posix()
        if not is_ours(root, path):
            yield Finding(file=file, message="not a file of feedmill's")
        elif path != newest or not being_written:
            try:
                yield from _check(path, file, is_newest=path == newest)
            except OutputError:
                if files.exists(path):  # it was not removed meanwhile, with its day
                    raise


def _check(path: Path, file: str, *, is_newest: bool) -> Iterator[Finding]:
    whole = is_whole_until(path) if is_newest else None
    if whole is None:
        damage = damaged_at(path)
        if damage is not None:
            yield Finding(file=file, message=f"damaged at byte {damage}: no page begins there")
    elif whole < files.size(path):
        remedy = Cut(length=whole) if whole else Remove()
        yield Finding(file=file, message="the file ends in the middle of a page", remedy=remedy)
