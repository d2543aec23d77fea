"""What polls say of their feed: its schedule, where it is, whether it is gone, how far its 304s are believed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import DAY, HOUR, MINUTE, START, Run, make_entry, make_feed, make_version
from worker.model import FeedId, Freshness, Hints, Millis, Poll, PollDone, Sought, State, Validators
from worker.schedule import NO_SETBACKS, History, Polled
from worker.schedule.moves import AGREEING
from worker.schedule.trust import DISTRUST_MS, FIRST_AUDIT
from worker.store import FeedStatus, read_status

pytestmark = pytest.mark.both("slow")

ELSEWHERE = "https://new.example/feed"


def status_of(state: State) -> FeedStatus:
    return read_status(state)[0][0]


async def polled(run: Run, *entries: Any, **changes: Any) -> Polled:
    """Polls feed a an hour later; what the schedule was asked by."""
    run.later(HOUR)
    await run.poll("a", *entries, **changes)
    return run.plans.asked[-1]


# --- the schedule ---------------------------------------------------------------------------------------------------


async def test_the_schedule_knows_the_entries_that_were_new(run: Run) -> None:
    """A first document begins the history; the next ones go on with the dates of what they brought."""
    await run.start("a")
    dates = [Millis(run.now - hours * HOUR) for hours in (30, 20, 10)]
    first = [make_entry(f"n{n}", published=date) for n, date in enumerate(dates)]
    asked = await polled(run, *first, version=make_version("v1", entries=3))
    assert asked.history == History.begun(run.now, dates)
    assert (asked.seen, asked.due_at) == (None, None)
    before = run.now
    date = Millis(run.now + MINUTE)
    more = [make_entry("n2", published=dates[2]), make_entry("n3", published=date)]
    asked = await polled(run, *more, version=make_version("v2", entries=3))
    assert asked.seen is not None
    assert (asked.seen.new, asked.seen.total, asked.seen.elapsed_s) == (1, 3, 3600)
    assert asked.due_at == before + HOUR
    assert asked.history is not None
    assert asked.history.month > 2


async def test_the_flaw_of_a_document_is_known_until_the_next(run: Run, state: State) -> None:
    """A 304, the same bytes again or a failure say nothing of it; a document without one does."""
    await run.start("a")
    await polled(run, version=make_version("v1", flaw="not well-formed: it ends too soon"))
    assert status_of(state).flaw == "not well-formed: it ends too soon"
    await polled(run, version=make_version("v1", elements=None), unchanged=True, status=304)
    await polled(run, failure="server", error="500", status=500)
    assert status_of(state).flaw == "not well-formed: it ends too soon"
    await polled(run, version=make_version("v2", flaw="entries left out: 1 empty"))
    assert status_of(state).flaw == "entries left out: 1 empty"
    await polled(run, version=make_version("v3"))
    assert status_of(state).flaw is None


async def test_hints_of_a_document_hold_until_the_next(run: Run) -> None:
    """With those of the latest answer: a 304 says how long it is fresh, and nothing of the ttl."""
    await run.start("a")
    fresh = Freshness(seconds=60, reason="max-age=60")
    hints = Hints(ttl_s=7200, skip_hours=frozenset({1, 2}), skip_days=frozenset({6}))
    asked = await polled(run, version=make_version("v1", hints=hints))
    assert asked.hints == hints
    asked = await polled(run, version=make_version("v1", elements=None), unchanged=True, status=304, fresh=fresh)
    assert asked.hints == Hints(fresh=fresh, ttl_s=7200, skip_hours=frozenset({1, 2}), skip_days=frozenset({6}))
    asked = await polled(run, version=make_version("v2"))
    assert asked.hints == Hints()


async def test_the_reason_for_the_next_poll_is_told(run: Run, state: State) -> None:
    """Beside its time, which is the feed's also while it is being polled."""
    await run.start("a")
    await run.poll("a", next_due=Millis(run.now + 5 * HOUR))
    assert (status_of(state).next_poll_at, status_of(state).why) == (run.now + 5 * HOUR, "as told")
    run.later(5 * HOUR)
    await run.claim()
    assert status_of(state).next_poll_at == run.now


