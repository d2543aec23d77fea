"""Every page as it was fetched, in WARC files below archive/: for records to point to, and to be extracted again.

A file is only ever added to, until it is full or its day is over. Before anyone is told where a page is, its bytes are
safe on disk. A crash leaves at most part of one member at the end of the newest file, which the next process cuts off.
A page that is taken down is overwritten in a copy of its file, which then takes the file's place at once; all others
stay where they are.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from worker.errors import OutputError
from worker.model import DAY_MS, Millis
from worker.output import warc
from worker.output.disk import files
from worker.output.disk.layout import ARCHIVE, STAGING
from worker.record import Raw, Record, rfc3339

FILE_BYTES = 100_000_000
"""A file that has so many gets no more; one page may take it beyond."""
_FILE = re.compile(rf"{ARCHIVE}/date=[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}/[0-9]{{8}}T[0-9]{{6}}Z-[0-9]{{5,9}}\.warc\.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    offset: int
    head: warc.Head

    @property
    def end(self) -> int:
        return self.offset + self.head.length


class Archive:
    """The archive of an output directory, for the process that holds that. To be called from any thread: one page at a
    time is written, and they are packed beside each other."""

    def __init__(self, root: Path, *, software: str, file_bytes: int) -> None:
        self._root, self._software, self._file_bytes = root, software, file_bytes
        self._lock = threading.Lock()
        self._file: Path | None = None
        """The one that is added to."""
        self._length = 0
        """Of its pages that are safe."""
        self._torn = False
        """It may be longer than that."""
        self._forgotten: set[str] = set()

    @classmethod
    def open(cls, root: Path, *, software: str, adding: bool = True, file_bytes: int = FILE_BYTES) -> Archive:
        """Of the output directory `root`, which is there; what a crash left half written is cut off.

        software: name and version, which each file is to bear. adding: pages will be added. Raises OutputError, also
        where the extra is missing that this needs.
        """
        if adding:
            warc.require()
        archive = cls(root, software=software, file_bytes=file_bytes)
        found = archive._files()
        if found:
            archive._go_on_with(found[-1])
        return archive

    def add(self, page: warc.Page) -> Raw | None:
        """Where the page is from now on, safely; None where its article was taken down while it was fetched.

        Raises OutputError; then it is not there.
        """
        member = warc.response(page)
        with self._lock:
            if page.record_id in self._forgotten:
                return None
            file, offset = self._append(member, page.fetched_at)
        return {"file": file.relative_to(self._root).as_posix(), "offset": offset, "length": len(member)}

    def forget(self, record_id: str) -> int:
        """Takes all pages of an article down, and those that are still being fetched; how many there were.

        Looks at the head of every member. Raises OutputError, also where a file is so damaged that nobody knows what
        else is in it; then it is to be called again.
        """
        with self._lock:
            self._forgotten.add(record_id)
            self._mend()
            pages = 0
            for path in self._files():
                members, end = _members(path)
                theirs = [member for member in members if member.head.record_id == record_id]
                if theirs:
                    self._blank(path, theirs)
                    pages += len(theirs)
                if end < files.size(path):
                    raise OutputError(f"{path} is damaged at byte {end}, so nothing behind that can be taken out of it")
            return pages

    def expire(self, *, now: Millis, keep_ms: int | None) -> int:
        """Removes the days that ended longer ago; how many files that were. None keeps all. Raises OutputError.

        A day more is kept: a page may be fetched just before midnight, and its record be committed after it. To be
        called once the records of these days are gone.
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
            day = max(day, file.parent)  # a clock that was set back: the dates of records do not go back either
        if file is None or file.parent != day or offset >= self._file_bytes:
            file, offset = self._named(day, at), 0
        if offset == 0:
            begin = warc.description(name=file.name, software=self._software, at=at)
        self._file, self._length, self._torn = file, offset, True
        files.append(file, begin + member)
        if begin:
            self._sync_names(day)
        self._length, self._torn = offset + len(begin) + len(member), False
        return file, offset + len(begin)

    def _mend(self) -> None:
        """Cut off what was left by a page that could not be written."""
        if self._torn and self._file is not None and files.size(self._file) > self._length:
            files.cut(self._file, self._length)
        self._torn = False

    def _named(self, day: Path, at: Millis) -> Path:
        """A file that is not there yet."""
        files.make_directory(day)
        taken = [begun(path)[1] for path in self._files() if path.parent == day]
        second = rfc3339(Millis(at // 1000 * 1000)).replace("-", "").replace(":", "")
        return day / f"{second}-{max(taken, default=0) + 1:05}.warc.gz"

    def _sync_names(self, day: Path) -> None:
        """Make durable that the day's files are there, and the day."""
        for folder in (day, day.parent, self._root):
            files.sync_directory(folder)

    def _go_on_with(self, path: Path) -> None:
        """Add to this file, the newest, as far as it is whole."""
        end = is_whole_until(path)
        if end is None:
            return
        if end:
            files.cut(path, end)
            self._sync_names(path.parent)  # the crash may have come before that
            self._file, self._length = path, end
        else:
            files.remove(path)
            files.sync_directory(path.parent)

    def _blank(self, path: Path, members: Collection[_Member]) -> None:
        staged = self._root / STAGING / path.name
        try:
            files.write(staged, _without(path, members))
            files.rename(staged, path)
            files.sync_directory(path.parent)
        except OutputError:
            with suppress(OutputError):
                files.remove(staged)
            raise

    def _files(self) -> list[Path]:
        """In the order in which they were begun."""
        found = (path for path in files.below(self._root / ARCHIVE) if is_ours(self._root, path))
        return sorted(found, key=begun)


def is_ours(root: Path, path: Path) -> bool:
    """Whether a path is one of a file of the archive."""
    return _FILE.fullmatch(path.relative_to(root).as_posix()) is not None


def begun(path: Path) -> tuple[str, int]:
    """Which file was begun before which: by day and number, for seconds may go back."""
    return path.parent.name, int(path.name.removesuffix(".warc.gz").rpartition("-")[2])


def has_archive(root: Path) -> bool:
    """Whether pages are kept there, or were once."""
    return files.exists(root / ARCHIVE)


def page_at(root: Path, raw: Raw) -> warc.Page | None:
    """The page that a record's `_ingest.raw` points to; None where it was taken down or has expired.

    Raises OutputError where something else is there.
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
    """Whether a page may have gone by age before its record: one that was written anew days later, since its original
    came, points to the page as it was had."""
    kept_at = date.fromisoformat(raw["file"].removeprefix(f"{ARCHIVE}/date=")[:10])
    return date.fromisoformat(record["_ingest"]["ingested_at"][:10]) - kept_at > timedelta(days=1)


def is_whole_until(path: Path) -> int | None:
    """Where the newest file is torn, or has its end; 0 where it has no whole page. None where it is not torn but
    damaged: what is behind that may be whole."""
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
