"""The newest articles as one JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/): feed.json.

The articles whose records came last, newest first, each with its last record; deleted articles and duplicates are left
out. It is derived from records/ alone: rebuilt from there when a worker starts and whenever articles leave the
directory, and updated with what is published in between. Its items are the bytes of the records.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import orjson

from worker.errors import OutputDamaged
from worker.output.disk import files
from worker.output.disk.layout import FEED, STAGING
from worker.output.manifest.inventory import Inventory
from worker.output.manifest.manifest import FileLine, is_segment
from worker.output.segment import is_packed
from worker.record import Record

_HEAD = (
    b'{"version":"https://jsonfeed.org/version/1.1","title":"feedmill","description":'
    b'"The newest articles that feedmill has written.","items":[\n'
)
_END = b"\n]}\n"
_AT_ONCE = 2000
"""How many lines of a packed file are held in memory, since it can only be read forwards."""


class Recent:
    """Written by the output directory's one writer; whole at any time."""

    def __init__(self, root: Path, count: int) -> None:
        """count: how many articles, at most."""
        self._root, self._count = root, count
        self._items: OrderedDict[str, bytes] | None = None
        """Records by id, the newest last; None if they must be read first."""

    def follow(self, records: Iterable[bytes], *, again: bool) -> None:
        """Takes up the records of a segment that was published.

        again: it was published before, so newer records may be there already. Raises OutputError; it can be repeated
        then.
        """
        items, self._items = self._items, None
        if items is None or again:
            self.rebuild()
            return
        for raw in records:
            record: Record = orjson.loads(raw)
            op = record["_ingest"]["op"]
            if op == "delete" and record["id"] in items:
                self.rebuild()  # an older article moves up
                return
            if op in ("new", "update"):
                items[record["id"]] = raw.rstrip(b"\n")
                items.move_to_end(record["id"])
                if len(items) > self._count:
                    items.popitem(last=False)
        self._write(items)
        self._items = items

    def rebuild(self) -> None:
        """Writes the feed anew from records/. Reads the manifest, and records backwards until there are enough
        articles. Raises OutputError; it can be repeated then."""
        self._items = None
        newest = newest_articles(self._root, Inventory.of(self._root), self._count)
        items = OrderedDict((record["id"], raw) for record, raw in reversed(newest))
        self._write(items)
        self._items = items

    def _write(self, items: OrderedDict[str, bytes]) -> None:
        target = self._root / FEED
        content = [_HEAD, b",\n".join(reversed(items.values())), _END]
        files.place(self._root / STAGING / target.name, target, content)


def newest_articles(root: Path, inventory: Inventory, count: int) -> list[tuple[Record, bytes]]:
    """The articles whose records came last, newest first, with their bytes. What is damaged is left out.
    Raises OutputError."""
    found: list[tuple[Record, bytes]] = []
    seen: set[str] = set()
    for held in _files_backwards(inventory):
        for raw in _lines_backwards(root / held.path, held.records):
            try:
                record: Record = orjson.loads(raw)
            except orjson.JSONDecodeError:
                continue  # damage: verify reports it
            op = record["_ingest"]["op"]
            if op == "duplicate" or record["id"] in seen:
                continue
            seen.add(record["id"])
            if op != "delete":
                found.append((record, raw))
                if len(found) == count:
                    return found
    return found


def _files_backwards(inventory: Inventory) -> Iterator[FileLine]:
    """The files that hold records now, in the reverse of the order in which records are read."""
    given: set[str] = set()
    for line in reversed(inventory.files.values()):
        held = inventory.holder(line) if is_segment(line) else None
        if held is not None and held.path not in given:
            given.add(held.path)
            yield held


def _lines_backwards(path: Path, count: int) -> Iterator[bytes]:
    """The lines of the file from the last to the first, as far as it is not damaged. Raises OutputError."""
    with suppress(OutputDamaged):
        if not is_packed(path.name):
            for _, raw in files.lines_backwards(path):
                yield raw
            return
        for end in range(count, 0, -_AT_ONCE):
            block = [raw for _, raw in islice(files.lines(path), max(0, end - _AT_ONCE), end)]
            yield from reversed(block)
