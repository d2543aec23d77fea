"""The rules of sites, which are strangers' texts: who reads them, and what they can cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from worker.cpu.pool import Pool
from worker.fetch import Client
from worker.fetch.robots import MAX_BYTES
from worker.model import EntryId, FeedId, Fetched, Ingest, Lease, Millis, RobotsCopy, RobotsRead, Validators
from worker.pipeline.robots import SHORT_BYTES, Barred, Gate

NOW = Millis(1_800_000_000_000)
SITE = "https://a.example"
PAGE = f"{SITE}/{'a' * 7000}"
HOSTS = 4


def rules(number: int, *, delay: bool = True) -> bytes:
    """As slow as rules can be, and others for each number: 0.15 s to be read, as much for each page."""
    lines = "".join(f"Disallow: /{'*a' * 40}{number}-{line}\n" for line in range(4000))
    return f"User-agent: *\n{'Crawl-delay: 7' if delay else ''}\nDisallow: /private\n{lines}".encode()[:MAX_BYTES]


class _Site:
    """Gives one robots.txt, whoever asks."""

    def __init__(self, text: bytes = b"") -> None:
        self.text = text

    async def get(self, url: str, **_: Any) -> Fetched:
        return Fetched(url=url, status=200, content_type="text/plain", validators=Validators(), body=self.text)


def work(text: bytes | None) -> Ingest:
    return Ingest(
        lease=Lease(work_id=1, host_id=1, slot=0, token=1, expires_at=NOW),
        entry_id=EntryId(1),
        record_id="0" * 32,
        feed_id=FeedId("a"),
        feed_title=None,
        url=PAGE,
        host="a.example",
        robots=None if text is None else RobotsCopy(url=f"{SITE}/robots.txt", text=text),
        entry=b"",
        first_seen_at=NOW,
    )


@pytest.fixture
async def cpu() -> AsyncIterator[Pool]:
    async with Pool(workers=2, timeout_s=120) as pool:
        yield pool


def gate(cpu: Pool, text: bytes = b"") -> Gate:
    return Gate(cast(Client, _Site(text)), cpu, clock=lambda: NOW)


async def test_long_rules_take_next_to_nothing_of_the_loop(cpu: Pool) -> None:
    """Of as many hosts as a name server makes up: each would hold all else for 0.3 s, and keep 6 MB here."""
    of = gate(cpu)
    texts = [rules(number) for number in range(HOSTS)]
    began = time.thread_time()
    found = await asyncio.gather(*(of.stops(work(text), PAGE) for text in texts))
    assert time.thread_time() - began < 0.05 * HOSTS
    assert found == [None] * HOSTS


@pytest.mark.parametrize("length", [0, 2 * SHORT_BYTES])
async def test_rules_hold_however_long_they_are(cpu: Pool, length: int) -> None:
    """Short ones are read at once, long ones in another process; both say the same."""
    text = b"User-agent: *\nCrawl-delay: 7\nDisallow: /private\n" + b"#" * length
    of = gate(cpu, text)
    assert await of.stops(work(text), PAGE) is None
    barred = await of.stops(work(text), f"{SITE}/private/x")
    assert barred == Barred(reason="robots.txt of its site does not allow to fetch the page", for_good=True)
    read = await of.stops(work(None), PAGE)
    assert isinstance(read, RobotsRead)
    assert (read.text, read.crawl_delay_ms, read.problem) == (text, 7000, None)


async def test_rules_that_can_not_be_read_in_time_allow_nothing_for_now() -> None:
    """Nobody knows what they say: the page waits, as where robots.txt can't be had."""
    async with Pool(workers=1, timeout_s=0.001) as cpu:
        of = gate(cpu, rules(0))
        barred = await of.stops(work(rules(0)), PAGE)
        assert isinstance(barred, Barred)
        assert not barred.for_good
        read = await of.stops(work(None), PAGE)
        assert isinstance(read, RobotsRead)
        assert read.text is None
        assert read.problem is not None
