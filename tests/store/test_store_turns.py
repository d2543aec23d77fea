"""The turns of hosts, between the engine and commands that ask something beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import MINUTE, SECOND, Run, ask, make_feed
from worker.model import HostPolicy, Millis, State
from worker.store import Turn, end_turn, take_turn

POLITE = HostPolicy(concurrency=1, delay_ms=SECOND)
TWO = [make_feed("a", "https://one.example/a"), make_feed("b", "https://one.example/b")]
FOR_MS = 30_000


def take(state: State, run: Run, host: str = "one.example") -> Turn | Millis | None:
    return take_turn(state, host, now=run.now, for_ms=FOR_MS, patience_ms=MINUTE)


async def test_who_takes_a_turn_keeps_the_engine_away_until_it_ends(open_run: OpenRun, state: State) -> None:
    """And for the host's delay after that; what was due is claimed then."""
    async with open_run(policy=POLITE) as run:
        await run.start(*TWO)
        turn = take(state, run)
        assert isinstance(turn, Turn)
        assert (turn.begins_at, turn.delay_ms) == (run.now, SECOND)
        run.later(20 * SECOND)
        assert await run.claim() == []
        assert await run.store.next_claim_at() > run.now
        end_turn(state, turn, now=run.now)
        assert await run.store.next_claim_at() == run.now + SECOND
        assert await run.claim() == []
        run.later(SECOND)
        assert len(await run.claim()) == 1


async def test_a_turn_that_nobody_ends_ends_by_itself(open_run: OpenRun, state: State) -> None:
    """A command may be killed."""
    async with open_run(policy=POLITE) as run:
        await run.start(*TWO)
        assert isinstance(take(state, run), Turn)
        run.later(FOR_MS + SECOND)
        assert len(await run.claim()) == 1


async def test_a_turn_is_taken_when_nobody_is_at_the_host(open_run: OpenRun, state: State) -> None:
    """It begins when the delay is over that the request before it has left."""
    async with open_run(policy=POLITE) as run:
        await run.start(*TWO)
        (poll,) = await run.claim()
        run.later(2 * SECOND)
        looked = take(state, run)
        assert isinstance(looked, int)
        assert run.now < looked < run.now + SECOND
        await run.finish(run.polled(poll))
        turn = take(state, run)
        assert isinstance(turn, Turn)
        assert turn.begins_at == run.now + SECOND


async def test_a_host_that_asked_for_patience_has_no_turn(open_run: OpenRun, state: State) -> None:
    """Nor one that another command is at; when to look again is told."""
    async with open_run(policy=POLITE) as run:
        await run.start(*TWO)
        (poll,) = await run.claim()
        later = Millis(run.now + 10 * MINUTE)
        await run.finish(run.polled(poll, failure="throttled", error="429", not_before=later))
        (before,) = ask(state, "SELECT not_before, next_at FROM host WHERE name = ?", "one.example")
        assert take(state, run) == later
        assert ask(state, "SELECT not_before, next_at FROM host WHERE name = ?", "one.example") == [before]
        run.later(10 * MINUTE)
        first = take(state, run)
        assert isinstance(first, Turn)
        assert isinstance(take(state, run), int)
        end_turn(state, first, now=run.now)
        assert isinstance(take(state, run), Turn)


async def test_a_turn_that_is_too_far_off_is_not_taken(open_run: OpenRun, state: State) -> None:
    """Of a host that is asked once an hour: when it comes is told, and it stays the engine's."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=60 * MINUTE)) as run:
        await run.start(*TWO)
        await run.poll("a")
        assert take(state, run) == run.now + 60 * MINUTE
        run.later(59 * MINUTE)
        turn = take(state, run)
        assert isinstance(turn, Turn)
        assert turn.begins_at == run.now + MINUTE


async def test_what_a_host_asked_meanwhile_stands(open_run: OpenRun, state: State) -> None:
    """The end of a turn takes nothing back but the turn."""
    async with open_run(policy=POLITE) as run:
        await run.start(*TWO)
        turn = take(state, run)
        assert isinstance(turn, Turn)
        run.later(FOR_MS + SECOND)
        (poll,) = await run.claim()
        later = Millis(run.now + 10 * MINUTE)
        await run.finish(run.polled(poll, failure="throttled", error="429", not_before=later))
        end_turn(state, turn, now=run.now)
        assert ask(state, "SELECT not_before FROM host WHERE name = ?", "one.example") == [(later,)]


async def test_a_host_that_the_state_does_not_know_has_none(open_run: OpenRun, state: State) -> None:
    """Nobody else asks it."""
    async with open_run(policy=POLITE) as run:
        await run.start(*TWO)
        assert take(state, run, "other.example") is None


@pytest.mark.embedded
async def test_where_no_engine_is_at_work_nothing_is_written(open_run: OpenRun, state: Path) -> None:
    """What hosts asked for holds all the same."""
    async with open_run(policy=POLITE) as run:
        await run.start(*TWO)
        now = run.now
    before = ask(state, "SELECT * FROM host")
    turn = take_turn(state, "one.example", now=now, for_ms=FOR_MS, patience_ms=MINUTE)
    assert isinstance(turn, Turn)
    assert ask(state, "SELECT * FROM host") == before
    end_turn(state, turn, now=now)
    assert ask(state, "SELECT * FROM host") == before
