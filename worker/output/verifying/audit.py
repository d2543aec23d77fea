"""Checks the manifest: whether its chain is whole, and its lines agree with each other."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from worker.errors import OutputError
from worker.output.disk import files
from worker.output.manifest.inventory import Inventory
from worker.output.manifest.manifest import BEGIN, MANIFEST, FileLine, RemoveLine, day_files, decode, raw_lines
from worker.output.segment import date_of, parse_path
from worker.output.verifying.findings import Cut, Finding
from worker.record import SCHEMA


class Audit:
    """Reads the manifest to its present end; called again, reads on."""

    def __init__(self, root: Path) -> None:
        self.inventory = Inventory()
        self.findings: list[Finding] = []
        self.last_seqs: dict[str, int] = {}
        """By writer."""
        self._folder = root / MANIFEST
        self._place = BEGIN
        self._number = 0
        self._prev = ""
        self._at = ("", 0)

    def read(self) -> None:
        for raw, file, place in raw_lines(self._folder, self._place):
            self._number = self._number + 1 if file.name == self._place.day else 1
            self._place = place
            self._at = (f"{MANIFEST}/{file.name}", self._number)
            try:
                line = decode(raw, file)
            except OutputError:
                self._found("not a manifest line that this version can read")
            else:
                self._check(line)
            self._prev = sha256(raw).hexdigest()

    def torn(self) -> list[Finding]:
        """Unfinished lines at the ends of files. Only in the newest file can a crash leave one; elsewhere it is
        damage."""
        found = []
        days = day_files(self._folder)
        for day in days:
            length = files.whole_lines_bytes(day)
            if files.size(day) > length:
                found.append(
                    Finding(
                        file=f"{MANIFEST}/{day.name}",
                        line=1 + sum(1 for _ in files.lines(day)),
                        message="the file ends in the middle of a line",
                        remedy=Cut(length=length) if day == days[-1] else None,
                    )
                )
        return found

    def _found(self, message: str) -> None:
        file, number = self._at
        self.findings.append(Finding(file=file, line=number, message=message))

    def _check(self, line: FileLine | RemoveLine) -> None:
        if line.prev != self._prev:
            self._found(
                f"the chain is broken: prev is {line.prev or 'empty'}, the line before has {self._prev or 'none'}; "
                "lines were changed, added or taken away before this one"
            )
        if isinstance(line, FileLine):
            self._check_name(line)
        if isinstance(line, RemoveLine) or line.kind == "replace":
            self._check_drops(line)
        else:
            self._check_segment(line)
        self.inventory.add(line)

    def _check_name(self, line: FileLine) -> None:
        name = parse_path(line.path)
        last_seq = line.last_seq if line.kind == "replace" else None
        if name is None or (name.writer, name.first_seq, name.last_seq) != (line.writer, line.first_seq, last_seq):
            self._found(f"{line.path} is not the name of what the line says")
        if line.path in self.inventory.files:
            self._found(f"{line.path} is named a second time")
        if line.schema != SCHEMA:
            self._found(f"schema {line.schema} is not known to this version")
        seqs = range(line.first_seq, line.last_seq + 1)
        if line.records != len(seqs) - len(line.forgotten) or not all(seq in seqs for seq in line.forgotten):
            self._found(f"{line.records} records do not go from seq {line.first_seq} to {line.last_seq}")

    def _check_segment(self, line: FileLine) -> None:
        if date_of(line.path) != Path(self._place.day).stem:
            self._found(f"{line.path} is of another day than the manifest's file")
        expected = self.last_seqs.get(line.writer, 0) + 1
        if line.first_seq != expected:
            what = "a gap" if line.first_seq > expected else "a repeat"
            self._found(f"{what} in the numbers of writer {line.writer}: seq {line.first_seq}, expected {expected}")
        self.last_seqs[line.writer] = max(line.last_seq, expected - 1)

    def _check_drops(self, line: FileLine | RemoveLine) -> None:
        for path in line.drops:
            if path not in self.inventory.files:
                self._found(f"{path} is dropped, but no line names it before")
            elif path in self.inventory.removed:
                self._found(f"{path} is dropped, but was removed before")
        if isinstance(line, RemoveLine):
            return
        sources = [self.inventory.files[path] for path in line.drops if path in self.inventory.files]
        next_seq = line.first_seq
        for source in sources:
            if (source.writer, source.first_seq) != (line.writer, next_seq):
                self._found(f"{source.path} does not go on where the file before it in drops ends")
            next_seq = source.last_seq + 1
        if not {seq for source in sources for seq in source.forgotten} <= set(line.forgotten):
            self._found(f"{line.path} has records that were forgotten in what it replaces")
        if next_seq != line.last_seq + 1:
            self._found(
                f"{line.path} does not hold what it replaces: it goes to seq {line.last_seq}, not {next_seq - 1}"
            )
