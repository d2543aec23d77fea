"""Checks an output directory, and finishes what a crash left half done.

Beside a running writer, the manifest is read first, then the files that it names, then records/ is listed, then the
lines added to the manifest meanwhile are read: so what the writer is working on (a file renamed but not named yet, a
staged file, an unfinished line at the manifest's end, a dropped file not yet deleted) does not count as damage. The
lock tells whether there is a writer; without one, the same things were left by a crash and can be mended. Everything
else is damage, except in latest/ and feed.json, which a worker corrects when it starts.

If pages are kept, each page that a record points to is read, too. In a directory of shards each is checked by itself,
and so is that each record is in the shard of its id: then no revision can be in two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from worker import record
from worker.errors import OutputError
from worker.output import warc
from worker.output.archive import has_archive
from worker.output.disk import files
from worker.output.disk.layout import RECORDS, STAGING
from worker.output.disk.lock import is_held, locked
from worker.output.manifest.manifest import MANIFEST, FileLine, has_manifest
from worker.output.segment import parse_path
from worker.output.shards import shards_in
from worker.output.verifying.audit import Audit
from worker.output.verifying.contents import check_feed, check_file, check_latest, check_records, check_removed
from worker.output.verifying.findings import Finding, Remove, mend
from worker.output.verifying.pages import Pages, check_archive
from worker.output.verifying.revisions import Revisions, hash_of
from worker.record import shard_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    files: int
    """How many the manifest names and exist."""
    records: int
    """How many the manifest names, each counted once."""
    pages: int
    """How many pages of the archive records point to."""
    being_written: bool
    """Whether a worker holds the directory; the files it is working on, latest/ and feed.json were not checked then."""
    findings: tuple[Finding, ...]
    mended: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        return not self.findings


def verify(
    root: Path, *, quick: bool = False, repair: bool = False, progress: Callable[[int, int], None] = lambda *_: None
) -> Report:
    """Everything that is wrong with the directory.

    quick: check only the manifest, and that the files that it names exist in the right size; no record is read. repair:
    mend what has a remedy, and report it as `mended`; but nothing if the manifest itself is damaged, since it tells
    what is half done. progress: called with the bytes read so far, and the total. Needs eight bytes of memory a record.

    Raises OutputError if it is not an output directory or can't be read (also if it has pages and their extra is
    missing), OutputLocked if it is being written and `repair` is asked for.
    """
    root = files.at(root)
    names = shards_in(root)
    if names == [""]:
        return _verify(root, lambda _: True, quick=quick, repair=repair, progress=progress)
    reports = []
    for shard, name in enumerate(names):
        if has_manifest(root / name):  # else nobody has opened it yet

            def is_here(id: str, shard: int = shard) -> bool:
                return shard_of(id, len(names)) == shard

            report = _verify(root / name, is_here, quick=quick, repair=repair, progress=progress)
            reports.append(_within(name, report))
    return Report(
        files=sum(report.files for report in reports),
        records=sum(report.records for report in reports),
        pages=sum(report.pages for report in reports),
        being_written=any(report.being_written for report in reports),
        findings=tuple(finding for report in reports for finding in report.findings),
        mended=tuple(finding for report in reports for finding in report.mended),
    )


def _within(name: str, report: Report) -> Report:
    """The report with its files named relative to the directory of the shards."""

    def named(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        return tuple(replace(finding, file=f"{name}/{finding.file}") for finding in findings)

    return replace(report, findings=named(report.findings), mended=named(report.mended))


def _verify(
    root: Path,
    is_of_shard: Callable[[str], bool],
    *,
    quick: bool,
    repair: bool,
    progress: Callable[[int, int], None],
) -> Report:
    if not has_manifest(root):
        raise OutputError(f"{root} is not an output directory: it has no {MANIFEST}/")
    if not quick and has_archive(root):
        warc.require()
    with locked(root) if repair else nullcontext():
        being_written = not repair and is_held(root)
        audit = Audit(root)
        audit.read()
        named = list(audit.inventory.present())
        contents = _Contents(root, audit, is_of_shard, quick=quick)
        contents.check(named, progress)
        leftovers = [*audit.torn(), *_left_over(root, audit)]
        being_written = being_written or (not repair and is_held(root))
        leftovers += check_removed(root)
        leftovers += () if quick else check_archive(root, being_written=being_written)
        if being_written:
            leftovers = [finding for finding in leftovers if finding.remedy is None]
        mended = [finding for finding in leftovers if finding.remedy] if repair and not audit.findings else []
        for finding in mended:
            mend(root, finding)
        found = [*audit.findings, *contents.findings, *leftovers]
        if not quick and not being_written:
            found += check_latest(root, contents.revisions)
            found += check_feed(root, audit.inventory)
    return Report(
        files=len(named) - contents.missing,
        records=sum(line.records for line in named if not audit.inventory.is_dropped(line.path)),
        pages=contents.pages.count,
        being_written=being_written,
        findings=tuple(finding for finding in found if finding not in mended),
        mended=tuple(mended),
    )


class _Contents:
    """Compares what the manifest names with what is there."""

    def __init__(self, root: Path, audit: Audit, is_of_shard: Callable[[str], bool], *, quick: bool) -> None:
        self.findings: list[Finding] = []
        self.missing = 0
        self.revisions = Revisions()
        self.pages = Pages(root)
        self._root, self._audit, self._quick = root, audit, quick
        self._is_of_shard = is_of_shard
        self._read: list[FileLine] = []

    def check(self, named: list[FileLine], progress: Callable[[int, int], None]) -> None:
        missing = []
        done, total = 0, sum(line.bytes for line in named)
        for line in named:
            try:
                self._check_file(line)
            except OutputError as error:
                if files.exists(self._root / line.path):
                    self.findings.append(Finding(file=line.path, message=str(error)))
                else:
                    missing.append(line)
            done += line.bytes
            progress(done, total)
        self.findings += _repeats(self._root, self._read, self.revisions.suspects())
        self._audit.read()  # files removed since we began are not missing
        removed = self._audit.inventory.removed
        self.missing = len(missing)
        self.findings += [
            Finding(file=line.path, message="missing, though the manifest names it")
            for line in missing
            if line.path not in removed
        ]
        self.findings += self.pages.findings(self._audit.inventory)

    def _check_file(self, line: FileLine) -> None:
        self.findings += check_file(self._root, line, quick=self._quick)
        if not self._quick and not self._audit.inventory.is_dropped(line.path):
            self.findings += check_records(
                self._root, line, self._audit.inventory, self.revisions, self.pages, self._is_of_shard
            )
            self._read.append(line)


def _repeats(root: Path, read: list[FileLine], suspects: set[int]) -> Iterator[Finding]:
    """Records with an id and revision that an earlier one has, and where that is."""
    first: dict[tuple[str, int], str] = {}
    for line in read if suspects else ():
        for number, (_, raw) in enumerate(files.lines(root / line.path), 1):
            try:
                parsed = record.parse(raw)
            except ValueError:
                continue
            key = (parsed["id"], parsed["_ingest"]["revision"])
            if hash_of(*key) not in suspects:
                continue
            if key in first:
                message = f"revision {key[1]} of {key[0]} a second time; the first is at {first[key]}"
                yield Finding(file=line.path, line=number, message=message)
            first.setdefault(key, f"{line.path}:{number}")


def _left_over(root: Path, audit: Audit) -> Iterator[Finding]:
    """Files in records/ that the manifest does not name, or says were removed, and files in .staging/."""
    there = [path.relative_to(root).as_posix() for path in files.below(root / RECORDS)]
    audit.read()
    for path in there:
        if path in audit.inventory.removed:
            line = audit.inventory.files.get(path)
            expired = line is not None and audit.inventory.holder(line) is None
            message = "not deleted yet, though the manifest says that it was removed"
            yield Finding(file=path, message=message, remedy=Remove(expired=expired))
        elif path not in audit.inventory.files:
            yield _unnamed(path, audit)
    for staged in files.below(root / STAGING):
        message = "staged and never put in its place"
        yield Finding(file=staged.relative_to(root).as_posix(), message=message, remedy=Remove())


def _unnamed(path: str, audit: Audit) -> Finding:
    name = parse_path(path)
    if name is None:
        return Finding(file=path, message="not a file of feedmill's")
    last_seq = audit.last_seqs.get(name.writer, 0)
    if name.last_seq is None and name.first_seq == last_seq + 1:
        message = "the newest of its writer, and not named yet: the worker writes it again when it starts"
        return Finding(file=path, message=message, remedy=Remove())
    if name.last_seq is not None and name.first_seq <= name.last_seq <= last_seq:
        message = "made of files that are named, but not named itself: they are compacted again"
        return Finding(file=path, message=message, remedy=Remove())
    return Finding(file=path, message="the manifest does not name it")
