"""Hosts that refuse, and what sites ask of robots."""

from __future__ import annotations

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import DAY, HOUR, MINUTE, SECOND, Run, ask, make_draft, make_entry, make_feed
from worker.model import FeedId, HandedBack, HostPolicy, Ingest, Millis, Poll, Retry, RobotsCopy, RobotsRead, State
from worker.store.work import hosts
from worker.store.work.hosts import FORGET_MS

pytestmark = pytest.mark.both("slow")

POLITE = HostPolicy(concurrency=4, delay_ms=1000)
TWO = [make_feed("a", "https://one.example/a"), make_feed("b", "https://one.example/b")]


def host(state: State, name: str = "one.example") -> tuple[int, int, int]:
    """Share, delay and width in force."""
    ((share, delay_ms, width),) = ask(state, "SELECT share, delay_ms, width FROM host WHERE name = ?", name)
    return share, delay_ms, width


# --- refusals -------------------------------------------------------------------------------------------------------


async def test_a_refusal_halves_the_pace_and_answers_bring_it_back(open_run: OpenRun, state: State) -> None:
    """Additive increase, multiplicative decrease: of the delay, and of the fetches at once."""
    async with open_run(policy=POLITE) as run:
        await run.start(TWO[0])
        await run.poll("a", failure="throttled", error="429")
        assert host(state) == (32, 2000, 2)
        run.later(HOUR)
        await run.poll("a", failure="throttled", error="429")
        assert host(state) == (16, 4000, 1)
        for share, delay in ((20, 3200), (24, 2666), (28, 2285)):
            run.later(HOUR)
            await run.poll("a")
            assert host(state) == (share, delay, 1)
        for _ in range(20):
            run.later(HOUR)
            await run.poll("a")
        assert host(state) == (64, 1000, 4)


async def test_a_slowed_host_is_asked_slowly_after_a_restart(open_run: OpenRun, state: State) -> None:
    """Also where its policy has changed meanwhile."""
    async with open_run(policy=POLITE) as run:
        await run.start(*TWO)
        await run.poll("a", failure="throttled", error="429")
        now = run.now
    async with open_run(now=now, policy=HostPolicy(concurrency=8, delay_ms=3000)) as run:
        await run.start(*TWO)
        assert host(state) == (32, 6000, 4)


async def test_a_month_is_a_delay_like_any_other(open_run: OpenRun, state: State) -> None:
    """In milliseconds it has more than 31 bits."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=30 * DAY)) as run:
        await run.start(*TWO)
        await run.poll("a")
        assert host(state) == (64, 30 * DAY, 1)
        run.later(29 * DAY)
        assert await run.claim() == []
        run.later(DAY)
        assert await run.claim() != []


async def test_a_host_without_a_delay_gets_one_when_it_refuses(open_run: OpenRun, state: State) -> None:
    """Half of no delay would be none."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=0)) as run:
        await run.start(TWO[0])
        for delay in (500, 1000, 2000, 4000, 8000, 16000, 16000):
            run.later(HOUR)
            await run.poll("a", failure="throttled", error="429")
            assert host(state)[1] == delay


async def test_one_refusal_without_a_time_is_the_feeds_own(open_run: OpenRun) -> None:
    """The next one, of a sibling, makes the host wait, pages and all."""
    async with open_run(policy=POLITE) as run:
        await run.start(*TWO)
        await run.poll("a", failure="throttled", error="429")
        run.later(10 * SECOND)
        poll = await run.poll_of("b")
        await run.finish(run.polled(poll, make_entry("page", url="https://one.example/p"), next_due=run.now))
        run.later(10 * SECOND)
        (work,) = [work for work in await run.claim() if isinstance(work, Poll)]
        await run.finish(run.polled(work, failure="throttled", error="503", next_due=run.now))
        run.later(299 * SECOND)
        assert await run.claim() == []
        run.later(2 * SECOND)
        assert await run.claim() != []


@pytest.mark.both("always")
async def test_a_refused_page_waits_and_no_try_is_used_up(run: Run) -> None:
    """It is counted apart, and the host is slowed."""
    await run.start("a")
    await run.poll("a", make_entry("one"))
    for waits in range(3):
        work = await run.ingest_of("one")
        assert (work.tries, work.waits) == (0, waits)
        due = Millis(run.now + MINUTE)
        await run.finish(Retry(lease=work.lease, due_at=due, reason="429", throttled=True))
        run.later(5 * MINUTE)


