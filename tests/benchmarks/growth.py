"""What a poll and a look-up cost beside ten thousand known entries, and beside many more:
`python -m tests.benchmarks.growth [THOUSANDS …]`, CPU of the store alone. Ten million take minutes, and 4 GB of disk.

The states are filled by SQL, as `Store` would in the long run: keys without order, URLs of the usual length, the texts
of the last month remembered. Then, in turn, each answers polls: of a feed with nothing new, of one that shows fifty
entries as they were, of one with five new ones, which are ingested; and tells where an article is. What it is for: a
poll and a look-up may not cost a third more where there are a thousand times as many entries.

    CPU ms                      10,000          10,000,000
    a poll, 304                   1.45    1.00        1.46    1.01
    a poll, 50 known              3.19    1.00        3.73    1.17
    a poll, 5 new                 2.35    1.00        2.53    1.08
    an ingest                     0.13    1.00        0.40    3.13
    a look-up                     7.69    1.00        8.76    1.14

Fifty known entries are looked for under a hundred keys, each in a page of the database that is not in its cache. Polls
need that only where a document says something else of all its entries; those that are written as before are known by
their elements.

What an ingest takes more is a page of the database for each key without order, two of its URL and id, one of its text
and four of its runs of words: written to the log at the commit, and to its place by the next checkpoint. No cache
changes it. Beside the 5 to 60 ms of CPU that the whole of an ingest takes (`tests.benchmarks.ledger`) it is little.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from time import process_time
from typing import Any

from tests.benchmarks.state import AS_LONG, draft, url_of
from tests.store.samples import KEEP_MS, NO_PATIENCE, SECOND, START, URL, WINDOW_MS, Plans, Run, make_entry
from worker.dedup import url_key
from worker.model import Ingest, Poll, SeenEntry
from worker.store import Store, read_story
from worker.store.known.keys import stored
from worker.store.known.names import origin

FEEDS, SHOWN, NEW = 200, 50, 5
ROUNDS, POLLS, LOOK_UPS = 10, 20, 20
"""Of each kind in each round."""
REMEMBERED = 0.08
"""A month of the 400 days."""

_ENTRIES = """
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    INSERT INTO entry (id, feed_no, record_id, origin_no, path, version, title_key, first_seen_at, revision,
                       revised_after, revision_key, text_mark, extraction)
    SELECT i, feed.no, randomblob(16), begin.no, substr(url(i), length(begin.text) + 1), x'7665727369', x'7469746c65',
           :first + i, 1, 3000, randomblob(5), randomblob(8), 0
    FROM n JOIN name AS feed ON feed.text = feed(i) JOIN name AS begin ON begin.text = origin(url(i))
"""
_NAMES = """
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :feeds - 1)
    INSERT INTO name (text) SELECT feed(i) FROM n UNION SELECT origin(url(i)) FROM n
"""
_KEYS = """
    INSERT INTO identity (key, entry_id)
    SELECT substr(record_id, 1, 10) AS key, id FROM entry UNION ALL SELECT url_key(url(id)), id FROM entry ORDER BY key
"""
_TEXTS = """
    INSERT INTO content (key, entry_id, expires_at)
    SELECT text_mark || randomblob(2), id, :until FROM entry WHERE id > :before ORDER BY text_mark
"""
_SKETCHES = """
    INSERT INTO sketch (entry_id, expires_at, size, bins, shingles)
    SELECT id, :until, 150, randomblob(32), zeroblob(16) FROM entry WHERE id > :before
"""
_SHINGLES = """
    INSERT OR IGNORE INTO shingle (key, entry_id)
    SELECT abs(random()) >> 32 AS key, id FROM entry JOIN (VALUES (1), (2), (3), (4)) WHERE id > :before ORDER BY key
"""


def feed_of(number: int) -> str:
    return f"daily-herald-{number % FEEDS:03}"


def fill(path: Path, count: int) -> None:
    """So many known entries into a new state."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.create_function("feed", 1, feed_of, deterministic=True)
        database.create_function("url", 1, lambda number: url_of(feed_of(number), number), deterministic=True)
        database.create_function("origin", 1, origin, deterministic=True)
        database.create_function("url_key", 1, lambda url: stored(url_key(url)), deterministic=True)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
            database.execute(f"PRAGMA {pragma}")
        indexes = [
            row[0] for row in database.execute("SELECT sql FROM sqlite_master WHERE name LIKE 'entry/_%' ESCAPE '/'")
        ]
        names = [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'entry/_%' ESCAPE '/'")
        ]
        database.execute("BEGIN")
        for name in names:
            database.execute(f"DROP INDEX {name}")
        known = {
            "count": count,
            "first": START - count,
            "until": START + WINDOW_MS,
            "before": count * (1 - REMEMBERED),
            "feeds": FEEDS,
        }
        for statement in (_NAMES, _ENTRIES, _KEYS, _TEXTS, _SKETCHES, _SHINGLES, *indexes):
            database.execute(statement, known if ":" in statement else {})
        database.execute("UPDATE feed SET ok_at = :at, refreshed_at = :at", {"at": START})
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL")


