"""Hosts and feeds whose pages keep killing what reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from worker.cpu.pool import Pool
from worker.errors import TaskTimeout
from worker.feeds import encode_entry
from worker.fetch import Client
from worker.model import Draft, Entry, EntryId, Feed, FeedId, Fetched, Ingest, IngestDone, Lease, Millis, Validators
from worker.pipeline import Ingester
from worker.pipeline.spared import KILLS, SPARED_MS, Spared, feeds, hosts
from worker.tasks import draft_from_page

NOW = Millis(1_800_000_000_000)


def killed_often() -> Spared:
    of = hosts()
    for _ in range(KILLS):
        assert not of.spares("a.example", NOW)
        of.killed("a.example", NOW)
    return of


def test_a_host_is_spared_after_some_kills_in_a_row() -> None:
    """For an hour, and no other host with it; then it begins anew."""
    of = killed_often()
    assert of.spares("a.example", NOW)
    assert not of.spares("b.example", NOW)
    assert of.spares("a.example", Millis(NOW + SPARED_MS - 1))
    assert not of.spares("a.example", Millis(NOW + SPARED_MS))
    of.killed("a.example", NOW)
    assert not of.spares("a.example", NOW)


def test_a_page_that_can_be_read_ends_the_row() -> None:
    """Now and then a page is too much, at any host."""
    of = hosts()
    for _ in range(5):
        of.killed("a.example", NOW)
        of.killed("a.example", NOW)
        of.read("a.example")
    assert not of.spares("a.example", NOW)


def test_a_feed_is_spared_though_it_puts_good_pages_between() -> None:
    """One host a link: no host has three. Of every two pages one may not hold a process for its whole time."""
    of = feeds()
    for _ in range(KILLS + 1):
        assert not of.spares("a", NOW)
        of.killed("a", NOW)
        of.read("a")
    assert of.spares("a", NOW)


def test_a_feed_with_a_page_too_many_now_and_then_is_not_spared() -> None:
    """One of some twenty is made up for by the others."""
    of = feeds()
    for _ in range(50):
        of.killed("a", NOW)
        for _ in range(20):
            of.read("a")
    assert not of.spares("a", NOW)


def test_a_clock_that_is_set_back_spares_nobody_for_years() -> None:
    """The hour is not waited for by it."""
    of = killed_often()
    assert not of.spares("a.example", Millis(NOW - 86_400_000))


class _Hangs:
    """CPU processes that every page takes too long for; counts those pages."""

    timeout_s = 10.0

    def __init__(self) -> None:
        self.pages = 0

    async def run(self, function: Callable[..., Draft], *args: Any) -> Draft:
        if function is draft_from_page:
            self.pages += 1
            raise TaskTimeout("took longer than 10 s")
        return function(*args)


class _Page:
    async def get(self, url: str, **_: Any) -> Fetched:
        return Fetched(url=url, status=200, content_type="text/html", validators=Validators(), body=b"<p>x")


async def test_a_feed_can_not_hold_the_processes_by_a_host_a_link() -> None:
    """After three pages of as many hosts, its others are left alone, and its own words do; other feeds' are read."""
    hangs = _Hangs()
    ingester = Ingester(
        client=cast(Client, _Page()),
        cpu=cast(Pool, hangs),
        gate=None,
        archiver=None,
        feeds={name: Feed(id=name, url=f"https://{name}.example/feed") for name in map(FeedId, ("bad", "good"))},
        max_bytes=1000,
        retries_s=(),
        link_duplicates=False,
        effort="normal",
        clock=lambda: NOW,
    )

    async def ingested(feed: str, number: int) -> IngestDone:
        host = f"h{number}.{feed}.example"
        work = Ingest(
            lease=Lease(work_id=number, host_id=number, slot=0, token=1, expires_at=NOW),
            entry_id=EntryId(number),
            record_id=f"{number:032x}",
            feed_id=FeedId(feed),
            feed_title=None,
            url=f"https://{host}/x",
            host=host,
            entry=encode_entry(Entry(title="t", url=f"https://{host}/x", content="The feed's own words.")),
            first_seen_at=NOW,
        )
        done = await ingester.ingest(work)
        assert isinstance(done, IngestDone)
        assert b"own words" in done.draft.body
        return done

    done = [await ingested("bad", number) for number in range(10)]
    assert hangs.pages == KILLS
    assert done[-1].draft.reason == "pages of its feed took too long or too much memory to read"
    await ingested("good", 99)
    assert hangs.pages == KILLS + 1
