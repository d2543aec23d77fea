"""Shards: which of them a process publishes to, and when it takes one over.

What is a process elsewhere is a `Shards` here: locks are of the files that it has opened, and PostgreSQL would give
several processes what one store gives them here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import orjson
import pytest

from tests.output.conftest import SCHEMA, make_row
from tests.store.samples import KEEP_MS, NO_PATIENCE, START, WINDOW_MS, Plans, Run, make_draft, make_entry
from worker.dedup import Name
from worker.errors import OutputError, OutputLocked
from worker.model import Millis
from worker.output import Keeping, OutputDirectory, locked, make_shards, read_records, shards_in, verify
from worker.pipeline import Publisher, Shards
from worker.pipeline import shards as module
from worker.record import Record, shard_name, shard_of
from worker.store import Store

KEEPING = Keeping(merge=True, pack=False, grace_ms=0, keep_ms=None)
DAY_MS = 86_400_000
Later = Callable[[float], None]


class Cluster:
    """A state, an output directory, and processes that share them."""

    def __init__(self, run: Run, out: Path, shards: int) -> None:
        self.run, self.out, self.count = run, out, shards
        self.written = 0
        make_shards(out, shards)

    def process(self, *, shared: bool = True) -> Shards:
        return Shards(self.out, self.count, self.opened, shared=shared)

    async def opened(self, shard: int, held: ExitStack) -> Publisher:
        root = self.out / shard_name(shard, self.count)
        keep_lock = held.enter_context(locked(root))
        return Publisher(
            store=self.run.store,
            directory=OutputDirectory.open(root, schema=SCHEMA),
            archive=None,
            seal_after_ms=0,
            seal_records=2,
            keeping=KEEPING,
            keep_lock=keep_lock,
            shard=shard,
        )

    async def write(self) -> Counter[int]:
        """Sixteen articles more; how many in each shard."""
        names = [f"article-{self.written + number}" for number in range(16)]
        self.written += len(names)
        await self.run.start("a", poll_all=True)
        await self.run.poll("a", *map(make_entry, names))
        found = Counter[int]()
        for name in names:
            work = await self.run.ingest_of(name)
            body = make_row(1, name, id=int(work.record_id, 16)).body
            await self.run.finish(self.run.ingested(work, make_draft(name, body=body)))
            found[shard_of(work.record_id, self.count)] += 1
        assert len(found) == self.count
        return found

    async def closed_days(self, process: Shards) -> Millis:
        """Publishes articles on two days, by that process; a time by which both are closed."""
        for _ in range(2):
            await self.write()
            await process.publish(now=self.run.now, everything=True)
            self.run.later(DAY_MS)
        return Millis(self.run.now + 10 * DAY_MS)

    async def waiting(self) -> list[int]:
        """How many records are not published, by shards."""
        return [(await self.run.store.waiting(shard))[0] for shard in range(self.count)]

    def records(self) -> list[Record]:
        return list(read_records(self.out))

    def verify(self) -> int:
        """Asserts that every shard is whole; how many records there are."""
        reports = [verify(self.out / name) for name in shards_in(self.out)]
        assert [report.findings for report in reports] == [()] * self.count
        return sum(report.records for report in reports)


Begin = Callable[[int], Awaitable[Cluster]]


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    async with AsyncExitStack() as stack:

        async def begun(shards: int) -> Cluster:
            plans = Plans()
            store = await stack.enter_async_context(
                Store(
                    tmp_path / "state.db",
                    policies=lambda _: NO_PATIENCE,
                    planner=plans,
                    window_ms=WINDOW_MS,
                    keep_ms=KEEP_MS,
                    shards=shards,
                )
            )
            return Cluster(Run(store, plans, START), tmp_path / "out", shards)

        yield begun


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Moves the monotonic time on."""
    now = 1_000.0

    def move(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    return move


def held(process: Shards) -> list[int]:
    return sorted(process._held)


async def test_alone_it_takes_all_at_once(begin: Begin) -> None:
    """And nobody else may."""
    cluster = await begin(3)
    await cluster.write()
    with cluster.process(shared=False) as shards:
        await shards.take()
        assert shards.holds_all
        assert await shards.publish(now=cluster.run.now) == 16
        other = cluster.process(shared=False)
        with pytest.raises(OutputLocked, match="process"):
            await other.take()
        assert held(other) == []
    assert cluster.verify() == 16


async def test_processes_that_start_together_get_some_each(begin: Begin, later: Later) -> None:
    cluster = await begin(4)
    await cluster.write()
    first, second = cluster.process(), cluster.process()
    for _ in range(4):
        for process in (first, second):
            await process.publish(now=cluster.run.now)
        later(module.LOOK_S)
    assert (held(first), held(second)) == ([0, 2], [1, 3])
    assert await cluster.waiting() == [0] * 4
    assert cluster.verify() == 16


async def test_what_a_process_held_is_taken_by_another(begin: Begin, later: Later) -> None:
    """Not before it has ended; and it is looked for each few seconds, not each time."""
    cluster = await begin(2)
    first, second = cluster.process(), cluster.process()
    now = cluster.run.now
    for _ in range(3):
        await first.publish(now=now)
        later(module.LOOK_S)
    assert held(first) == [0, 1]
    await cluster.write()
    assert await second.publish(now=now) == 0
    with first:
        pass
    assert held(first) == []
    assert await second.publish(now=now) == 0
    assert held(second) == []
    for _ in range(3):
        later(module.LOOK_S)
        await second.publish(now=now)
    assert held(second) == [0, 1]
    assert cluster.verify() == 16


async def test_at_its_end_a_run_takes_all_that_is_free(begin: Begin) -> None:
    """`once` ends with all sealed that it can seal."""
    cluster = await begin(4)
    first, second = cluster.process(), cluster.process()
    await first.publish(now=cluster.run.now)
    written = await cluster.write()
    assert await second.publish(now=cluster.run.now, everything=True) == 16 - written[0]
    assert (held(first), held(second)) == ([0], [1, 2, 3])


async def test_a_shard_that_fails_keeps_no_other_back(begin: Begin, later: Later) -> None:
    """It is let go, and opened anew: by then its disk may be there again, or it may be another's."""
    cluster = await begin(3)
    process, now = cluster.process(), cluster.run.now
    await cluster.write()
    await process.publish(now=now, everything=True)
    (manifest,) = (cluster.out / "shard=01/manifest").iterdir()
    whole = manifest.read_bytes()
    manifest.write_bytes(whole + b"of another\n")
    written = await cluster.write()
    with pytest.raises(OutputError, match="changed by another process"):
        await process.publish(now=now)
    assert held(process) == [0, 2]
    assert await cluster.waiting() == [0, written[1], 0]
    later(module.LOOK_S)
    with pytest.raises(OutputError, match="manifest"):
        await process.publish(now=now)
    manifest.write_bytes(whole)
    later(module.LOOK_S)
    assert await process.publish(now=now) == written[1]
    assert held(process) == [0, 1, 2]
    assert cluster.verify() == 32


async def test_what_another_process_was_asked_to_forget_is_taken_out_by_the_holder(begin: Begin) -> None:
    cluster = await begin(2)
    process, now = cluster.process(), cluster.run.now
    await cluster.write()
    await process.publish(now=now, everything=True)
    file = min((cluster.out / "shard=01/records").rglob("*.jsonl"))
    id = orjson.loads(file.read_bytes().splitlines()[0])["id"]
    await cluster.run.store.forget(Name(bytes.fromhex(id)), now=cluster.run.now)
    await process.publish(now=now)
    assert await cluster.run.store.takedowns(1) == {}
    assert [(r["_ingest"]["op"], r["_ingest"]["revision"]) for r in cluster.records() if r["id"] == id] == [
        ("delete", 2)
    ]
    assert cluster.verify() == 16


@pytest.mark.parametrize("after", range(6))
async def test_a_takedown_that_is_cut_off_tells_once(begin: Begin, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Before or after any step of it: the next start does the rest, and there is one delete, safe before the rest."""
    cluster = await begin(1)
    now = cluster.run.now
    await cluster.write()
    with cluster.process(shared=False) as first:
        await first.take()
        await first.publish(now=now, everything=True)
        ids = [record["id"] for record in cluster.records()][:2]
        for id in ids:
            await cluster.run.store.forget(Name(bytes.fromhex(id)), now=cluster.run.now)
        steps = [(Store, "tell"), (OutputDirectory, "publish"), (OutputDirectory, "forget")]
        of, name = steps[after // 2]
        whole = getattr(of, name)
        if name == "tell":

            async def cut_later(*args: object, **named: object) -> None:
                if after % 2:
                    await whole(*args, **named)
                raise OutputError("cut off")

            monkeypatch.setattr(of, name, cut_later)
        else:

            def cut(*args: object, **named: object) -> None:
                if after % 2:
                    whole(*args, **named)
                raise OutputError("cut off")

            monkeypatch.setattr(of, name, cut)
        with pytest.raises(OutputError, match="cut off"):
            await first.take_down(now=now)
        monkeypatch.undo()
    with cluster.process(shared=False) as second:
        await second.take()
        await second.take_down(now=now)
        assert await second.take_down(now=now) == 0
    found = [(r["id"], r["_ingest"]["op"], r["_ingest"]["revision"]) for r in cluster.records() if r["id"] in ids]
    assert sorted(found) == sorted((id, "delete", 2) for id in ids)
    assert cluster.verify() == 16


async def test_steps_are_taken_where_they_are_due(begin: Begin) -> None:
    """Each shard's closed days by themselves; of one that was let go meanwhile, none."""
    cluster = await begin(2)
    process = cluster.process()
    now = await cluster.closed_days(process)
    due = await process.untidy(now=now)
    assert [shard for shard, _ in due] == [0, 1]
    process._let_go(1)
    for step in due:
        await process.tidy(step, now=now)
    merged = [list((cluster.out / f"shard=0{shard}/records").rglob("*_*.jsonl")) for shard in range(2)]
    assert [len(found) for found in merged] == [1, 0]
    assert cluster.verify() == 32


async def test_nothing_is_tidied_where_another_process_may_write(begin: Begin) -> None:
    """It got the lock, as somebody removed the file; when it has ended, all goes on."""
    cluster = await begin(1)
    process = cluster.process()
    now = await cluster.closed_days(process)
    (due,) = await process.untidy(now=now)
    (cluster.out / ".lock").unlink()
    with locked(cluster.out):
        await process.tidy(due, now=now)
        with pytest.raises(OutputLocked):
            await process.untidy(now=now)
        assert [*cluster.out.rglob("*_*.jsonl")] == []
    await process.tidy(due, now=now)
    assert len([*cluster.out.rglob("*_*.jsonl")]) == 1
    assert cluster.verify() == 32
