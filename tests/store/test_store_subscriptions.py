"""Hubs that tell of feeds' new entries: asked in their turn, believed as far as they prove themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.store.samples import (
    DAY,
    HOUR,
    KEEP_MS,
    MINUTE,
    NO_PATIENCE,
    SECOND,
    WINDOW_MS,
    Plans,
    Run,
    make_entry,
    make_version,
)
from worker.model import FeedId, Hub, Millis, Poll, PollDone, State, Subscribed
from worker.store import Reader, Store, read_hubs, read_status
from worker.store.reading.hubs import hubs_by_standing
from worker.store.work.subscriptions import GAP_MS, LONGEST_MS, RECHECK_MS, SHORTEST_MS

pytestmark = pytest.mark.both("slow")

A = FeedId("a")
HUB = Hub(url="https://hub.example/", topic="https://a.example/feed")


@pytest.fixture
async def run(state: State) -> AsyncIterator[Run]:
    plans = Plans()
    async with Store(
        state,
        policies=lambda _: NO_PATIENCE,
        planner=plans,
        window_ms=WINDOW_MS,
        keep_ms=KEEP_MS,
        websub=True,
    ) as store:
        yield Run(store, plans)


async def polled(run: Run, *entries: Any, hub: Hub | None = HUB, name: str = "v1", next_ms: int = HOUR) -> None:
    """The feed's document comes, and names its hub."""
    version = make_version(f"{name}{run.now}", hub=hub)
    await run.poll("a", *entries, version=version, next_due=Millis(run.now + next_ms))


async def asked(run: Run, error: str | None = None, not_before: Millis | None = None) -> Poll:
    """The hub is asked, and answers."""
    work = await run.poll_of()
    assert work.subscribe is not None
    done = Subscribed(lease=work.lease, feed_id=A, at=run.now, error=error, not_before=not_before)
    await run.finish(done)
    return work


async def subscribed(run: Run, *, lease_s: int = 10 * 86_400, next_ms: int = HOUR) -> str:
    """A feed whose hub has agreed; the token of the callback."""
    await run.start("a")
    await polled(run, next_ms=next_ms)
    work = await asked(run)
    assert work.subscribe is not None
    assert await run.store.verified(work.subscribe.token, topic=HUB.topic, lease_s=lease_s, now=run.now)
    return work.subscribe.token


def next_at(state: State) -> Millis | None:
    return read_status(state)[0][0].next_poll_at


async def test_a_hub_is_asked_after_the_poll_that_named_it(run: Run, state: State) -> None:
    """In its own turn, at its address; then the feed is polled at its time."""
    await run.start("a")
    await polled(run)
    due = next_at(state)
    work = await asked(run)
    assert (work.url, work.validators.etag) == (HUB.url, None)
    assert work.subscribe is not None
    assert work.subscribe.topic == HUB.topic
    assert min(len(work.subscribe.token), len(work.subscribe.secret)) >= 32
    assert len(work.subscribe.secret) < 200
    assert work.subscribe.secret not in repr(work)
    assert next_at(state) == due
    assert await run.claim_all() == []
    run.later(HOUR)
    again = await run.poll_of()
    assert (again.url, again.subscribe) == ("https://a.example/feed", None)


async def test_without_a_public_address_nobody_is_asked(state: State) -> None:
    """Feeds name hubs all the same."""
    plans = Plans()
    async with Store(
        state, policies=lambda _: NO_PATIENCE, planner=plans, window_ms=WINDOW_MS, keep_ms=KEEP_MS
    ) as store:
        run = Run(store, plans)
        await run.start("a")
        await polled(run)
        assert await run.claim_all() == []


async def test_a_lease_is_renewed_when_half_of_it_is_over(run: Run) -> None:
    """With the poll that comes then."""
    await subscribed(run, lease_s=10 * 86_400)
    for _ in range(4):
        run.later(DAY)
        await polled(run)
        assert await run.claim_all() == []
    run.later(DAY)
    await polled(run)
    await asked(run)


