"""Feeds that say more at each poll than is read of them until the next."""

from __future__ import annotations

import pytest

from tests.store.samples import DAY, HOUR, Run, make_draft, make_entry
from worker.model import FeedId, Millis, SeenEntry, State
from worker.store import read_status
from worker.store.work import floods

PIECE = 60_000


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four entries' worth, where 10,000 are meant."""
    monkeypatch.setattr(floods, "MOST_BYTES", 4 * PIECE)


def large(*names: str) -> list[SeenEntry]:
    return [make_entry(name, entry=name.encode() + b" " * PIECE) for name in names]


def next_at(state: State) -> tuple[Millis | None, str | None]:
    (feed,) = read_status(state)[0]
    return feed.next_poll_at, feed.why


async def test_a_feed_of_which_too_much_waits_is_asked_once_a_day(run: Run, state: State) -> None:
    """All that it has said is there, and what it says with its next poll comes to that; once enough of it was read, it
    is asked as ever."""
    await run.start("a")
    await run.poll("a", *large("b", "c"))
    assert next_at(state) == (run.now + HOUR, "as told")
    run.later(HOUR)
    assert (await run.poll("a", *large("d", "e"))).new == 2
    assert next_at(state) == (run.now + DAY, floods.REASON)
    run.later(DAY)
    for name in "bcde":
        await run.ingest(name, make_draft(name))
    assert (await run.poll("a", *large("f", "g"))).new == 2
    assert next_at(state) == (run.now + HOUR, "as told")


async def test_what_was_read_and_waits_for_another_look_does_not_count(run: Run, state: State) -> None:
    """However much of it there is: a feed whose pages are rechecked for weeks is asked as often as any."""
    await run.start("a")
    names = "bcdefg"
    await run.poll("a", *large(*names))
    for name in names:
        done = run.ingested(await run.ingest_of(name), make_draft(name), look_at=Millis(run.now + 9 * DAY))
        await run.finish(done)
    run.later(DAY)
    await run.poll("a", *large("h", "i"))
    assert next_at(state) == (run.now + HOUR, "as told")


async def test_its_hub_does_not_hasten_it(run: Run, state: State) -> None:
    """A hub is the publisher's to choose."""
    await run.start("a")
    await run.poll("a", *large("b", "c", "d", "e", "f"))
    before = next_at(state)
    assert await run.store.pushed(FeedId("a"), now=run.now) is None
    assert next_at(state) == before == (run.now + DAY, floods.REASON)