async def test_what_the_server_asked_for_reaches_the_schedule(run: Run, state: State) -> None:
    """Retry-After, and the failures in a row with their classes; who is told to wait waits for that, not for them."""
    await run.start("a")
    await polled(run, failure="dns", error="no such name")
    asked = await polled(run, failure="permanent", error="404", status=404)
    assert (asked.setbacks.count, asked.setbacks.weight, asked.setbacks.last) == (2, 2.5, "permanent")
    asked = await polled(run, failure="throttled", error="429", status=429, retry_after_s=77)
    assert (asked.setbacks, asked.retry_after_s) == (NO_SETBACKS, 77)
    assert status_of(state).errors == 2
    asked = await polled(run, failure="server", error="500", status=500)
    assert (asked.setbacks.count, asked.setbacks.weight) == (3, 3.5)
    asked = await polled(run)
    assert (asked.setbacks.count, asked.setbacks.weight) == (0, 0)


# --- 301 and 308 ----------------------------------------------------------------------------------------------------


async def moved_for_good(run: Run) -> None:
    await run.start("a")
    for _ in range(AGREEING):
        await polled(run, version=make_version("v1", url=ELSEWHERE), led_to=ELSEWHERE)
        run.later(HOUR)


async def test_a_feed_that_moved_is_asked_at_its_new_address(run: Run, state: State) -> None:
    """Once several polls agreed, and not before; with the validators that came from there; `status` says so."""
    await run.start("a")
    for turn in range(AGREEING):
        run.later(HOUR)
        poll = await run.poll_of("a")
        assert (poll.url, poll.validators) == ("https://a.example/feed", Validators()), turn
        assert status_of(state).moved_to is None
        await run.finish(run.polled(poll, version=make_version("v1", url=ELSEWHERE), led_to=ELSEWHERE))
    run.later(HOUR)
    poll = await run.poll_of("a")
    assert (poll.url, poll.hops) == (ELSEWHERE, 0)
    assert poll.validators == make_version("v1").validators
    assert status_of(state).moved_to == ELSEWHERE
    await run.finish(run.polled(poll, version=make_version("v1", url=ELSEWHERE)))
    assert status_of(state).moved_to == ELSEWHERE


async def test_another_answer_breaks_the_agreement(run: Run, state: State) -> None:
    """A poll that was led nowhere, or elsewhere, starts the count anew."""
    await run.start("a")
    for led_to in (ELSEWHERE, ELSEWHERE, None, ELSEWHERE, ELSEWHERE, "https://other.example/", ELSEWHERE, ELSEWHERE):
        await polled(run, version=make_version("v1"), led_to=led_to)
    assert status_of(state).moved_to is None


async def test_failures_at_the_new_address_lead_back(run: Run, state: State) -> None:
    """After three in a row the address in the lists is asked again."""
    await moved_for_good(run)
    for count in range(3):
        assert (await run.poll_of("a")).url == ELSEWHERE, count
        await polled(run, failure="network", error="refused")
        run.later(HOUR)
    assert (await run.poll_of("a")).url == "https://a.example/feed"
    assert status_of(state).moved_to is None


async def test_a_new_address_in_the_lists_ends_a_move(open_run: OpenRun, state: State) -> None:
    """Its owner has the last word."""
    async with open_run() as run:
        await moved_for_good(run)
        now = run.now
    async with open_run(now=now) as run:
        await run.start(make_feed("a", "https://third.example/feed"))
        assert (await run.poll_of("a")).url == "https://third.example/feed"
    assert status_of(state).moved_to is None


# --- 410 ------------------------------------------------------------------------------------------------------------


async def find_nothing(run: Run) -> None:
    """Its site is looked at, which does not know of the feed."""
    work = await run.poll_of("a")
    assert work.seek
    await run.finish(Sought(lease=work.lease, feed_id=FeedId("a"), found=None))


GONE: dict[str, Any] = {"failure": "permanent", "error": "410 Gone", "status": 410}


@pytest.mark.both("always")
async def test_a_feed_that_is_gone_for_a_day_is_retired(run: Run, state: State) -> None:
    """Three 410s over a day: not polled any more, and `status` says so."""
    await run.start("a")
    await run.poll("a", **GONE, next_due=Millis(run.now + 13 * HOUR))
    run.later(13 * HOUR)
    await run.poll("a", **GONE, next_due=Millis(run.now + 13 * HOUR))
    run.later(13 * HOUR)
    assert not status_of(state).retired
    finished = await run.poll("a", **GONE)
    assert finished.next_at is None
    status = status_of(state)
    assert (status.retired, status.next_poll_at, status.why) == (True, None, "retired: 410 Gone")
    await find_nothing(run)
    run.later(1000 * DAY)
    assert await run.claim() == []


