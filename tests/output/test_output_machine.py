"""Writer, compactor and readers in any order: each record once to each reader, in the one order that there is."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.output.conftest import DAY_MS, START, make_row
from worker.model import Millis
from worker.output import Keeping, OutputDirectory, Segment, Step, cursor, read_records, segment_path, verify
from worker.record import Record

WRITERS = ("w1", "w2")


class Reader:
    """Reads on, or stops and begins anew from its last cursor; what it saw is kept."""

    def __init__(self, out: Path, *, follow: bool) -> None:
        self._out, self._follow = out, follow
        self._last: str | None = None
        self._records: Iterator[Record] | None = None
        self.seen: list[tuple[str, int]] = []

    def read(self, count: int) -> None:
        """One that came to its end, for it does not follow, goes on by its cursor."""
        for _ in range(2):
            if self._records is None:
                self._records = read_records(self._out, self._last, self._follow)
            before = len(self.seen)
            for record in itertools.islice(self._records, count):
                self.seen.append((record["_ingest"]["writer"], record["_ingest"]["seq"]))
                self._last = cursor(record)
            count -= len(self.seen) - before
            if count:
                self.stop()

    def stop(self) -> None:
        self._records = None


class OutputMachine(RuleBasedStateMachine):
    """Retention is left out: what it removes, a reader may see or not."""

    def __init__(self) -> None:
        super().__init__()
        self.out = Path(tempfile.mkdtemp()) / "out"
        self.order: list[tuple[str, int]] = []
        """What was published."""
        self.day = 0
        self.unmarked: Segment | None = None
        self.due: list[Step] = []
        self.readers: list[Reader] = []
        self.open()

    def teardown(self) -> None:
        for reader in self.readers:
            reader.read(len(self.order) - len(reader.seen))
            assert reader.seen == self.order
        assert verify(self.out).is_sound
        self.readers.clear()
        shutil.rmtree(self.out.parent)

    @rule()
    def open(self) -> None:
        """The worker starts, again: the last segment may not have been marked."""
        self.directory = OutputDirectory.open(self.out, schema=b"{}")
        self.due = []
        if self.unmarked is not None:
            self.directory.publish(self.unmarked)

    @rule(writer=st.sampled_from(WRITERS), records=st.integers(1, 4))
    def publish(self, writer: str, records: int) -> None:
        first = 1 + sum(1 for known, _ in self.order if known == writer)
        at = Millis(START + self.day * DAY_MS)
        path = segment_path(at=at, date=f"2026-11-{23 + self.day}", writer=writer, first_seq=first)
        seqs = range(first, first + records)
        others = 1_000_000 * WRITERS.index(writer)
        rows = tuple(make_row(seq, "x", id=others + seq) for seq in seqs)
        self.unmarked = Segment(path=path, writer=writer, first_seq=first, rows=rows)
        self.directory.publish(self.unmarked)
        self.order += [(writer, seq) for seq in seqs]

    @precondition(lambda self: self.day < 6)
    @rule()
    def midnight(self) -> None:
        self.day += 1

    @rule(pack=st.booleans())
    def plan(self, pack: bool) -> None:
        keeping = Keeping(merge=True, pack=pack, grace_ms=0, keep_ms=None)
        self.due = self.directory.due(keeping, now=Millis(START + 10 * DAY_MS))

    @precondition(lambda self: self.due)
    @rule()
    def take_a_step(self) -> None:
        self.directory.carry_out(self.due.pop(0), now=Millis(START + 10 * DAY_MS))

    @rule(follow=st.booleans())
    def reader_comes(self, follow: bool) -> None:
        self.readers.append(Reader(self.out, follow=follow))

    @precondition(lambda self: self.readers)
    @rule(data=st.data(), count=st.integers(1, 8))
    def reader_reads(self, data: st.DataObject, count: int) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        before = len(reader.seen)
        there = min(count, len(self.order) - before)
        reader.read(there)
        assert len(reader.seen) == before + there

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def reader_stops(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.readers)).stop()

    @invariant()
    def readers_have_seen_what_came_first(self) -> None:
        for reader in self.readers:
            assert reader.seen == self.order[: len(reader.seen)]


class TestOutputMachine(OutputMachine.TestCase):
    settings = settings(max_examples=15, stateful_step_count=40, deadline=None)
