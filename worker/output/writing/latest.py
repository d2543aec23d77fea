"""The newest revision of each article, in a file of its own: latest/<first two digits of the id>/<id>.json.

It is derived from the segments: what a crash prevented is done when the segment is published again, which it is until
the state knows that all of it is safe. An fsync for each article would cost more than everything else, so the whole
file system is synced, twice a segment: once the contents are staged, and once they have their names.

If it is not wanted any more, the files stay until they would be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import orjson

from worker.errors import OutputDamaged, OutputError
from worker.output.disk import files
from worker.output.disk.layout import STAGING, latest_path
from worker.record import Record


class Latest:
    """Written by the output directory's one writer; each file is whole at any time."""

    def __init__(self, root: Path, *, wanted: bool = True) -> None:
        self._root, self._wanted = root, wanted
        self._folders: set[Path] = set()

    def follow(self, lines: Iterable[bytes], *, again: bool) -> None:
        """Takes up the records of a segment that was published.

        again: it was published before, so newer revisions may be there already. Raises OutputError; it can be repeated
        then.
        """
        newest: dict[str, tuple[Record, bytes]] = {}
        for raw in lines:
            record: Record = orjson.loads(raw)
            if self._wanted or record["_ingest"]["op"] != "new":  # a new article has no file yet
                newest[record["id"]] = (record, raw)
        if again:
            newest = {id: (record, raw) for id, (record, raw) in newest.items() if not self._is_behind(record)}
        kept = (item for item in newest.items() if self._wanted and item[1][0]["_ingest"]["op"] != "delete")
        written = {id: raw for id, (_, raw) in kept}
        if files.are_whole(self._root):
            files.write_all({self._path(id): raw for id, raw in written.items()})
        else:
            self._place(written)
        for id in newest.keys() - written.keys():
            files.remove(self._path(id))
        if newest:
            files.sync_filesystem(self._root)

    def _place(self, written: Mapping[str, bytes]) -> None:
        try:
            for id, raw in written.items():
                files.stage(self._staged(id), raw)
            if written:
                files.sync_filesystem(self._root)
            for id in written:
                self._make_folder(self._path(id).parent)
                files.rename(self._staged(id), self._path(id))
        except OutputError:
            for id in written:
                with suppress(OutputError):
                    files.remove(self._staged(id))
            raise

    def forget(self, paths: Iterable[Path]) -> None:
        """Removes the files whose revision is in these files of records; call it before those are deleted. Raises
        OutputError."""
        for path in paths:
            for record in legible(path):
                known = self._read(record["id"])
                if known is not None and _number(known) == _number(record):
                    files.remove(self._path(record["id"]))
        files.sync_filesystem(self._root)

    def take_down(self, id: str) -> None:
        """Removes the file of an article."""
        files.remove(self._path(id))
        files.sync_filesystem(self._root)

    def _is_behind(self, record: Record) -> bool:
        known = self._read(record["id"])
        return known is not None and known["_ingest"]["revision"] > record["_ingest"]["revision"]

    def _read(self, id: str) -> Record | None:
        path = self._path(id)
        if not files.exists(path):
            return None
        try:
            record: Record = orjson.loads(files.text(path))
        except orjson.JSONDecodeError as error:
            raise OutputError(f"{path} is not what feedmill wrote: {error}; delete it") from error
        return record

    def _make_folder(self, folder: Path) -> None:
        if folder not in self._folders:
            files.make_directory(folder)
            self._folders.add(folder)

    def _path(self, id: str) -> Path:
        return self._root / latest_path(id)

    def _staged(self, id: str) -> Path:
        return self._root / STAGING / f"{id}.json"


def legible(path: Path) -> Iterator[Record]:
    """The records of a file, as far as it holds any: damage must not prevent its removal. Raises OutputError if it
    can't be read now, though it may be later."""
    with suppress(OutputDamaged):
        for _, raw in files.lines(path):
            with suppress(orjson.JSONDecodeError):
                yield orjson.loads(raw)


def _number(record: Record) -> tuple[str, int]:
    return record["_ingest"]["writer"], record["_ingest"]["seq"]
