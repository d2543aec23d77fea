"""Eight days of a worker in a minute: feeds appear, die and move, clocks jump, and nothing grows.

The real engine, over real HTTP; time passes as it does while there is work, and ahead to the next of it when not.
"""

from __future__ import annotations

import asyncio
import gc
import io
import os
import re
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.site import Answer, Request, Site, conditional
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, item, page, prose, rss
from worker import log
from worker.engine import Engine, leases
from worker.engine import clock as engine_clock
from worker.model import Millis
from worker.output import verify
from worker.settings import load
from worker.store.database import clocks
from worker.store.database.tables import FAR
from worker.store.work import works
from worker.wiring import app

HOUR, DAY = 3_600_000, 86_400_000
BEGIN = Millis(int(datetime(2028, 2, 27, 12, tzinfo=UTC).timestamp()) * 1000)
"""Two days before a leap day."""
SPRING = Millis(int(datetime(2028, 3, 25, 0, tzinfo=UTC).timestamp()) * 1000)
"""A day before clocks go forward in Europe: 26 March 2028, 01:00 UTC."""
BERLIN = ZoneInfo("Europe/Berlin")
STEADY, EVERY_H = 4, 3
"""Feeds that go on and on, with an article every so many hours."""
SHOWN = 8
SEAL_MS = 600_000


class Clock:
    """Time that passes as it does, and ahead to what is due next when there is nothing to do."""

    def __init__(self) -> None:
        self.passed = 0
        """Milliseconds ahead of this machine's monotonic clock."""
        self.set = int(BEGIN) - self.monotonic()
        """What the wall clock shows beyond the monotonic one."""

    def monotonic(self) -> int:
        return time.monotonic_ns() // 1_000_000 + self.passed

    def now(self) -> Millis:
        return Millis(self.monotonic() + self.set)


# --- the web --------------------------------------------------------------------------------------------------------


class Web:
    """Feeds with an article more every `EVERY_H` hours, of which they show the newest; one in four is edited later."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self._site, self._clock = site, clock
        self.polled: defaultdict[str, list[Millis]] = defaultdict(list)
        """By feed."""

    def growing(self, host: str, *, until: int = FAR, then: Answer | None = None, path: str = "/feed") -> str:
        """Adds one; from `until` on it answers something else. Its URL."""

        def route(request: Request) -> Answer:
            now = self._clock.now()
            self.polled[host].append(now)
            if then is not None and now >= until:
                return then
            newest = (now - BEGIN) // (EVERY_H * HOUR) + SHOWN
            body = rss(*(self._item(host, number, newest - number) for number in range(newest - SHOWN, newest)))
            return conditional(body, content_type=RSS, etag=f'"{newest}"')(request)

        return self._site.add(host, path, route)

    def _item(self, host: str, number: int, age: int) -> str:
        url = self._site.add(host, f"/{number}", page(f"{host} {number}", prose(f"{host}{number}")))
        edited = " (corrected)" if number % 4 == 0 and age > 2 else ""
        return item(f"{host}-{number}", url, f"{host} {number}{edited}")

    def feeds(self) -> list[dict[str, object]]:
        """Steady ones, some that die in their first day, one that moves, and one by cron."""
        urls = {f"steady-{n}": self.growing(f"steady-{n}") for n in range(STEADY)}
        for status in (404, 410, 500):
            urls[f"dead-{status}"] = self.growing(f"dead-{status}", until=BEGIN + DAY, then=Answer(status=status))
        there = self.growing("moved", path="/moved")
        moved = Answer(status=301, headers={"Location": there})
        urls["moved"] = self.growing("moved", until=BEGIN + DAY, then=moved)
        daily = {"id": "daily", "url": self.growing("daily"), "cron": "30 2 * * *"}
        return [*({"id": host, "url": url, "recheck": ["2h"]} for host, url in urls.items()), daily]


# --- time -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What there is of what must not grow."""

    memory: int
    """Bytes that the process holds and nobody shares."""
    descriptors: int
    tasks: int
    state: int
    """Bytes of the state's pages that are in use."""
    entries: int
    files: int
    """In the output directory."""
    log: int
    """Bytes that were logged since the sample before."""