class State:
    """One of them, open, and what was asked of it."""

    def __init__(self, path: Path, count: int) -> None:
        self._path, self.count = path, count
        self._chance = random.Random(count)
        self._number = count
        self._plans = Plans()
        self.spent: Counter[str] = Counter()
        """CPU seconds."""
        self.done: Counter[str] = Counter()
        """How often."""

    async def __aenter__(self) -> State:
        async with self._opened() as store:
            await Run(store, self._plans).start(*map(feed_of, range(FEEDS)))
        fill(self._path, self.count)
        self._run = Run(await self._opened().__aenter__(), self._plans)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._run.store.__aexit__()

    def _opened(self) -> Store:
        policies, planner = (lambda _: NO_PATIENCE), self._plans
        return Store(self._path, policies=policies, planner=planner, window_ms=WINDOW_MS, keep_ms=KEEP_MS, near="link")

    async def measure(self) -> None:
        """One round."""
        run = self._run
        run.later(3600 * SECOND)
        polls = [work for work in await run.claim(3 * POLLS) if isinstance(work, Poll)]
        unchanged, same, news = polls[:POLLS], polls[POLLS : 2 * POLLS], polls[2 * POLLS :]
        with self._spent("a poll, 304", len(unchanged)):
            for poll in unchanged:
                await run.finish(run.polled(poll, status=304, unchanged=True))
        shown = [(poll, self._known(poll.feed_id)) for poll in same]
        with self._spent(f"a poll, {SHOWN} known", len(shown)):
            for poll, entries in shown:
                await run.finish(run.polled(poll, *entries))
        with self._spent(f"a poll, {NEW} new", len(news)):
            for poll in news:
                await run.finish(run.polled(poll, *(self._new(poll.feed_id) for _ in range(NEW))))
        works = [work for work in await run.claim_all() if isinstance(work, Ingest)]
        drafts = [draft(work.record_id, self._chance) for work in works]
        with self._spent("an ingest", len(works)):
            await run.finish(*(run.ingested(work, one) for work, one in zip(works, drafts, strict=True)))
        await run.publish()
        places = self._chance.choices(range(1, self.count + 1), k=LOOK_UPS)
        with self._spent("a look-up", len(places)):
            for url in [url_of(feed_of(place), place) for place in places]:
                story = read_story(self._path, url)
                assert len(story.entries) == 1

    @contextmanager
    def _spent(self, what: str, times: int) -> Iterator[None]:
        begun = process_time()
        yield
        self.spent[what] += process_time() - begun
        self.done[what] += times

    def _known(self, feed_id: str) -> Sequence[SeenEntry]:
        """The last entries of a feed."""
        with closing(sqlite3.connect(self._path)) as database:
            rows = database.execute(
                f"SELECT record_id, {URL} FROM entry JOIN name ON no = feed_no WHERE text = ? ORDER BY id DESC LIMIT ?",  # noqa: S608
                (feed_id, SHOWN),
            ).fetchall()
        return [self._seen(feed_id, url, own=record_id) for record_id, url in rows]

    def _new(self, feed_id: str) -> SeenEntry:
        self._number += 1
        return self._seen(feed_id, url_of(feed_id, self._number), own=self._chance.randbytes(16))

    def _seen(self, feed_id: str, url: str, own: bytes) -> SeenEntry:
        """As a feed with guids shows it: looked for under these with its link, with its title, and alone."""
        pairs = (self._chance.randbytes(16), self._chance.randbytes(16))
        more: dict[str, Any] = {"look_up": (*pairs, own), "own": own, "page": None, "host": "", **AS_LONG}
        return make_entry(url, feed=feed_id, url=url, **more)


async def measured(folder: Path, thousands: Sequence[int]) -> None:
    async with AsyncExitStack() as stack:
        states = [State(folder / f"{number}k.db", number * 1_000) for number in thousands]
        for state in states:
            await stack.enter_async_context(state)
        for _ in range(ROUNDS):
            for state in states:
                await state.measure()
    print(f"{'CPU ms':22}" + "".join(f"{state.count:>12,}{'':8}" for state in states))  # noqa: T201
    for what in states[0].spent:
        costs = [1000 * state.spent[what] / state.done[what] for state in states]
        print(f"{what:22}" + "".join(f"{cost:12.2f} {cost / costs[0]:7.2f}" for cost in costs))  # noqa: T201


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measured(Path(folder), [int(number) for number in sys.argv[1:]] or [10, 1_000]))