async def test_a_row_of_410s_in_one_day_is_not_believed(run: Run, state: State) -> None:
    """Nor one that another answer broke; a time without an answer breaks none."""
    await run.start("a")
    for _ in range(20):
        await polled(run, **GONE)
    await polled(run, failure="server", error="500", status=500)
    assert not status_of(state).retired
    await polled(run)
    for _ in range(3):
        await polled(run, **GONE)
    assert not status_of(state).retired


@pytest.mark.parametrize("how", ["all", "back", "url"])
async def test_a_retired_feed_comes_back_when_its_owner_wants_it(open_run: OpenRun, state: State, how: str) -> None:
    """By `once --all`, out of the lists and in again, or with another URL."""
    async with open_run() as run:
        await run.start("a")
        for _ in range(3):
            await run.poll("a", **GONE, next_due=Millis(run.now + 13 * HOUR))
            run.later(13 * HOUR)
        now = run.now
        if how != "all":
            await find_nothing(run)
    async with open_run(now=now) as run:
        await run.start("a")
        if how != "all":
            assert await run.claim() == []
        if how == "back":
            await run.start()
        await run.start(make_feed("a", "https://b.example/") if how == "url" else "a", poll_all=how == "all")
        await run.poll("a", version=make_version("v1"))
    status = status_of(state)
    assert (status.retired, status.next_poll_at) == (False, now + HOUR)


# --- 304 ------------------------------------------------------------------------------------------------------------


async def not_modified(run: Run, times: int) -> None:
    for _ in range(times):
        await polled(run, version=make_version("v1", elements=None), unchanged=True, status=304)


async def test_a_document_is_asked_for_whole_now_and_then(run: Run) -> None:
    """After so many 304s, without validators; after twice as many when they held true."""
    await run.start("a")
    await polled(run, version=make_version("v1"))
    for rounds in (1, 2):
        for turn in range(FIRST_AUDIT * rounds):
            run.later(HOUR)
            poll = await run.poll_of("a")
            assert (poll.validators, poll.audit) == (make_version("v1").validators, False), turn
            await run.finish(run.polled(poll, version=make_version("v1", elements=None), unchanged=True, status=304))
        run.later(HOUR)
        poll = await run.poll_of("a")
        assert (poll.validators, poll.audit) == (Validators(), True)
        await run.finish(run.polled(poll, version=make_version("v1", elements=None), unchanged=True, audit=True))


async def test_no_more_than_one_audit_comes_a_day(run: Run) -> None:
    """However often the feed is polled."""
    await run.start("a")
    await run.poll("a", version=make_version("v1"), next_due=Millis(run.now + MINUTE))
    for _ in range(FIRST_AUDIT * 3):
        run.later(MINUTE)
        poll = await run.poll_of("a")
        assert not poll.audit
        same = make_version("v1", elements=None)
        await run.finish(run.polled(poll, version=same, unchanged=True, status=304, next_due=Millis(run.now + MINUTE)))


