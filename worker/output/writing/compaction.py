"""Plans what to do with the files of closed days: merge, drop, delete. Pure; `OutputDirectory` carries it out.

A day is closed once the manifest has gone on to a later one: its dates never go back, so nothing can be added to the
day. The clock does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from worker.model import DAY_MS, Millis
from worker.output.manifest.inventory import Inventory
from worker.output.manifest.manifest import FileLine
from worker.output.segment import date_of, is_packed, merged_path, parse_path
from worker.record import instant, rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How files of closed days are kept."""

    merge: bool
    """Merge them into one for each day and writer."""
    pack: bool
    """Compress them with zstd."""
    grace_ms: int
    """From the line that replaces files to the line that removes them: the time that readers have to finish with
    them."""
    keep_ms: int | None
    """From the end of a day to the removal of its records; None: never."""
    remember_ms: int = 400 * DAY_MS
    """How much longer the articles' keys are kept, in case the state is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Files of one writer and day become one, in order."""

    sources: tuple[FileLine, ...]
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Files are removed from the manifest, then deleted."""

    paths: tuple[str, ...]
    expired: bool
    """Whether their records go with them; otherwise these are in another file."""
    remembered_from: str = ""
    """The keys of days before this date (YYYY-MM-DD) are not needed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Files that the manifest never named, or has removed, are deleted: a crash prevented it before."""

    paths: tuple[str, ...]
    expired: bool
    """As in Drop."""


Step = Merge | Drop | Delete


def files_of(step: Step) -> Sequence[str]:
    """The paths that it drops or deletes."""
    return [source.path for source in step.sources] if isinstance(step, Merge) else step.paths


def is_expiry(step: Step) -> bool:
    """Whether records are removed by it."""
    return not isinstance(step, Merge) and step.expired


def plan(inventory: Inventory, *, newest: str, now: Millis, keeping: Keeping) -> list[Step]:
    """The steps to take with files that the manifest names, in order; each can be taken alone, and is planned again if
    it was not. newest: the day of the manifest's newest file."""
    closed = _by_day(line for line in inventory.present() if date_of(line.path) < newest)
    steps: list[Step] = []
    for day, lines in closed.items():
        if keeping.keep_ms is not None and _end_of(day) + keeping.keep_ms <= now:
            remembered_from = rfc3339(Millis(max(0, now - keeping.keep_ms - keeping.remember_ms)))[:10]
            paths = tuple(line.path for line in lines)
            steps.append(Drop(paths=paths, expired=True, remembered_from=remembered_from))
            continue
        replaced = tuple(line.path for line in lines if _is_past(line, inventory, now - keeping.grace_ms))
        if replaced:
            steps.append(Drop(paths=replaced, expired=False))
        if keeping.merge:
            steps += _merges((line for line in lines if not inventory.is_dropped(line.path)), keeping.pack)
    return steps


def deletes(there: Iterable[str], inventory: Inventory) -> Iterator[Delete]:
    """Steps for files that should not exist: removed ones, and merged ones that the manifest never named."""
    left: dict[bool, list[str]] = {True: [], False: []}
    for path in there:
        line = inventory.files.get(path)
        if line is not None and path in inventory.removed:
            left[inventory.holder(line) is None].append(path)
        elif line is None and (name := parse_path(path)) is not None and name.last_seq is not None:
            left[False].append(path)
    return (Delete(paths=tuple(paths), expired=expired) for expired, paths in left.items() if paths)


def _by_day(lines: Iterable[FileLine]) -> dict[str, list[FileLine]]:
    days = defaultdict(list)
    for line in lines:
        days[date_of(line.path)].append(line)
    return days


def _end_of(day: str) -> int:
    return instant(f"{day}T00:00:00Z") + DAY_MS


def _is_past(line: FileLine, inventory: Inventory, before: int) -> bool:
    """Whether it was replaced at or before that time."""
    replacement = inventory.replacement(line.path)
    return replacement is not None and instant(replacement.sealed_at) <= before


def _merges(live: Iterable[FileLine], pack: bool) -> Iterator[Merge]:
    for sources in _runs(line for line in live if not is_packed(line.path)):
        if pack or len(sources) > 1:
            yield Merge(sources=tuple(sources), path=merged_path(sources[0].path, sources[-1].last_seq, pack=pack))


def _runs(lines: Iterable[FileLine]) -> Iterable[list[FileLine]]:
    """Groups a writer's files by consecutive numbers: a file whose records were all taken down leaves a gap."""
    runs: list[list[FileLine]] = []
    for line in sorted(lines, key=lambda line: (line.writer, line.first_seq)):
        last = runs[-1][-1] if runs else None
        if last is not None and (last.writer, last.last_seq + 1) == (line.writer, line.first_seq):
            runs[-1].append(line)
        else:
            runs.append([line])
    return runs
