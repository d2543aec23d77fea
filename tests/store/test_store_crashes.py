"""The process is killed in the middle of its batches: what the state says is whole at every instant."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import random
import sqlite3
import time
from collections import Counter, defaultdict
from multiprocessing.connection import Connection
from pathlib import Path

from tests.store.invariants import check_state
from tests.store.samples import (
    DAY,
    HOUR,
    KEEP_MS,
    NO_PATIENCE,
    SECOND,
    START,
    WINDOW_MS,
    Plans,
    Run,
    make_draft,
    make_entry,
)
from worker.model import Done, FeedVersion, Millis, Poll, Retry, SeenEntry, Validators, Work
from worker.store import Store

FORK = multiprocessing.get_context("fork")
KILLS = 20
FEEDS = [f"feed-{number}" for number in range(6)]
ENTRIES = 30
POLLED_EACH_MS = 60  # of a clock that goes on by one with each batch
SHARED = "https://all.example/"
NOTICE = "This page can not be shown."


def entries_of(feed: str, generation: int) -> list[SeenEntry]:
    """The entries of the nth version of a feed; the first third are those of the version before, some of them changed,
    and every fifth is on a page that all feeds show."""
    first = generation * (ENTRIES * 2 // 3)
    return [
        make_entry(
            f"entry-{number}",
            feed=feed,
            url=f"{SHARED}{number}" if number % 5 == 0 else "",
            words=f"of version {generation}" if number % 4 == 0 else "",
        )
        for number in range(first, first + ENTRIES)
    ]


def is_notice(record_id: str, url: str | None) -> bool:
    """Whether it says what others on pages of their own say too."""
    return record_id.endswith("1") and url is not None and not url.startswith(SHARED)


def done_of(run: Run, work: Work, versions: int) -> Done:
    """How a piece of work ends: the same each time it is done. A record's body is its id."""
    if isinstance(work, Poll):
        generation = int(work.body_hash or b"0")
        version = FeedVersion(url=work.url, validators=Validators(), body_hash=b"%d" % (generation + 1), elements=())
        due = Millis(run.now + (POLLED_EACH_MS if generation + 1 < versions else DAY))
        return run.polled(work, *entries_of(work.feed_id, generation), version=version, next_due=due)
    if work.tries == 0 and work.record_id.endswith("0"):
        return Retry(lease=work.lease, due_at=run.now, reason="timeout")
    text = NOTICE if is_notice(work.record_id, work.url) else f"{work.record_id} {work.entry!r}"
    return run.ingested(work, make_draft(text, body=work.record_id.encode()))


async def work_through(path: Path, versions: int, now: Millis, told: Connection | None = None) -> None:
    """Polls and ingests in groups of 7, until every feed was polled in so many versions and all of it is ingested."""
    plans = Plans()
    async with Store(
        path, policies=lambda _: NO_PATIENCE, planner=plans, window_ms=WINDOW_MS, keep_ms=KEEP_MS
    ) as store:
        run = Run(store, plans, now)
        await run.start(*FEEDS)
        while await store.next_claim_at() < run.now + HOUR:
            works = await run.claim(7)
            await run.finish(*(done_of(run, work, versions) for work in works))
            await store.number(now=run.now, limit=10)
            run.later(1)
            if told:
                told.send("a batch is done")


def work_until_killed(path: Path, versions: int, now: Millis, told: Connection) -> None:
    asyncio.run(work_through(path, versions, now, told))


def kill_while_it_works(path: Path, versions: int, *, now: int, batches: int, chance: random.Random) -> None:
    """Kills a process somewhere in the batch that follows so many and one."""
    here, there = FORK.Pipe(duplex=False)
    process = FORK.Process(target=work_until_killed, args=(path, versions, now, there))
    process.start()
    there.close()
    with contextlib.suppress(EOFError):  # it may come to its end before
        here.recv()  # from here on it works: how long a process takes to start says nothing of that
        begun = time.monotonic()
        for _ in range(batches):
            here.recv()
        time.sleep(chance.uniform(0, (time.monotonic() - begun) / batches))
    process.kill()
    process.join()
    here.close()


def records(path: Path) -> Counter[str]:
    """How often each record id was written; nothing is published here, so all is in the outbox."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT body, revision FROM outbox").fetchall()
    written = Counter(body.decode() for body, _ in rows)
    revisions = dict(connection.execute("SELECT lower(hex(record_id)), revision FROM entry WHERE revision > 0"))
    connection.close()
    assert len(set(rows)) == len(rows), "a revision was written twice"
    assert written == revisions, "what is written and what the entries say differ"
    return written


def test_killed_anywhere_the_state_is_whole(state_path: Path) -> None:
    """After kill -9 in the middle of its batches the state obeys every rule: each entry is queued, written or a
    duplicate, and its revisions are in the outbox, each once."""
    chance = random.Random(5)
    sizes = []
    for kill in range(KILLS):
        batches = chance.randint(1, 4)
        kill_while_it_works(state_path, 1_000_000, now=START + kill * 10, batches=batches, chance=chance)
        check_state(state_path)
        sizes.append(records(state_path).total())
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > KILLS / 2, "the kills hit nothing"


def test_what_was_killed_is_finished_by_the_next(state_path: Path) -> None:
    """A run that is killed time after time ends as one that was left in peace: every entry that the feeds showed is
    written, but for those that say or link to what another does, of which one is."""
    versions = 3
    for kill in range(5):
        batches = 1 + 3 * kill
        kill_while_it_works(
            state_path, versions, now=START + kill * SECOND, batches=batches, chance=random.Random(kill)
        )
    asyncio.run(work_through(state_path, versions, Millis(START + 5 * SECOND)))
    check_state(state_path)
    written = records(state_path)
    shown = {entry.own.hex(): entry for feed in FEEDS for n in range(versions) for entry in entries_of(feed, n)}
    assert written.keys() <= shown.keys()
    articles = defaultdict(set)
    for record_id, entry in shown.items():
        articles[NOTICE if is_notice(record_id, entry.url) else entry.url].add(record_id)
    assert {article: len(written.keys() & ids) for article, ids in articles.items()} == dict.fromkeys(articles, 1)
