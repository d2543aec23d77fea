"""The output in shards: each has its own numbers, and by its id an article belongs to one."""

from __future__ import annotations

import orjson
import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import START, WINDOW_MS, Run, make_draft, make_entry
from worker.dedup import Name
from worker.errors import StateError
from worker.model import Draft, State
from worker.record import shard_of
from worker.store import OutboxSegment, Publications, Recovery, Sealed

NAMES = [f"article-{number}" for number in range(12)]


def draft(run_id: str, text: str) -> Draft:
    return make_draft(text, body=orjson.dumps({"id": run_id}))


async def write(run: Run, text: str = "") -> list[str]:
    """A record of each article; their ids."""
    await run.start("a", poll_all=True)
    await run.poll("a", *(make_entry(name, words=text) for name in NAMES))
    ids = []
    for name in NAMES:
        work = await run.ingest_of(name)
        ids.append(work.record_id)
        await run.finish(run.ingested(work, draft(work.record_id, name + text)))
    return ids


async def segments(run: Run, shard: int) -> list[OutboxSegment]:
    found = []
    while (segment := await run.store.number(now=run.now, limit=2, shard=shard)) is not None:
        await run.store.mark(segment.id, path=f"records/{segment.id}.jsonl", sha256="")
        found.append(segment)
    return found


def ids_in(found: list[OutboxSegment]) -> list[str]:
    return [orjson.loads(row.body)["id"] for segment in found for row in segment.rows]


def test_which_shard_follows_from_the_first_two_bytes() -> None:
    """As a number, most significant first: readers may compute it."""
    assert [shard_of(f"{place:04x}" + "ff" * 14, 10) for place in (0, 7, 259, 65_535)] == [0, 7, 9, 5]
    assert {shard_of("a3f0" + "00" * 14, 1)} == {0}


async def test_each_shard_has_numbers_of_its_own(open_run: OpenRun) -> None:
    """From 1, without gaps, under a name of its own; every revision of an article in the same."""
    async with open_run(shards=4) as run:
        ids = await write(run)
        first = [await segments(run, shard) for shard in range(4)]
        run.later(1000)
        assert await write(run, "corrected") == ids
        second = [await segments(run, shard) for shard in range(4)]
        for shard in range(4):
            theirs = [id for id in ids if shard_of(id, 4) == shard]
            assert ids_in(first[shard]) == theirs == ids_in(second[shard])
            found = [*first[shard], *second[shard]]
            assert [row.seq for segment in found for row in segment.rows] == list(range(1, 2 * len(theirs) + 1))
            assert len({segment.writer for segment in found}) == 1
        assert len({found[0].writer for found in first}) == 4
        assert sum(len(segment.rows) for found in first for segment in found) == len(ids)


async def test_shards_wait_by_themselves(open_run: OpenRun) -> None:
    """What one has published, and what it has in hand, is nothing to the others."""
    async with open_run(shards=2) as run:
        ids = await write(run)
        counts = [sum(shard_of(id, 2) == shard for id in ids) for shard in range(2)]
        assert [(await run.store.waiting(shard))[0] for shard in range(2)] == counts
        begun = await run.store.number(now=run.now, limit=2, shard=0)
        found = await segments(run, 1)
        assert await run.store.number(now=run.now, limit=2, shard=0) == begun
        assert [(await run.store.waiting(shard))[0] for shard in range(2)] == [counts[0], 0]
        last = (found[-1].writer, found[-1].rows[-1].seq)
        assert (await run.store.publications(last, 1)).theirs == "same"
        assert (await run.store.publications(last, 0)).theirs == "unknown"
        assert (await run.store.publications(None, 0)).last is None


async def test_what_was_taken_down_is_its_shards_to_take_out(open_run: OpenRun) -> None:
    async with open_run(shards=3) as run:
        for id in await write(run):
            await run.store.forget(Name(bytes.fromhex(id)), now=run.now)
            assert [shard for shard in range(3) if id in await run.store.takedowns(shard)] == [shard_of(id, 3)]
        assert [await segments(run, shard) for shard in range(3)] == [[], [], []]


async def test_the_number_of_shards_is_kept(open_run: OpenRun, state: State) -> None:
    """An article's revisions would come from two writers. As long as there are no records, it may change."""
    async with open_run(shards=2):
        pass
    async with open_run(shards=4) as run:
        ids = await write(run)
    with pytest.raises(
        StateError, match=r"for an output of 4 shards, output\.shards says 1: set it to 4; or .*recover"
    ):
        async with open_run(shards=1):
            pass
    with pytest.raises(StateError, match="of 4 shards"), Recovery(state, replace=True):
        pass
    async with open_run(shards=4) as run:
        found = [ids_in(await segments(run, shard)) for shard in range(4)]
        assert sorted(id for theirs in found for id in theirs) == sorted(ids)


async def test_a_recovery_may_change_the_number_of_shards(open_run: OpenRun, state: State) -> None:
    """What waits, and what was numbered, is numbered again, each in its new shard, after what that has."""
    async with open_run(shards=1) as run:
        ids = await write(run)
        assert await run.store.number(now=run.now, limit=2) is not None
    last = Sealed(path="x", sha256="", writer="w9", date="2026-11-23", sealed_at=START, first_seq=1, last_seq=5)
    with Recovery(state, replace=True, shards=3, reshard=True) as recovery:
        assert recovery.reshards
        recovery.learn([], sealed={2: [last]}, now=START, window_ms=WINDOW_MS)
        assert not recovery.reshards
    async with open_run(shards=3) as run:
        assert await run.store.publications(("w9", 5), 2) == Publications(last="x", theirs="same")
        for shard in range(3):
            found = await segments(run, shard)
            assert ids_in(found) == [id for id in ids if shard_of(id, 3) == shard]
            assert found[0].rows[0].seq == 1