# --- robots.txt -----------------------------------------------------------------------------------------------------

HERE = "https://a.example/robots.txt"


async def page(run: Run, name: str = "one") -> Ingest:
    return await run.ingest_of(name)


async def queued(run: Run, *names: str) -> None:
    await run.start("a")
    await run.poll("a", *(make_entry(name) for name in names or ("one",)), next_due=Millis(run.now + 900 * DAY))


def read(run: Run, work: Ingest, **changes: object) -> RobotsRead:
    values: dict[str, object] = {"url": HERE, "host": "a.example", "text": b"User-agent: *\nDisallow: /x\n"}
    return RobotsRead(lease=work.lease, at=run.now, **(values | changes))  # type: ignore[arg-type]


async def test_a_page_comes_with_the_robots_of_its_site(run: Run) -> None:
    """First with where it is; once it was read, with its text, for a day; the page itself is due all the time."""
    await queued(run)
    work = await page(run)
    assert (work.host, work.robots) == ("a.example", RobotsCopy(url=HERE))
    await run.finish(read(run, work))
    work = await page(run)
    assert work.robots == RobotsCopy(url=HERE, text=b"User-agent: *\nDisallow: /x\n")
    assert (work.tries, work.url) == (0, "https://a.example/one")
    await run.finish(Retry(lease=work.lease, due_at=Millis(run.now + DAY), reason="later"))
    run.later(DAY)
    assert (await page(run)).robots == RobotsCopy(url=HERE)


async def test_sites_share_the_robots_they_redirect_to(run: Run) -> None:
    """The work goes to the host that has it, and back to its page's."""
    await queued(run)
    there = "https://www.a.example/robots.txt"
    await run.finish(read(run, await page(run), text=None, see=there, host="www.a.example"))
    work = await page(run)
    assert (work.host, work.url, work.robots) == ("www.a.example", "https://a.example/one", RobotsCopy(url=there))
    await run.finish(read(run, work, url=there, text=b""))
    work = await page(run)
    assert (work.host, work.robots) == ("a.example", RobotsCopy(url=there, text=b""))


async def test_robots_that_redirect_for_ever_are_none(run: Run) -> None:
    """As RFC 9309 section 2.3.1.2 allows."""
    await queued(run)
    url = HERE
    for hop in range(11):
        see = f"https://a.example/{hop}/robots.txt"
        work = await page(run)
        assert work.robots == RobotsCopy(url=url)
        await run.finish(read(run, work, url=url, text=None, see=see))
        url = see
    assert (await page(run)).robots == RobotsCopy(url=url, text=b"")


@pytest.mark.both("always")
async def test_robots_that_cannot_be_read_are_not_asked_for_with_every_page(run: Run) -> None:
    """The pages learn why; after some minutes it is tried again."""
    await queued(run, "one", "two")
    await run.finish(read(run, await page(run), text=None, problem="503"))
    for name in ("one", "two"):
        assert (await page(run, name)).robots == RobotsCopy(url=HERE, problem="503")
    await run.finish(*(Retry(lease=w.lease, due_at=Millis(run.now + HOUR), reason="503") for w in run.held))
    run.later(HOUR)
    assert (await page(run)).robots == RobotsCopy(url=HERE)


async def test_an_old_copy_stands_in_for_robots_that_cannot_be_read(run: Run) -> None:
    """For a month; then nobody knows."""
    await queued(run)
    await run.finish(read(run, await page(run)))
    for days, expected in ((1, RobotsCopy(url=HERE, text=b"User-agent: *\nDisallow: /x\n")), (31, None)):
        work = await page(run)
        await run.finish(Retry(lease=work.lease, due_at=Millis(run.now + days * DAY), reason="later"))
        run.later(days * DAY)
        work = await page(run)
        assert work.robots == RobotsCopy(url=HERE)
        await run.finish(read(run, work, text=None, problem="timeout"))
        assert (await page(run)).robots == (expected or RobotsCopy(url=HERE, problem="timeout"))