LIES = {
    "new entries under the old validators": {"version": make_version("v1"), "published": None, "audit": True},
    "an audit finds what is older than the last 304": {"version": make_version("v2"), "published": 20, "audit": True},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
async def test_a_server_whose_304_lied_gets_no_validators_for_a_while(run: Run, lie: dict[str, Any]) -> None:
    """Then it is believed again."""
    await run.start("a")
    await polled(run, version=make_version("v1"))
    begun = run.now
    await not_modified(run, 30)
    date = None if lie["published"] is None else Millis(begun + lie["published"] * HOUR)
    await polled(run, make_entry("hidden", published=date), version=lie["version"], audit=lie["audit"])
    run.later(HOUR)
    assert (await run.poll_of("a")).audit
    run.later(DISTRUST_MS)
    poll = await run.poll_of("a")
    assert not poll.audit
    assert poll.validators != Validators()


async def test_news_after_304s_is_no_lie(run: Run) -> None:
    """What an audit finds may have come since, or carry new validators with a date that is not its own."""
    await run.start("a")
    await polled(run, version=make_version("v1"))
    await not_modified(run, 3)
    await polled(run, make_entry("one", published=run.now), version=make_version("v2"), audit=True)
    await not_modified(run, 3)
    await polled(run, make_entry("two", published=Millis(1)), version=make_version("v3"), audit=True)
    await not_modified(run, 3)
    await polled(run, make_entry("three"), version=make_version("v4"))
    run.later(HOUR)
    assert (await run.poll_of("a")).validators == make_version("v4").validators


async def test_validators_are_sent_only_to_where_they_came_from(run: Run) -> None:
    """Not to the address that redirects there."""
    await run.start("a")
    await polled(run, version=make_version("v1", url=ELSEWHERE))
    run.later(HOUR)
    poll = await run.poll_of("a")
    assert (poll.url, poll.validators, poll.audit) == ("https://a.example/feed", Validators(), False)


# --- lost feeds -----------------------------------------------------------------------------------------------------


async def lost(run: Run, failures: int = 3) -> None:
    await run.start("a")
    await polled(run, version=make_version("v1", site_url="https://www.a.example/news"))
    for _ in range(failures):
        await polled(run, failure="permanent", error="404 Not Found", status=404)


async def test_a_lost_feed_is_looked_for_on_its_site(run: Run, state: State) -> None:
    """After three failures, once; what the site names is told, and the feed is asked as before."""
    await lost(run)
    due = status_of(state).next_poll_at
    (work,) = await run.claim()
    assert isinstance(work, Poll)
    assert (work.seek, work.url, work.validators) == (True, "https://www.a.example/news", Validators())
    await run.finish(Sought(lease=work.lease, feed_id=FeedId("a"), found=ELSEWHERE))
    status = status_of(state)
    assert (status.suggestion, status.next_poll_at, status.errors) == (ELSEWHERE, due, 3)
    assert await run.claim() == []
    run.later(HOUR)
    poll = await run.poll_of("a")
    assert (poll.seek, poll.url) == (False, "https://a.example/feed")
    await run.finish(run.polled(poll))
    assert status_of(state).suggestion is None


async def test_a_feed_that_its_site_still_names_is_no_suggestion(run: Run, state: State) -> None:
    """Nor is none at all."""
    await lost(run)
    for found in ("https://a.example/feed", None):
        work = await run.poll_of("a")
        await run.finish(Sought(lease=work.lease, feed_id=FeedId("a"), found=found))
        assert status_of(state).suggestion is None
        for _ in range(9):
            await polled(run, failure="permanent", error="404 Not Found", status=404)


async def test_other_failures_are_no_reason_to_look(run: Run) -> None:
    """A server that is down has not moved its feed."""
    await run.start("a")
    for failure in ("network", "server", "dns") * 4:
        done: PollDone = run.polled(await run.poll_of("a"), failure=failure, error="down")
        await run.finish(done)
        assert await run.claim() == []
        run.later(HOUR)


# --- gaps -----------------------------------------------------------------------------------------------------------


def shown(run: Run, first: int, count: int) -> list[Any]:
    """So many entries of a feed that publishes one a minute, from the `first` on."""
    numbers = range(first, first + count)
    return [make_entry(f"n{n}", published=Millis(START + n * MINUTE)) for n in numbers]


@pytest.mark.both("always")
async def test_a_document_without_anything_known_is_a_gap(run: Run, state: State) -> None:
    """It is told with the poll and counted for the feed, with an estimate of what it has cost; a document that joins
    on to the one before is none, nor is the first."""
    await run.start("a")
    run.later(30 * MINUTE)
    assert (await run.poll("a", *shown(run, 20, 10), version=make_version("v1", entries=10))).missed is None
    run.later(HOUR)
    joined = await run.poll("a", *shown(run, 81, 9), version=make_version("v2", entries=10))
    assert joined.missed is None
    run.later(HOUR)
    torn = await run.poll("a", *shown(run, 140, 10), version=make_version("v3", entries=10))
    assert torn.missed == pytest.approx(50, rel=0.85)
    status = status_of(state)
    assert (status.gaps, status.gap_at) == (1, run.now)
    assert status.coverage == pytest.approx(29 / (29 + torn.missed))