@pytest.mark.parametrize(
    ("lease_s", "asked_again_after"),
    [(0, SHORTEST_MS), (-5, SHORTEST_MS), (1, SHORTEST_MS), (10**12, LONGEST_MS // 2)],
    ids=["none", "less than none", "a second", "for ever"],
)
async def test_a_hub_that_lies_about_its_lease_is_not_believed(run: Run, lease_s: int, asked_again_after: int) -> None:
    """It is asked no more than once an hour, and at least each fortnight."""
    await subscribed(run, lease_s=lease_s, next_ms=MINUTE)
    run.later(MINUTE)
    await polled(run)
    assert await run.claim_all() == []
    run.held.clear()
    run.later(asked_again_after)
    await polled(run)
    await asked(run)


async def test_a_hub_that_fails_is_asked_less_and_less(run: Run) -> None:
    """Its feed is polled as ever."""
    await run.start("a")
    waits = []
    last = run.now
    await polled(run)
    await asked(run, error="500")
    while len(waits) < 4:
        run.later(HOUR)
        await polled(run)
        if works := await run.claim_all():
            waits.append(round((run.now - last) / HOUR))
            last = run.now
            (work,) = works
            await run.finish(Subscribed(lease=work.lease, feed_id=A, at=run.now, error="500"))
    assert waits == [1, 2, 4, 8]


async def test_a_hub_that_wants_patience_holds_up_no_feed(run: Run, state: State) -> None:
    """Its host is left alone; those who would ask it poll on."""
    await run.start("a", "b")
    await polled(run)
    await asked(run, error="429", not_before=Millis(run.now + DAY))
    version = make_version("b", hub=HUB, url="https://b.example/feed")
    await run.poll("b", version=version, next_due=Millis(run.now + MINUTE))
    run.later(MINUTE)
    assert (await run.poll_of("b")).subscribe is None


async def test_what_is_not_ours_is_not_confirmed(run: Run) -> None:
    """Another topic, another token, a feed that left."""
    token = await subscribed(run)
    assert not await run.store.verified(token, topic="https://evil.example/", lease_s=1, now=run.now)
    assert not await run.store.verified("guessed", topic=HUB.topic, lease_s=1, now=run.now)
    assert await run.store.subscription(token) is not None
    await run.store.take_up({A: None}, now=run.now)
    assert await run.store.subscription(token) is None
    assert not await run.store.verified(token, topic=HUB.topic, lease_s=1, now=run.now)
    assert await run.store.pushed(A, now=run.now) is None


async def test_a_push_lets_the_feed_be_polled_at_once(run: Run, state: State) -> None:
    """And once: however often it is said."""
    await subscribed(run)
    run.later(MINUTE)
    for _ in range(5):
        assert await run.store.pushed(A, now=run.now) == run.now
    work = await run.poll_of()
    assert (work.url, work.subscribe) == ("https://a.example/feed", None)
    await run.finish(run.polled(work, make_entry("one")))
    assert [type(work).__name__ for work in await run.claim_all()] == ["Ingest"]
    for _ in range(100):
        assert await run.store.pushed(A, now=run.now) == run.now + GAP_MS
    assert [work for work in await run.claim_all() if isinstance(work, Poll)] == []
    run.later(GAP_MS)
    assert isinstance((await run.claim_all())[0], Poll)


async def test_a_push_during_a_poll_brings_another(run: Run) -> None:
    """What it told of may have come too late for the one that was under way."""
    await subscribed(run)
    run.later(HOUR)
    work = await run.poll_of()
    await run.store.pushed(A, now=run.now)
    await run.finish(run.polled(work))
    run.later(GAP_MS)
    await run.poll("a", make_entry("one"))


async def test_a_push_that_led_to_nothing_is_looked_after_once_more(run: Run, state: State) -> None:
    """A cache in front of the publisher may lag behind its hub."""
    await subscribed(run)
    run.later(MINUTE)
    await run.store.pushed(A, now=run.now)
    await run.poll("a")
    assert next_at(state) == run.now + RECHECK_MS
    run.later(RECHECK_MS)
    await run.poll("a")
    assert next_at(state) == run.now + HOUR


async def test_a_paused_feed_is_not_polled_for_a_push(run: Run) -> None:
    """The operator's word counts more."""
    await subscribed(run)
    await run.store.pause([A])
    assert await run.store.pushed(A, now=run.now) is None
    assert await run.claim_all() == []


@pytest.mark.both("always")
async def test_a_hub_is_relied_on_while_it_tells_of_all_that_is_new(run: Run) -> None:
    """From its first push on; entries that it passed over end that, until the next push; so does the end of a lease."""
    await subscribed(run)

    async def relied_on(*entries: Any) -> bool:
        await polled(run, *entries)
        return run.plans.asked[-1].pushed

    run.later(HOUR)
    assert not await relied_on()
    await run.store.pushed(A, now=run.now)
    run.later(MINUTE)
    assert await relied_on(make_entry("one"))
    run.later(HOUR)
    assert await relied_on(make_entry("two"))  # told nothing of it: as this poll finds out
    run.later(HOUR)
    assert not await relied_on()
    await run.store.pushed(A, now=run.now)
    run.later(MINUTE)
    assert await relied_on(make_entry("three"))
    run.later(10 * DAY)
    await run.finish(*[work_done(run, work) for work in await run.claim_all()])
    run.later(HOUR)
    assert not await relied_on()


def work_done(run: Run, work: Any) -> Any:
    """However it ends."""
    if isinstance(work, Poll):
        return PollDone(lease=work.lease, feed_id=work.feed_id, at=run.now, status=200)
    from tests.store.samples import make_draft

    return run.ingested(work, make_draft(str(work.entry_id)))


async def test_a_hub_that_denies_is_asked_again_in_a_day(run: Run) -> None:
    """And not relied on."""
    token = await subscribed(run, next_ms=MINUTE)
    await run.store.pushed(A, now=run.now)
    assert await run.store.denied(token, topic=HUB.topic, reason="no", now=run.now)
    assert not await run.store.denied(token, topic="https://other.example/", reason="no", now=run.now)
    run.later(MINUTE)
    await polled(run)
    assert not run.plans.asked[-1].pushed
    run.later(23 * HOUR)
    await polled(run)
    assert await run.claim_all() == []
    run.later(2 * HOUR)
    await polled(run)
    await asked(run)


@pytest.mark.both("always")
async def test_how_hubs_stand_is_told(run: Run, state: State) -> None:
    """Asked, agreed, lapsed, denied, out of reach; counted the same way, for feeds that are listed."""
    told = []

    async def tell() -> None:
        (hub,) = read_hubs(state, now=run.now).values()
        with Reader(state) as reader:
            counted = await reader(hubs_by_standing, now=run.now)
        assert counted == dict.fromkeys(("subscribed", "asked", "lapsed", "denied"), 0) | {hub.standing: 1}
        told.append((hub.standing, hub.error))

    token = await subscribed(run, lease_s=3600)
    await tell()
    run.later(2 * HOUR)
    await tell()
    await run.store.denied(token, topic=HUB.topic, reason="no", now=run.now)
    await tell()
    await polled(run, hub=Hub(url="https://new.example/", topic=HUB.topic))
    await tell()
    await asked(run, error="refused")
    await tell()
    assert told == [
        ("subscribed", None),
        ("lapsed", None),
        ("denied", "denied by the hub: no"),
        ("asked", None),
        ("denied", "refused"),
    ]
    await run.start("b")
    assert read_hubs(state, now=run.now) == {}


@pytest.mark.both("always")
async def test_another_hub_gets_another_secret(run: Run) -> None:
    """The old one's word counts no more; where none is named, none is asked."""
    token = await subscribed(run, next_ms=MINUTE)
    run.later(MINUTE)
    await polled(run, hub=Hub(url="https://new.example/", topic=HUB.topic))
    work = await asked(run)
    assert work.url == "https://new.example/"
    assert await run.store.subscription(token) is None
    assert work.subscribe is not None
    run.later(HOUR)
    await polled(run, hub=None)
    assert await run.store.subscription(work.subscribe.token) is None
    run.later(30 * DAY + SECOND)
    await polled(run, hub=None)
    assert [held for held in await run.claim_all() if isinstance(held, Poll)] == []