class Life:
    """A worker under a clock that hurries on, and what it comes to, day by day."""

    def __init__(self, worker: Worker, clock: Clock, said: io.StringIO) -> None:
        self.worker, self.clock, self._said = worker, clock, said
        self.samples: list[Sample] = []
        self.logged: set[str] = set()
        """Events of the days that are sampled."""
        self._stop = asyncio.Event()
        self._engine: Engine | None = None

    def begun(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, until: int, *, jump: tuple[int, int] = (FAR, 0)) -> None:
        """Runs it until that time by its own clock; a sample at each midnight. jump: when the wall clock is set, and by
        how much."""
        self._stop = asyncio.Event()
        settings = load(self.worker.folder / "worker.yaml", os.environ)
        working = asyncio.create_task(app.work(settings, stop=self._stop))
        driving = asyncio.create_task(self._drive(until, *jump))
        await asyncio.wait({working, driving}, return_when=asyncio.FIRST_COMPLETED)
        self._stop.set()
        await working
        await driving
        self._engine = None

    async def _drive(self, until: int, jump_at: int, jump_ms: int) -> None:
        hour = self.clock.now() // HOUR
        while self.clock.now() < until and not self._stop.is_set():
            await asyncio.sleep(0.005)
            running = self._engine
            if running is None or running._leases or running._publishing.busy:
                continue
            if self.clock.now() >= jump_at:
                self.clock.set += jump_ms
                jump_at, hour = FAR, self.clock.now() // HOUR
                await running._clock.follow()
            store = running._publishing._store
            due = await store.next_claim_at()
            if due <= self.clock.now():
                running.wake()
                continue
            _, oldest = await store.waiting()
            sealed = FAR if oldest is None else oldest + SEAL_MS
            if running._leases:
                continue  # it was claimed meanwhile
            # Nothing to do until then: that time passes.
            ahead = min(due, sealed, (hour + 1) * HOUR, until) - self.clock.now()
            self.clock.passed += max(ahead, 1)
            if sealed <= self.clock.now():
                await running._publishing.publish()
            if self.clock.now() // HOUR > hour:
                hour = self.clock.now() // HOUR
                await running._upkeep()
                if hour % 24 == 0:
                    self._sample()
            running.wake()

    def _sample(self) -> None:
        gc.collect()
        with closing(sqlite3.connect(self.worker.state)) as state:
            pages = [state.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count")]
            entries = state.execute("SELECT count(*) FROM entry").fetchone()[0]
        memory = Path("/proc/self/smaps_rollup").read_text().partition("Private_Dirty:")[2].split()[0]
        self.samples.append(
            Sample(
                memory=int(memory) * 1024,
                descriptors=len(list(Path("/proc/self/fd").iterdir())),
                tasks=len(asyncio.all_tasks()),
                state=(pages[0] - pages[1]) * 4096,
                entries=entries,
                files=sum(1 for path in self.worker.out.rglob("*") if path.is_file()),
                log=self._said.tell(),
            )
        )
        self.logged |= set(re.findall(r'"event":"([^"]+)"', self._said.getvalue()))
        self._said.seek(0)
        self._said.truncate()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(app, "now", clock.now)
    for module in (engine_clock, leases):
        monkeypatch.setattr(module, "monotonic_ms", clock.monotonic)
    return clock


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """What is logged, as a service logs it."""
    stream = io.StringIO()
    log.configure(form="json", stream=stream)
    yield stream
    log.configure()


def assert_daily(polled: list[Millis], *, on: Iterable[int], month: int, at_least: int = 1) -> None:
    """On each of these days it was polled at half past two in Berlin, and not again before the next."""
    times = [datetime.fromtimestamp(at / 1000, BERLIN) for at in polled]
    for day in on:
        hours = [(time.hour, time.minute) for time in times if (time.month, time.day) == (month, day)]
        assert at_least <= len(hours) <= 1, times
        assert not at_least or hours == [(2, 30)], times


# --- what it comes to -----------------------------------------------------------------------------------------------


def assert_flat(samples: list[Sample]) -> None:
    """From the day on from which as much goes as comes, the last is no more than the first, but for chance."""
    first, last = samples[0], samples[-1]
    assert last.memory - first.memory < 12_000_000, samples
    assert last.descriptors - first.descriptors <= 8, samples
    assert last.tasks <= first.tasks + 4, samples
    assert last.entries <= first.entries * 1.3, samples
    assert last.state <= first.state * 1.3, samples
    assert last.files <= first.files * 1.3 + 4, samples
    assert last.log <= first.log * 1.5, samples


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read in /proc")
async def test_days_pass_and_nothing_grows(
    site: Site, worker: Worker, clock: Clock, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feeds appear, die and move; a leap day, a spring night and set clocks pass; what is kept for a day is gone after
    two. Memory, descriptors, state, files and log are on the last day what they were when all had come to be."""
    monkeypatch.setattr(works, "REFRESH_MS", DAY)  # a month, which must pass before an entry is known to have gone
    monkeypatch.setattr(clocks, "DOUBT_MS", DAY)  # a week, for which nothing is deleted by a clock set far forward
    web = Web(site, clock)
    listed = web.feeds()
    changes: dict[str, dict[str, object]] = {
        "output": {
            "seal_after": f"{SEAL_MS}ms",
            "keep": "1d",
            "latest": True,
            "feed_json": 20,
            "compact": {"grace": "1h"},
        },
        "dedup": {"window": "1d", "keep": "1d"},
        "schedule": {"min": "30m", "max": "6h", "timezone": "Europe/Berlin"},
    }
    life = Life(worker, clock, said)
    init = Engine.__init__

    def begun(self: Engine, **parts: Any) -> None:
        init(self, **parts)
        life.begun(self)

    monkeypatch.setattr(Engine, "__init__", begun)
    worker.configure(listed[2:], **changes)
    await life(BEGIN + 36 * HOUR)
    worker.configure(listed, **changes)  # two more appear
    await life(BEGIN + 5 * DAY)
    assert_flat(life.samples[2:])
    assert_daily(web.polled["daily"], on=[28, 29], month=2)
    clock.set += SPRING - clock.now()  # it was off for three weeks
    await life(SPRING + 3 * DAY, jump=(SPRING + 2 * DAY + 12 * HOUR, -HOUR))
    assert_flat([life.samples[2], life.samples[-1]])
    assert_daily(web.polled["daily"], on=[27], month=3)
    assert_daily(web.polled["daily"], on=[26], month=3, at_least=0)  # there was no half past two
    assert "clock.jumped" in life.logged
    assert verify(worker.out).is_sound
    print(*life.samples, f"{len(site.requests)} requests", sep="\n")  # noqa: T201  # for the record, with -s
