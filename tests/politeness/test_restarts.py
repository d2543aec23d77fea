"""A worker that is killed and started again keeps what it owes to each host: measured there."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise

import pytest

from tests.politeness.answers import rss
from tests.politeness.scoring import CLOCK_S, Manners, Where, faults, where_of
from tests.site import Answer, Request, Site
from tests.whole.conftest import Worker
from tests.whole.processes import until

TINY = b"<rss version='2.0'><channel><title>T</title></channel></rss>"
PATIENCE_S = 4
# Delays are longer than a start takes, or a worker that forgets them would not be seen to.
DELAY_S = 5.0
CROWD_DELAY_S = 6.0


@contextmanager
def running(worker: Worker) -> Iterator[None]:
    """`feedmill run`, killed at the end with the processes that it had."""
    process = worker.launch("run")
    try:
        yield
    finally:
        ended = process.poll()
        process.kill()
        process.wait()
        until(lambda: not worker.processes())
        assert ended is None, worker.log.read_text()[-2000:]


def told(worker: Worker, feed: str, times: int) -> bool:
    """Whether the log has so many lines of a feed: each is written when what it tells of has been committed."""
    return worker.log.exists() and worker.log.read_text().count(f'"feed":"{feed}"') >= times


def starts(site: Site, host: str) -> list[float]:
    return [request.at for request in site.asked(host)]


def gaps(site: Site, host: str) -> list[float]:
    return [later - earlier for earlier, later in pairwise(starts(site, host))]


# --- promises -------------------------------------------------------------------------------------------------------


def test_what_a_host_is_owed_outlives_a_kill(site: Site, worker: Worker) -> None:
    """Backoff after 500s, a Retry-After, a host's own delay: in the middle of all three the worker is killed, and again
    right after the start, and nothing comes early."""
    broken = site.add("broken", "/", Answer(status=500))
    busy = site.add("busy", "/", Answer(status=429, headers={"Retry-After": str(PATIENCE_S)}))
    slow = [site.add("slow", f"/{n}", rss(TINY)) for n in range(2)]
    worker.configure(
        [{"url": broken, "id": "broken"}, {"url": busy, "id": "busy"}, *({"url": url, "every": "1h"} for url in slow)],
        fetch={"hosts": {"slow.localhost": {"delay": f"{DELAY_S:.0f}s"}}},
        schedule={"min": "1s", "first": "1s", "jitter": 0},
    )
    with running(worker):
        until(lambda: told(worker, "broken", 2) and told(worker, "busy", 1) and site.asked("slow"))
    with running(worker):
        time.sleep(0.7)
    with running(worker):
        until(lambda: len(site.asked("broken")) > 2 and len(site.asked("busy")) > 1 and len(site.asked("slow")) > 1)
    first_gap, second_gap = gaps(site, "broken")
    assert first_gap >= 2 - CLOCK_S
    assert second_gap >= 4 - CLOCK_S
    first = next(exchange for exchange in site.exchanges if exchange.request.host == "busy.localhost")
    assert starts(site, "busy")[1] - first.ended >= PATIENCE_S - CLOCK_S
    (gap,) = gaps(site, "slow")
    assert gap >= DELAY_S - CLOCK_S


def test_once_for_all_feeds_asks_none_whose_host_wants_patience(site: Site, worker: Worker) -> None:
    """`--all` is for what is not due; a Retry-After is not overruled by it, in the next process either."""
    url = site.add("busy", "/", Answer(status=503, headers={"Retry-After": "60"}))
    worker.configure([{"url": url, "every": "1s"}])
    worker.run("once", status=1)
    worker.run("once", "--all")
    assert len(site.requests) == 1


@pytest.mark.slow
@pytest.mark.alone
def test_a_crawl_delay_outlives_a_kill(site: Site, worker: Worker) -> None:
    """robots.txt was read before the kill: the pages that are left come as far apart as those before."""
    rules = f"User-agent: *\nCrawl-delay: {DELAY_S:.0f}\n".encode()
    site.add("crawled", "/robots.txt", Answer(body=rules, content_type="text/plain"))
    pages = [site.add("crawled", f"/{n}", article(n)) for n in range(3)]
    items = "".join(f"<item><guid>{page}</guid><link>{page}</link><title>T</title></item>" for page in pages)
    feed = site.add("crawled", "/feed", rss(f"<rss version='2.0'><channel>{items}</channel></rss>".encode()))
    worker.configure([{"url": feed, "every": "1h"}])
    for number in range(1, len(pages) + 1):
        with running(worker):
            until(partial(ingested, worker, number))
    manners = Manners(listed=frozenset({where_of(feed)}), delay_s=0.0)
    assert [str(fault) for fault in faults(site.exchanges, manners)] == []
    assert Counter(request.path for request in site.requests) == Counter(
        ["/feed", "/robots.txt", *(f"/{n}" for n in range(len(pages)))]
    )


def article(number: int) -> Answer:
    text = f"On matter {number} a word or two. " * 60
    return Answer(body=f"<html><body><article><h1>Matter {number}</h1><p>{text}</p></article></body></html>".encode())


def ingested(worker: Worker, count: int) -> bool:
    return worker.log.exists() and worker.log.read_text().count('"event":"entry.ingested"') >= count


# --- crowds ---------------------------------------------------------------------------------------------------------

LOST_S = 0.5
"""A kill takes the end of a request with it, if it was not committed: the delay is then counted from the claim, which
is so much earlier at most."""


@pytest.mark.parametrize(
    ("feeds", "hosts", "concurrency", "kills", "within_s"),
    [
        pytest.param(200, 100, 16, 1, 60, id="200"),
        pytest.param(10_000, 800, 64, 6, 500, id="10,000", marks=[pytest.mark.slow, pytest.mark.alone]),
    ],
)
def test_a_restart_among_due_feeds_is_no_herd(
    site: Site, worker: Worker, feeds: int, hosts: int, concurrency: int, kills: int, within_s: float
) -> None:
    """Feeds that are all due come one at a time to each host, its delay apart, and not too many over all; those that
    had their answer do not come again."""

    def answer(_: Request) -> Answer:
        return Answer(body=TINY, content_type="application/rss+xml", delay_s=0.02)

    urls = [site.add(f"h{n % hosts}", f"/{n}", answer) for n in range(feeds)]
    worker.configure(
        [{"url": url, "id": f"f{n}", "every": "1d"} for n, url in enumerate(urls)],
        fetch={"concurrency": concurrency, "per_host": {"delay": f"{CROWD_DELAY_S:.0f}s"}},
    )
    chance = random.Random(20261123)
    for kill in range(kills):
        with running(worker):
            until(partial(answered, site, feeds * (kill + 1) // (kills + 1)), within_s)
            time.sleep(chance.uniform(0, 0.2))
    with running(worker):
        until(partial(answered, site, feeds), within_s)
    manners = Manners(
        listed=frozenset(map(where_of, urls)), delay_s=CROWD_DELAY_S - LOST_S, concurrency=1, total=concurrency
    )
    assert [str(fault) for fault in faults(site.exchanges, manners)] == []
    assert asked(site).total() <= feeds + kills * concurrency


def answered(site: Site, feeds: int) -> bool:
    return len(asked(site)) >= feeds


def asked(site: Site) -> Counter[Where]:
    return Counter((exchange.request.host, exchange.request.path) for exchange in site.exchanges)
