"""The archive: every page as it was fetched, in WARC files below archive/, so that records can point to it and it can
be extracted again.

Files are only appended to, until they are full or their day is over. A page's bytes are safe on disk before anyone is
told where it is. A crash leaves at most part of one member at the end of the newest file, which the next process cuts
off. To take a page down, its file is copied with the page overwritten, and the copy atomically replaces the file; all
other pages keep their offsets.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from worker.errors import OutputError
from worker.model import DAY_MS, Millis
from worker.output import warc
from worker.output.disk import files
from worker.output.disk.layout import ARCHIVE, STAGING
from worker.record import Raw, Record, rfc3339, to_the_second

FILE_BYTES = 100_000_000
"""Once a file has this size, a new one is begun; the last page may take it beyond."""
_FILE = re.compile(rf"{ARCHIVE}/date=[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}/[0-9]{{8}}T[0-9]{{6}}Z-[0-9]{{5,9}}\.warc\.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    offset: int
    head: warc.Head

    @property
    def end(self) -> int:
        return self.offset + self.head.length


class Archive:
    """The archive of an output directory, for the process that holds the directory's lock. May be called from any
    thread: pages are compressed in parallel, and written one at a time."""

    def __init__(self, root: Path, *, software: str, file_bytes: int) -> None:
        self._root, self._software, self._file_bytes = root, software, file_bytes
        self._lock = threading.Lock()
        self._file: Path | None = None
        """The file that pages are appended to."""
        self._length = 0
        """Its bytes up to the end of the last page that is safe on disk."""
        self._torn = False
        """Whether the file may be longer than that, because an append failed."""
        self._forgotten: set[str] = set()

    @classmethod
    def open(cls, root: Path, *, software: str, adding: bool = True, file_bytes: int = FILE_BYTES) -> Archive:
        """Opens the archive of the output directory `root`, which must exist; cuts off what a crash left half written.

        software: name and version, written to each new file. adding: whether pages will be added. Raises OutputError,
        also if the extra that this needs is not installed.
        """
        if adding:
            warc.require()
        archive = cls(root, software=software, file_bytes=file_bytes)
        found = archive._files()
        if found:
            archive._go_on_with(found[-1])
        return archive

    def add(self, page: warc.Page) -> Raw | None:
        """Stores the page durably and returns where it is; None if its article was taken down while the page was
        fetched.

        Raises OutputError; the page is not stored then.
        """
        member = warc.response(page)
        with self._lock:
            if page.record_id in self._forgotten:
                return None
            file, offset = self._append(member, page.fetched_at)
        return {"file": file.relative_to(self._root).as_posix(), "offset": offset, "length": len(member)}

    def forget(self, record_id: str) -> int:
        """Takes down all pages of an article, including those still being fetched; returns how many were stored.

        Reads the head of every member. Raises OutputError, also if a file is so damaged that the members behind the
        damage can't be read; the call must then be repeated.
        """
        with self._lock:
            self._forgotten.add(record_id)
            self._mend()
            pages = 0
            for path in self._files():
                members, end = _members(path)
                theirs = [member for member in members if member.head.record_id == record_id]
                if theirs:
                    files.place(self._root / STAGING / path.name, path, _without(path, theirs))
                    pages += len(theirs)
                if end < files.size(path):
                    raise OutputError(f"{path} is damaged at byte {end}, so nothing behind that can be taken out of it")
            return pages

    def expire(self, *, now: Millis, keep_ms: int | None) -> int:
        """Removes the files of days that ended more than `keep_ms` before `now`, and returns how many; None keeps all.
        Raises OutputError.

        Each day is kept one day longer: a page may be fetched just before midnight and its record committed after it.
        Call it once the records of these days are gone.
        """
        if keep_ms is None:
            return 0
        last = rfc3339(Millis(now - keep_ms - 2 * DAY_MS))[:10]
        with self._lock:
            past = [path for path in self._files() if path.parent.name < f"date={last}"]
            for path in past:
                files.remove(path)
                files.remove_empty(path.parent)
            return len(past)

    def _append(self, member: bytes, at: Millis) -> tuple[Path, int]:
        self._mend()
        day = self._root / ARCHIVE / f"date={rfc3339(at)[:10]}"
        file, offset, begin = self._file, self._length, b""
        if file is not None:
            day = max(day, file.parent)  # the clock was set back: dates must not go back, as with records
        if file is None or file.parent != day or offset >= self._file_bytes or files.size(file) != offset:
            file, offset = self._named(day, at), 0  # also if somebody moved it away, or changed it
        if offset == 0:
            # Raises if the directory is gone, and a mount point may be left: then nothing is made in its place.
            files.names(self._root / STAGING)
            files.make_directory(day)
            begin = warc.description(name=file.name, software=self._software, at=at)
        self._file, self._length, self._torn = file, offset, True
        files.append(file, begin + member)
        if begin:
            self._sync_names(day)
        self._length, self._torn = offset + len(begin) + len(member), False
        return file, offset + len(begin)

    def _mend(self) -> None:
        """Cuts off what a page that could not be written has left."""
        if self._torn and self._file is not None and files.size(self._file) > self._length:
            files.cut(self._file, self._length)
        self._torn = False

    def _named(self, day: Path, at: Millis) -> Path:
        """The path of a new file."""
        taken = [begun(path)[1] for path in self._files() if path.parent == day]
        second = to_the_second(at).replace("-", "").replace(":", "")
        return day / f"{second}-{max(taken, default=0) + 1:05}.warc.gz"

    def _sync_names(self, day: Path) -> None:
        """Makes the names of the day's files, and of the day's folder, durable."""
        for folder in (day, day.parent, self._root):
            files.sync_directory(folder)

    def _go_on_with(self, path: Path) -> None:
        """Continues this file, the newest, from the end of its last whole page."""
        end = is_whole_until(path)
        if end is None:
            return
        if end:
            files.cut(path, end)
            self._sync_names(path.parent)  # the crash may have come before this was done
            self._file, self._length = path, end
        else:
            files.remove(path)
            files.sync_directory(path.parent)

    def _files(self) -> list[Path]:
        """All files of the archive, in the order in which they were begun."""
        found = (path for path in files.below(self._root / ARCHIVE) if is_ours(self._root, path))
        return sorted(found, key=begun)


def is_ours(root: Path, path: Path) -> bool:
    """Whether the path is that of an archive file."""
    return _FILE.fullmatch(path.relative_to(root).as_posix()) is not None


def begun(path: Path) -> tuple[str, int]:
    """A sort key: the order in which files were begun, by day and number, because the clock may be set back within a
    day."""
    return path.parent.name, int(path.name.removesuffix(".warc.gz").rpartition("-")[2])


def has_archive(root: Path) -> bool:
    """Whether pages are kept there, or once were."""
    return files.exists(root / ARCHIVE)


def page_at(root: Path, raw: Raw) -> warc.Page | None:
    """The page that a record's `_ingest.raw` points to; None if it was taken down or has expired.

    Raises OutputError if something else is at that place.
    """
    path = root / raw["file"]
    if not _FILE.fullmatch(raw["file"]):
        raise OutputError(f"{raw['file']!r} is no file of an archive")
    if not files.exists(path):
        return None
    try:
        return warc.page(files.part(path, raw["offset"], raw["length"]))
    except ValueError as error:
        raise OutputError(f"{path}, byte {raw['offset']}: {error}") from error


def may_have_expired(raw: Raw, record: Record) -> bool:
    """Whether a page may have expired before its record: a record that is written again days after its original,
    without a new fetch, still points to the page as fetched then."""
    kept_at = date.fromisoformat(raw["file"].removeprefix(f"{ARCHIVE}/date=")[:10])
    return date.fromisoformat(record["_ingest"]["ingested_at"][:10]) - kept_at > timedelta(days=1)


def is_whole_until(path: Path) -> int | None:
    """The length of the newest file's whole pages: where a torn page begins, or the file's end; 0 if it has no whole
    page. None if the file is not torn but damaged: whole pages may follow the damage."""
    members, end = _members(path)
    while members and not warc.is_whole(files.part(path, members[-1].offset, members[-1].head.length)):
        end = members.pop().offset
    if warc.SIGNATURE.search(files.part(path, end + 1, files.size(path))):
        return None
    return end


def damaged_at(path: Path) -> int | None:
    """Where no member begins, though one should; None where there is no such place. Goes by the members' heads."""
    _, end = _members(path)
    return end if end < files.size(path) else None


def _members(path: Path) -> tuple[list[_Member], int]:
    """What a file holds, by the heads alone, and where it ends: at the file's end, or where it is torn or damaged."""
    size, offset = files.size(path), 0
    members: list[_Member] = []
    while offset < size:
        head = warc.head(files.part(path, offset, warc.HEAD))
        if head is None or offset + head.length > size:
            break
        members.append(_Member(offset=offset, head=head))
        offset = members[-1].end
    return members, offset


def _without(path: Path, members: Collection[_Member]) -> Iterator[bytes]:
    """The content of a file, in the place of these an empty record each."""
    offset = 0
    for member in members:
        yield from _blocks(path, offset, member.offset)
        try:
            yield warc.blank(files.part(path, member.offset, member.head.length))
        except ValueError as error:
            raise OutputError(f"{path}, byte {member.offset}: {error}, so it can't be taken out") from error
        offset = member.end
    yield from _blocks(path, offset, files.size(path))


def _blocks(path: Path, start: int, end: int) -> Iterator[bytes]:
    while start < end and (block := files.part(path, start, min(end - start, 16 * files.BLOCK))):
        yield block
        start += len(block)
