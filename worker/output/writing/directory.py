"""The output directory, as its one writer holds it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import assert_never

from worker.errors import OutputError
from worker.model import Millis
from worker.output.disk import files
from worker.output.disk.layout import FEED, LATEST, RECORDS, SCHEMAS, STAGING
from worker.output.disk.packing import packed
from worker.output.manifest.chain import Chain
from worker.output.manifest.inventory import Inventory, Standing
from worker.output.manifest.manifest import MANIFEST, FileLine, ManifestLine, Place, RemoveLine, day_files, lines
from worker.output.segment import Segment, date_of, edited_path, is_packed, line
from worker.output.writing.compaction import Delete, Drop, Keeping, Merge, Step, deletes, files_of, plan
from worker.output.writing.latest import Latest
from worker.output.writing.merging import Measured, merged
from worker.output.writing.recent import Recent
from worker.output.writing.removed import KeysOf, Removed
from worker.output.writing.takedown import NOTHING_UNREAD, Unread, holds, notices, records_of, seqs_of, without
from worker.record import SCHEMA, Record, to_the_second


class OutputDirectory:
    """Publishes segments, and compacts closed days. Synchronous; one call at a time, by one process (`locked`).

    Every step is durable before the next one begins, so a crash leaves at most a staged file, a file that the manifest
    does not name, an unfinished manifest line, or files that it says were removed. Publishing the same segments again,
    in order, and taking the steps that are due then repairs all of that, in this process after an error or in the next
    one after a crash.
    """

    def __init__(
        self, root: Path, chain: Chain, latest: Latest | None, recent: Recent | None, removed: Removed
    ) -> None:
        self._root = root
        self._chain = chain
        self._latest, self._recent, self._removed = latest, recent, removed
        self._day: Path | None = None
        self._dropped: set[str] | None = None
        """Files that were dropped since `due` was called; None if it was not called yet."""
        self._before, self._before_day = Standing(), ""
        """The files that must exist according to the manifest's files before the named one."""

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        schema: bytes,
        latest: bool = False,
        feed: int | None = None,
        keys_of: KeysOf = lambda *_: (),
    ) -> OutputDirectory:
        """Creates what is missing of the layout, and clears away what a crash left half done.

        `schema` is the JSON Schema of the records, which is put beside them. latest: keep the newest revision of each
        article that is published from now on as a file; otherwise existing files stay until they are outdated. feed:
        how many of the newest articles to keep as a JSON Feed. keys_of: the keys by which articles are remembered when
        their records are removed. Raises OutputError if the directory can't be created or written to, or the manifest
        can't be read.
        """
        root = files.at(path)
        _make_layout(root, (RECORDS, MANIFEST, SCHEMAS, STAGING, *([LATEST] if latest else [])))
        for name in files.names(root / STAGING):
            files.remove(root / STAGING / name)
        recent = None if feed is None else Recent(root, feed)
        chain, removed = Chain.open(root / MANIFEST), Removed(root, keys_of)
        kept = Latest(root, wanted=latest) if latest or files.exists(root / LATEST) else None
        directory = cls(root, chain, kept, recent, removed)
        directory._place(root / SCHEMAS / f"record-{SCHEMA}.json", [schema])
        if recent is not None:
            recent.rebuild()
        else:
            files.remove(root / FEED)  # from a worker that kept one: it would become outdated
        return directory

    def publish(self, segment: Segment) -> FileLine:
        """Writes a segment and names it in the manifest; idempotent. Returns its line.

        Segments of a writer must come in the order of their numbers, and dates must not go back. Holds the segment's
        bytes in memory. Raises OutputError; readers then see nothing of it or all of it, and it can be published again.
        """
        records = [line(row, segment.writer) for row in segment.rows]
        data = b"".join(records)
        digest = sha256(data).hexdigest()
        found, dropped = self._chain.find(segment)
        if found is not None and found.sha256 != digest:
            raise OutputError(
                f"{self._root / found.path}: the manifest names it with other content (sha256 {found.sha256}, "
                f"now {digest}); what was published is never rewritten"
            )
        if not dropped:  # else it was compacted or removed since, and must not come back
            target = self._root / segment.path
            self._make_day(target.parent)
            self._place(target, [data])
        named = found or FileLine(
            path=segment.path,
            records=len(records),
            bytes=len(data),
            sha256=digest,
            first_seq=segment.first_seq,
            last_seq=segment.last_seq,
            writer=segment.writer,
            schema=SCHEMA,
            sealed_at=segment.sealed_at,
            prev=self._chain.last_hash,
        )
        if found is None:
            self._chain.append(named, segment.date)
        if self._latest is not None and not (dropped and Inventory.of(self._root).holder(named) is None):
            self._latest.follow(records, again=found is not None)
        if self._recent is not None:
            self._recent.follow(records, again=found is not None)
        return named

    def due(self, keeping: Keeping, *, now: Millis) -> list[Step]:
        """The steps that are due for the files of closed days. Reads only the end of the manifest, except for the first
        time and if there are files that should not exist. Raises OutputError."""
        self._dropped = set()
        standing, newest = self._standing()
        strays = [path for path in self._there() if path not in standing.files]
        found = deletes(strays, Inventory.of(self._root)) if strays else ()
        return [*found, *plan(standing, newest=newest, now=now, keeping=keeping)]

    def _standing(self) -> tuple[Inventory, str]:
        """The files that must exist, and the day of the manifest's newest file. Only that one is read again: nothing is
        ever added to those before it."""
        newest = max((day.name for day in day_files(self._root / MANIFEST)), default="")
        inventory = self._before.copy()
        for added, place in lines(self._root / MANIFEST, Place(day=self._before_day)):
            if place.day == newest != self._before_day:
                self._before, self._before_day = inventory.copy(), newest
            inventory.add(added)
        return inventory, newest.removesuffix(".jsonl")

    def carry_out(self, step: Step, *, now: Millis) -> None:
        """Takes one of the steps that were due; between two of them segments may be published and articles forgotten. A
        step is skipped if its files were dropped since, or if another process held the directory when it was planned.

        Readers are not disturbed: files that they have open can be read to the end, and for files that they don't find
        any more the manifest tells where the records are. Raises OutputError; the step is due again then, with the same
        result.
        """
        if self._dropped is not None and self._dropped.isdisjoint(files_of(step)):
            self._take(step, now)

    def _take(self, step: Step, now: Millis) -> None:
        match step:
            case Merge():
                self._merge(step, now)
            case Drop():
                at = to_the_second(now)
                if step.expired:
                    self._removed.expire((self._root / path for path in step.paths), date_of(step.paths[0]))
                    self._removed.let_go(step.remembered_from)
                self._name(RemoveLine(drops=step.paths, removed_at=at, prev=self._chain.last_hash))
                self._delete(step)
            case Delete():
                self._delete(step)
            case _:
                assert_never(step)

    def notices(self, ids: Collection[str]) -> tuple[list[Record], Unread]:
        """The records to publish before these articles are forgotten, so that those who have them drop them: a delete
        for each, without any content. None for articles that have such a notice already or are not here. Reads every
        file; also returns those that can't be read. Raises OutputError."""
        return notices(self._root, [held.path for held in Inventory.of(self._root).present()], ids)

    def forget(self, id: str, *, now: Millis, unread: Unread = NOTHING_UNREAD, unknown: bool = False) -> int:
        """Takes an article down: immediately rewrites the files that hold any revision of it; returns how many records
        that were.

        Its id is remembered, even if it has no records. Its notice stays. Readers learn of it from the manifest, as
        with any replaced file. Reads every file. Call it when everything numbered has been published: publishing it
        again would bring it back. unread: files to leave as they are, because no notice could be made from them.
        unknown: the article never came and may be let in some day, unless there are records. Raises OutputError, also
        if a file is damaged or was left; the others are done then, and the call must be repeated.
        """
        inventory = Inventory.of(self._root)
        for step in deletes(self._there(), inventory):
            self._take(step, now)
        if unknown:
            self._removed.keep_out(bytes.fromhex(id))
        else:
            self._removed.forget(id, ())
        forgotten, taken, left = 0, list[str](), [*unread.values()]
        for held in inventory.present():
            path = self._root / held.path
            try:
                if held.path not in unread and holds(path, id):
                    self._removed.forget(id, records_of(path, id))
                    forgotten += 0 if inventory.is_dropped(held.path) else self._rewrite(held, id, now)
                    taken.append(held.path)
            except OutputError as error:
                left.append(error)
        if taken:
            self._take(Drop(paths=tuple(taken), expired=False), now)
        if self._latest is not None:
            self._latest.take_down(id)
        if self._recent is not None:
            self._recent.rebuild()
        if left:
            raise left[0]
        return forgotten

    def let_in(self, key: bytes) -> None:
        """Nothing is kept out by this key any more, unless it was taken down. Raises OutputError."""
        self._removed.let_in(key)

    def _rewrite(self, line: FileLine, id: str, now: Millis) -> int:
        """Replaces a file by one without the article; only counts if nothing would be left of it."""
        gone = seqs_of(self._root, line, id)
        if len(gone) < line.records:
            path = edited_path(line.path, line.last_seq)
            self._replace([line], path, without(self._root / line.path, id), now, forgotten=gone)
        return len(gone)

    def _merge(self, step: Merge, now: Millis) -> None:
        self._replace(step.sources, step.path, merged(self._root, step.sources), now)

    def _replace(
        self,
        sources: Sequence[FileLine],
        path: str,
        parts: Iterable[bytes],
        now: Millis,
        forgotten: Collection[int] = (),
    ) -> None:
        content = Measured(packed(parts) if is_packed(path) else parts)
        self._place(self._root / path, content)
        first, last = sources[0], sources[-1]
        line = FileLine(
            kind="replace",
            path=path,
            records=sum(source.records for source in sources) - len(forgotten),
            bytes=content.bytes,
            sha256=content.sha256,
            first_seq=first.first_seq,
            last_seq=last.last_seq,
            writer=first.writer,
            schema=SCHEMA,
            sealed_at=to_the_second(now),
            drops=tuple(source.path for source in sources),
            forgotten=tuple(sorted({*forgotten, *(seq for source in sources for seq in source.forgotten)})),
            prev=self._chain.last_hash,
        )
        self._name(line)

    def _name(self, line: ManifestLine) -> None:
        """Appends a line to the manifest about what became of files that it names."""
        self._chain.append(line)
        if self._dropped is not None:
            self._dropped.update(line.drops)

    def _there(self) -> list[str]:
        """The paths of the files in records/."""
        return [path.relative_to(self._root).as_posix() for path in files.below(self._root / RECORDS)]

    def _delete(self, step: Drop | Delete) -> None:
        paths = [self._root / path for path in step.paths]
        if step.expired and self._latest is not None:
            self._latest.forget(paths)
        if step.expired and self._recent is not None:
            self._recent.rebuild()
        for path in paths:
            files.remove(path)
        for folder in sorted({path.parent for path in paths}):
            files.sync_directory(folder.parent if files.remove_empty(folder) else folder)

    def _make_day(self, day: Path) -> None:
        """Synced once a process even if it exists: a crash may have come between creating and syncing it."""
        if day != self._day:
            files.make_directory(day)
            files.sync_directory(day.parent)
            self._day = day

    def _place(self, target: Path, parts: Iterable[bytes]) -> None:
        """Puts a whole file in its place atomically and durably."""
        files.place(self._root / STAGING / target.name, target, parts)


def _make_layout(root: Path, folders: Iterable[str]) -> None:
    if files.make_directory(root):
        files.sync_directory(root.parent)
    for folder in folders:
        files.make_directory(root / folder)
        files.check_writable(root / folder)
    files.sync_directory(root)
