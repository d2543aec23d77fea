"""Those who work on a state together, as they tell of themselves."""

from __future__ import annotations

from tests.store.samples import START, Run, make_member
from worker.model import Millis, State
from worker.store import read_members
from worker.store.members import ALIVE_MS, FORGOTTEN_MS


async def test_the_capacity_is_of_those_that_live_and_fetch(run: Run) -> None:
    """Who schedules alone has none, nor who has been silent for a while; who tells again is counted once."""
    assert await run.store.capacity(now=START) == 0
    await run.store.note_member(make_member("a", most=64))
    await run.store.note_member(make_member("b", most=8, roles=frozenset({"schedule", "publish"})))
    await run.store.note_member(make_member("c", most=5, roles=frozenset({"fetch"})))
    assert await run.store.capacity(now=START) == 69
    later = Millis(START + ALIVE_MS)
    assert await run.store.capacity(now=later) == 0
    await run.store.note_member(make_member("a", most=32, seen_at=later))
    assert await run.store.capacity(now=later) == 32
    await run.store.leave("a")
    assert await run.store.capacity(now=later) == 0


async def test_who_has_died_is_forgotten(run: Run) -> None:
    """After an hour, when somebody joins."""
    await run.store.note_member(make_member("dead", most=1))
    await run.store.note_member(make_member("new", most=1, seen_at=Millis(START + FORGOTTEN_MS + 1)))
    assert await run.store.capacity(now=START) == 1


async def test_what_one_of_them_cannot_do_is_known_to_all(run: Run, state: State) -> None:
    """As it told last."""
    await run.store.note_member(make_member("a", trouble="nothing is polled: out has 1 MB free"))
    assert [one.trouble for one in read_members(state)] == ["nothing is polled: out has 1 MB free"]
    await run.store.note_member(make_member("a"))
    assert [one.trouble for one in read_members(state)] == [None]
