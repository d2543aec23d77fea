"""The end of the manifest, as its one writer holds it: where lines are appended, and the hash that the next one must
name."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from worker.errors import OutputError
from worker.output.disk import files
from worker.output.manifest.manifest import (
    FileLine,
    ManifestLine,
    day_file,
    day_files,
    decode,
    encode,
    is_segment,
    lines_backwards,
)
from worker.output.segment import Segment


class Chain:
    """Appends lines to the manifest, each whole and durable or not at all.

    One at a time, by one process at a time. After an error it can go on: what the failed append may have left is cut
    off, at the latest before the next append.
    """

    def __init__(self, folder: Path, file: Path | None, length: int, last_hash: str) -> None:
        self._folder = folder
        self._file = file
        self._length = length
        self._last_hash = last_hash
        self._last_seqs: dict[str, int] = {}
        self._torn = self._lost = False

    @classmethod
    def open(cls, folder: Path) -> Chain:
        """Opens the manifest at its end: a line that a crash left unfinished is cut off, and everything before it is
        made durable.

        Reads only the last line. Raises OutputError.
        """
        days = day_files(folder)
        if not days:
            return cls(folder, None, 0, "")
        newest = days[-1]
        length = files.whole_lines_bytes(newest)
        # Whole lines count as durable from here on, so they must be: the crash may have come before the fsync.
        files.cut(newest, length)
        files.sync_directory(folder)
        last = next(((day, raw) for day in reversed(days) for _, raw in files.lines_backwards(day)), None)
        if last is None:
            return cls(folder, newest, length, "")
        day, raw = last
        decode(raw, day)  # never append to a line that can't be read
        return cls(folder, newest, length, sha256(raw).hexdigest())

    @property
    def last_hash(self) -> str:
        """The `prev` of the next line. Raises OutputError."""
        self._find_again()
        return self._last_hash

    def find(self, segment: Segment) -> tuple[FileLine | None, bool]:
        """The line that already names the segment, and whether a later one drops it; None if it is not named.

        Raises OutputError if the manifest has gone past the segment's numbers without naming it.
        """
        self._find_again()
        known = self._last_seqs.get(segment.writer)
        if known is not None and known < segment.first_seq:
            return None, False  # the usual case: nothing needs to be read
        dropped = False
        for line, _ in lines_backwards(self._folder):
            dropped = dropped or segment.path in line.drops
            if is_segment(line) and line.writer == segment.writer:
                self._last_seqs.setdefault(segment.writer, line.last_seq)
                if line.path == segment.path:
                    return line, dropped
                if line.last_seq < segment.first_seq:
                    break
        last_seq = self._last_seqs.setdefault(segment.writer, 0)
        if last_seq >= segment.first_seq:
            raise OutputError(
                f"{self._folder} goes to seq {last_seq} of writer {segment.writer}, but does not name {segment.path}: "
                "the state is older than the output directory, or another's"
            )
        return None, False

    def append(self, line: ManifestLine, date: str | None = None) -> None:
        """Appends a line to the file of `date`, or to the newest file. Raises OutputError; nothing was appended
        then."""
        self._find_again()
        self._mend()
        file = self._file if date is None else day_file(self._folder, date)
        if file is None:
            raise OutputError(f"{self._folder} names no file, so none can be dropped")
        if self._file is not None and file < self._file:
            raise OutputError(f"{file}: the manifest has gone on to {self._file.name}; dates do not go back")
        lengths = {file: 0} if self._file is None else {file: 0, self._file: self._length}
        if any(files.size(known) != length for known, length in lengths.items()):
            self._lost = files.are_whole(file)
            raise OutputError(f"{file} was changed by another process; one feedmill writes to a directory at a time")
        self._file, self._length = file, lengths[file]
        raw = encode(line)
        self._torn = True
        try:
            files.append(file, raw + b"\n", at=self._length)
            if self._length == 0:
                files.sync_directory(self._folder)
        except OutputError:
            if files.are_whole(file):
                self._lost, self._torn = True, False
            with suppress(OutputError):
                self._mend()
            raise
        self._torn = False
        self._length += len(raw) + 1
        self._last_hash = sha256(raw).hexdigest()
        if is_segment(line):
            self._last_seqs[line.writer] = line.last_seq

    def _find_again(self) -> None:
        """Reads again where the manifest ends, after a failed append to an object: the append may have succeeded, or
        another process has added a line, and neither must be cut off."""
        if self._lost:
            found = Chain.open(self._folder)
            self._file, self._length, self._last_hash = found._file, found._length, found._last_hash
            self._last_seqs, self._lost = {}, False

    def _mend(self) -> None:
        """Cuts off what a failed append may have left.

        Even if it is a whole line: after a failed fsync its bytes can be read, and yet may never reach the disk.
        """
        if not self._torn or self._file is None:
            return
        if files.size(self._file) > self._length:
            files.cut(self._file, self._length)
        self._torn = False