@pytest.mark.both("always")
async def test_a_crawl_delay_is_heard_until_it_is_gone(open_run: OpenRun, state: State) -> None:
    """One fetch at a time, and no sooner, at the pages' host; what is configured stands where it asks for more."""
    async with open_run(policy=POLITE) as run:
        await queued(run)
        run.later(MINUTE)
        await run.finish(read(run, await page(run), crawl_delay_ms=5000))
        assert host(state, "a.example") == (64, 5000, 1)
        run.later(MINUTE)
        work = await page(run)
        await run.finish(Retry(lease=work.lease, due_at=Millis(run.now + DAY), reason="later"))
        run.later(DAY)
        await run.finish(read(run, await page(run), crawl_delay_ms=0))
        assert host(state, "a.example") == (64, 1000, 4)


@pytest.mark.parametrize(
    ("path", "theirs"), [("/robots.txt", (64, 5000, 1)), ("/missing", (64, 1000, 4)), ("/x/robots.txt", (64, 1000, 4))]
)
async def test_a_redirect_of_robots_slows_or_speeds_up_no_other_site(
    open_run: OpenRun, state: State, path: str, theirs: tuple[int, int, int]
) -> None:
    """A file on another host is no word of that host, unless it is its robots.txt."""
    async with open_run(policy=POLITE) as run:
        await queued(run)
        run.later(MINUTE)
        there = f"https://b.example{path}"
        await run.finish(read(run, await page(run), text=None, see=there, host="b.example"))
        run.later(MINUTE)
        await run.finish(read(run, await page(run), url=there, crawl_delay_ms=5000, host="a.example"))
        assert host(state, "a.example") == (64, 5000, 1)
        assert host(state, "b.example") == theirs


@pytest.mark.parametrize("days", [29, 31])
async def test_robots_that_nobody_asks_for_are_forgotten(run: Run, state: State, days: int) -> None:
    """After a month."""
    await queued(run)
    await run.finish(read(run, await page(run)))
    await run.store.upkeep(now=Millis(run.now + days * DAY))
    assert ask(state, "SELECT count(*) FROM robots") == [(days < 30,)]


# --- those that nobody asks any more --------------------------------------------------------------------------------


async def test_a_host_that_nobody_asks_any_more_is_forgotten(
    run: Run, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its slots, a season after the last time; whoever is asked, or is to be, stays, and what asks nobody."""
    monkeypatch.setattr(hosts, "AT_ONCE", 2)
    await run.start("a")
    entries = [make_entry(name, host=f"{name}.example") for name in ("read", "late", "waits", "held", "busy")]
    await run.poll("a", *entries, make_entry("bare", url=None, page=None), next_due=Millis(run.now + 1000 * DAY))
    works = {work.entry.decode(): work for work in await run.claim_all() if isinstance(work, Ingest)}
    for name in ("read", "bare"):
        await run.finish(run.ingested(works[name], make_draft(name)))
    await run.finish(Retry(lease=works["waits"].lease, due_at=Millis(run.now + 1000 * DAY), reason="later"))
    look = run.ingested(works["held"], make_draft("held"), not_before=Millis(run.now + 1000 * DAY))
    await run.finish(look)
    await run.finish(HandedBack(lease=works["late"].lease))
    run.later(MINUTE)
    await run.ingest("late")
    await run.store.renew([works["busy"].lease], until=Millis(run.now + 1000 * DAY))

    async def left(at: int) -> set[str]:
        await run.store.upkeep(now=Millis(at))
        assert ask(state, "SELECT count(*) FROM slot WHERE host_id NOT IN (SELECT id FROM host)") == [(0,)]
        return {name for (name,) in ask(state, "SELECT name FROM host")}

    names = {"", "a.example", *(f"{name}.example" for name in ("read", "late", "waits", "held", "busy"))}
    late = run.now
    assert await left(late + FORGET_MS - MINUTE - 1) == names
    assert await left(late + FORGET_MS - 1) == names - {"read.example"}
    assert await left(late + FORGET_MS + 1) == names - {"read.example", "late.example"}
    run.later(HOUR)
    again = make_entry("again", host="read.example")
    await run.store.hasten([FeedId("a")], now=run.now)
    await run.poll("a", again)
    assert (await run.ingest("again")).op == "new"
