"""Processes that publish to one output are killed while they do: others take their shards over, and nobody can tell.

They share a SQLite state here, whose lock is not asked, since each transaction stands by itself. PostgreSQL is what
several workers share.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from multiprocessing.context import ForkProcess
from pathlib import Path

from tests.output.conftest import SCHEMA, START, make_row
from tests.store.samples import KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans
from worker.errors import FeedmillError
from worker.model import Millis
from worker.output import Keeping, OutputDirectory, cursor, locked, make_shards, read_records, verify
from worker.pipeline import Publisher, Shards
from worker.pipeline import shards as module
from worker.record import Record, shard_name, shard_of
from worker.store import Store
from worker.store import store as store_module

SHARDS = 3
KILLS = 6
FORK = multiprocessing.get_context("fork")


def opened(folder: Path) -> Store:
    store_module.locked = lambda _: nullcontext(False)  # type: ignore[assignment]
    return Store(
        folder / "state.db",
        policies=lambda _: NO_PATIENCE,
        planner=Plans(),
        window_ms=WINDOW_MS,
        keep_ms=KEEP_MS,
        shards=SHARDS,
    )


async def publish(folder: Path, *, until_empty: bool) -> None:
    """What a worker's publishing does, each hundredth of a second."""
    async with opened(folder) as store:

        async def shard_opened(shard: int, held: ExitStack) -> Publisher:
            root = folder / "out" / shard_name(shard, SHARDS)
            held.enter_context(locked(root))
            return Publisher(
                store=store,
                directory=OutputDirectory.open(root, schema=SCHEMA, latest=True),
                archive=None,
                seal_after_ms=0,
                seal_records=3,
                keeping=Keeping(merge=True, pack=False, grace_ms=0, keep_ms=None),
                shard=shard,
            )

        module.LOOK_S = 0.03
        with Shards(SHARDS, shard_opened, shared=True) as shards:
            while True:
                with suppress(FeedmillError):  # the state was busy
                    await shards.publish(now=Millis(START + 60_000))
                if until_empty and [(await store.waiting(shard))[0] for shard in range(SHARDS)] == [0] * SHARDS:
                    return
                await asyncio.sleep(0.01)


def worker(folder: Path) -> ForkProcess:
    process = FORK.Process(target=lambda: asyncio.run(publish(folder, until_empty=False)), daemon=True)
    process.start()
    return process


@contextmanager
def state(folder: Path) -> Iterator[sqlite3.Connection]:
    """For as long as nothing is forked: SQLite forbids to carry a connection over."""
    with closing(sqlite3.connect(folder / "state.db", timeout=20)) as connection, connection:
        yield connection


def write(folder: Path, numbers: range) -> None:
    """A record of each, of articles all over, as their commit leaves it."""
    rows = []
    for number in numbers:
        id = (number * 7919 % 65_536 << 112) + number
        body = make_row(1, f"article {number}", id=id).body
        rows.append(("new", 1, START + number, body, shard_of(f"{id:032x}", SHARDS)))
    with state(folder) as connection:
        connection.executemany(
            "INSERT INTO outbox (op, revision, ingested_at, body, shard) VALUES (?, ?, ?, ?, ?)", rows
        )


def in_hand(folder: Path) -> int:
    """Segments that are numbered and not marked."""
    with state(folder) as connection:
        return int(connection.execute("SELECT count(*) FROM segment WHERE path IS NULL").fetchone()[0])


def test_what_a_killed_process_held_goes_on_elsewhere(tmp_path: Path) -> None:
    """Nothing is lost, and nothing is there twice, for who reads beside it either; every shard is whole."""
    out, chance = tmp_path / "out", random.Random(8)
    make_shards(out, SHARDS)

    async def begin() -> None:
        async with opened(tmp_path):
            pass

    asyncio.run(begin())
    read: list[Record] = []
    written = cut_off = 0
    workers = [worker(tmp_path) for _ in range(2)]
    for _ in range(KILLS):
        for _ in range(chance.randint(2, 5)):
            write(tmp_path, range(written, written + 20))
            written += 20
            time.sleep(chance.uniform(0.02, 0.1))
            read += read_records(out, cursor(read[-1]) if read else None)
        victim = workers.pop(0)
        assert victim.pid is not None
        victim.kill()
        victim.join()
        assert victim.exitcode == -signal.SIGKILL
        cut_off += in_hand(tmp_path)
        workers.append(worker(tmp_path))
    for process in workers:
        process.kill()
        process.join()
    asyncio.run(publish(tmp_path, until_empty=True))
    read += read_records(out, cursor(read[-1]) if read else None)
    assert cut_off > 0
    ids = [record["id"] for record in read]
    assert len(set(ids)) == len(ids) == written
    assert sorted(ids) == sorted(record["id"] for record in read_records(out))
    report = verify(out)
    assert (report.findings, report.records) == ((), written)
