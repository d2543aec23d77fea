"""Many processes on one state: stores of their own, each with its connection to one PostgreSQL."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from tests.postgresql import Cluster, EmptyState
from tests.store.conftest import OpenRun
from tests.store.invariants import check_state
from tests.store.samples import (
    HOUR,
    KEEP_MS,
    LEASE_MS,
    NO_PATIENCE,
    START,
    WINDOW_MS,
    Plans,
    ask,
    make_draft,
    make_entry,
    make_feed,
)
from worker.errors import StateError, StateLocked
from worker.model import (
    Done,
    EntryId,
    Feed,
    HostPolicy,
    Ingest,
    IngestDone,
    Millis,
    Poll,
    PollDone,
    Server,
    Sketch,
    State,
    Work,
)
from worker.store import Store, read_status
from worker.store.database import tables as t
from worker.store.database.integrity import reason
from worker.store.database.locks import Overtaken, is_contention
from worker.store.database.opening import open_database
from worker.store.database.postgresql import LISTS, hold
from worker.store.known import stories
from worker.store.known.feeds import add_work, host_ids
from worker.store.known.texts import claim_texts
from worker.store.work.hosts import forget_unused
from worker.store.work.settling import settle

pytestmark = pytest.mark.shared


async def test_a_start_leaves_what_others_have_under_way(open_run: OpenRun) -> None:
    """Who comes later takes nothing from who is at work, and finds what is left."""
    async with open_run() as one, open_run() as other:
        await one.start("a", "b")
        poll = await one.poll_of("a")
        await other.start("a", "b")
        assert [work.feed_id for work in await other.claim()] == []
        assert (await one.finish(one.polled(poll, make_entry("one"))))[0].accepted
        assert [type(work) for work in await other.claim()] == [Ingest]


async def test_a_lease_that_ends_is_handed_to_another(open_run: OpenRun, state: State) -> None:
    """Whoever was frozen, or died, is fenced off; that it was lost is counted."""
    async with open_run() as one, open_run() as other:
        await one.start("a")
        lost = await one.poll_of("a")
        other.later(LEASE_MS)
        kept = await other.poll_of("a")
        assert not (await one.finish(one.polled(lost)))[0].accepted
        assert ask(state, "SELECT lost FROM work") == [(1,)]
        assert (await other.finish(other.polled(kept)))[0].accepted


async def test_a_feed_that_left_the_lists_goes_when_another_has_ended_its_poll(open_run: OpenRun, state: State) -> None:
    """A start with other lists lets its feeds go and come; what is under way elsewhere ends first."""
    async with open_run() as one, open_run() as other:
        await one.start("a", "b")
        poll = await one.poll_of("a")
        await other.start("b", "c")
        assert other.store.awaited == {"a"}
        assert (await one.finish(one.polled(poll)))[0].accepted
        assert await other.store.requests() == []
        assert other.store.awaited == set()
        assert [feed.id for feed in read_status(state)[0]] == ["b", "c"]


async def test_a_feed_that_is_listed_again_before_it_was_let_go_of_loses_nothing(
    open_run: OpenRun, state: Server
) -> None:
    """Who was to let go of it when what is under way has ended is no more, and nobody else knows."""
    async with open_run() as one:
        await one.start("a")
        await one.poll("a", make_entry("one"), make_entry("other"))
        held = await one.ingest_of("one")
        async with open_run() as gone:
            await gone.start("b")
            assert gone.store.awaited == {"a"}
        async with open_run() as next_one:
            await next_one.start("a", "b")
            assert next_one.store.awaited == set()
            check_state(state)
            assert (await one.finish(one.ingested(held, make_draft("text"))))[0].accepted
            next_one.later(HOUR)
            assert (await next_one.ingest("other")).op == "new"


async def test_what_was_lost_before_a_start_can_be_claimed_at_once(open_run: OpenRun, state: Server) -> None:
    """No host stands at the end of a lease that is no more."""
    feeds = make_feed("a"), make_feed("b", "https://a.example/b")
    one_by_one = HostPolicy()
    async with open_run(policy=one_by_one) as one, open_run(policy=one_by_one) as other:
        await one.start(*feeds)
        assert len(await one.claim()) == 1
        other.later(LEASE_MS + HOUR)
        await other.start(*feeds)
        check_state(state)


async def test_who_wants_the_state_alone_waits_for_all_others(open_run: OpenRun, state: Server) -> None:
    """A command that works on the state by itself is told that workers do; they are told of it."""

    def alone() -> Store:
        return Store(state, policies=None, planner=None, window_ms=1, keep_ms=1, alone=True)  # type: ignore[arg-type]

    async with open_run():
        with pytest.raises(StateLocked):
            await alone().__aenter__()
    async with alone():
        with pytest.raises(StateLocked):
            async with open_run():
                raise AssertionError


async def test_one_of_many_answers_a_request(open_run: OpenRun) -> None:
    """What a command asks is given to one process at a time."""
    async with open_run() as one, open_run() as other:
        number = await one.store.ask("pause", "a")
        assert [request.id for request in await one.store.requests()] == [number]
        assert await other.store.requests() == []
        await one.store.answer(number, "done")
        assert await one.store.requests() == []


async def test_the_database_says_what_time_it_is(open_run: OpenRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose wall clock is wrong goes by the others' time."""
    async with open_run() as run:
        now = time.time_ns()
        monkeypatch.setattr(time, "time_ns", lambda: now + HOUR * 1_000_000)
        assert abs(run.store.clock() - now // 1_000_000) < 60_000


async def test_of_two_with_one_text_the_later_is_judged_again(state: Server) -> None:
    """Neither sees the other's while both commit: who comes second must not be written as if the text were new."""
    text, now = b"t" * 16, Millis(1_700_000_000_000)
    one, other = open_database(state), open_database(state)
    try:
        with one.connect() as first, other.connect() as second:
            claim_texts(first, [(b"s" * 16, EntryId(1), now), (text, EntryId(1), now)], WINDOW_MS)
            mine = [(b"u" * 16, EntryId(2), now), (text, EntryId(2), now)]
            claiming = asyncio.create_task(asyncio.to_thread(claim_texts, second, mine, WINDOW_MS))
            await asyncio.sleep(0.2)
            assert not claiming.done()
            first.commit()
            with pytest.raises(Overtaken):
                await claiming
    finally:
        one.dispose()
        other.dispose()


async def test_a_lock_that_somebody_keeps_is_told_of_at_once(state: Server) -> None:
    """An operator's, of a whole table: the log says so when a lock has been waited for once, and who is to be asked.
    Twenty tries of 20 s each were a worker that stood still and said nothing."""
    one, other = open_database(state), open_database(state)
    try:
        with one.connect() as first, other.connect() as second:
            first.execute(text("LOCK TABLE host IN ACCESS EXCLUSIVE MODE"))
            second.execute(text("SET lock_timeout = '50ms'"))
            with pytest.raises(OperationalError) as met:
                second.execute(select(t.host))
            assert not is_contention(met.value)
            assert "pg_locks" in reason(met.value)
    finally:
        one.dispose()
        other.dispose()


async def test_who_applies_the_lists_is_waited_for(state: Server) -> None:
    """However many feeds there are: who starts meanwhile tries again."""
    one, other = open_database(state), open_database(state)
    try:
        with one.connect() as first, other.connect() as second:
            hold(first, LISTS)
            with pytest.raises(Overtaken) as met:
                hold(second, LISTS, patience="50ms")
            assert is_contention(met.value)
    finally:
        one.dispose()
        other.dispose()


async def test_of_two_that_are_nearly_the_same_the_later_is_judged_again(state: Server) -> None:
    """Where they have one of the probes in common that both would be filed under, as copies nearly always have: the
    second waits for the first, and is judged when that can be seen."""
    sketch = Sketch(size=100, bins=bytes(8), probes=(1, 2, 3, 4, 5, 6))
    one, other = open_database(state), open_database(state)
    try:
        with one.connect() as first, other.connect() as second:
            stories.file(first, [(EntryId(1), sketch, (1, 2, 3, 4), START)])
            mine = [(EntryId(2), sketch, (4, 5, 6), START)]
            filing = asyncio.create_task(asyncio.to_thread(stories.file, second, mine))
            await asyncio.sleep(0.2)
            assert not filing.done()
            first.commit()
            with pytest.raises(IntegrityError) as met:
                await filing
            assert is_contention(met.value)
    finally:
        one.dispose()
        other.dispose()


@pytest.mark.parametrize("first", ["work", "upkeep"])
async def test_a_host_is_not_forgotten_under_who_gives_it_work(state: Server, first: str) -> None:
    """Who comes second waits, or passes it by: the work is never without its host."""
    one, other = open_database(state), open_database(state)
    work = {"feed_id": "a", "priority": t.NEW, "host": "a.example", "url": "https://a.example/", "due_at": START}
    try:
        with one.connect() as giving, other.connect() as keeping:
            host_ids(giving, {"a.example"}, lambda _: NO_PATIENCE)
            giving.commit()
            if first == "work":
                settle(giving, add_work(giving, [work], lambda _: NO_PATIENCE))
                forget_unused(keeping, now=START, after=0)
                giving.commit()
            else:
                forget_unused(keeping, now=START, after=0)
                adding = asyncio.create_task(asyncio.to_thread(add_work, giving, [work], lambda _: NO_PATIENCE))
                await asyncio.sleep(0.2)
                assert not adding.done()
                keeping.commit()
                settle(giving, await adding)
                giving.commit()
            keeping.commit()
    finally:
        one.dispose()
        other.dispose()
    (host_id,) = ask(state, "SELECT id FROM host WHERE name = 'a.example'")
    assert ask(state, "SELECT host_id FROM work") == [host_id]
    assert ask(state, "SELECT DISTINCT host_id FROM slot") == [host_id]


# --- all at once ------------------------------------------------------------------------------------------------------


@dataclass
class Ledger:
    """What many stores were given, and when."""

    held: set[int] = field(default_factory=set)
    twice: list[int] = field(default_factory=list)
    written: int = 0
    begun: dict[int, list[Millis]] = field(default_factory=lambda: defaultdict(list))


FEEDS = [make_feed(f"f{number}", f"https://h{number % 5}.example/f{number}") for number in range(20)]
DELAY_MS = 30


def _entries(feed: Feed, times: int) -> list:  # type: ignore[type-arg]
    """Of its own, and some that other feeds show under the same URL; more each time."""
    number = int(feed.id[1:])
    own = [make_entry(f"e{at}", feed=feed.id, url=f"https://h{number % 5}.example/{feed.id}/{at}") for at in range(3)]
    common = [make_entry(f"s{at}", feed=feed.id, url=f"https://h{at % 5}.example/same/{at}") for at in range(2 * times)]
    return own + common


class Worker:
    """Claims, and finishes in groups, as an engine does; on the database's clock."""

    def __init__(self, store: Store, plans: Plans, ledger: Ledger, seed: int) -> None:
        self.store, self.plans, self.ledger, self.chance = store, plans, ledger, random.Random(seed)
        self.refused = self.failures = 0

    async def run(self, articles: int) -> None:
        """Until so many articles were written, by all of them."""
        while self.ledger.written < articles:
            try:
                works = await self.store.claim(8, now=self.store.clock(), lease_ms=LEASE_MS)
            except StateError:
                self.failures += 1
                await asyncio.sleep(0.1)
                continue
            for work in works:
                if work.lease.work_id in self.ledger.held:
                    self.ledger.twice.append(work.lease.work_id)
                self.ledger.held.add(work.lease.work_id)
                if work.lease.host_id is not None:
                    self.ledger.begun[work.lease.host_id].append(self.store.clock())
            await asyncio.sleep(self.chance.uniform(0, 0.01))
            if works:
                self.ledger.held -= {work.lease.work_id for work in works}
                await self._finish([self._done(work) for work in works])
            else:
                await asyncio.sleep(0.01)

    async def _finish(self, batch: list[Done]) -> None:
        while True:
            try:
                finished = await self.store.finish(batch, now=self.store.clock())
            except StateError:
                self.failures += 1
                await asyncio.sleep(0.1)
                continue
            self.refused += sum(not done.accepted for done in finished)
            self.ledger.written += sum(done.op == "new" for done in finished)
            return

    def _done(self, work: Work) -> Done:
        now = self.store.clock()
        if isinstance(work, Poll):
            feed = next(feed for feed in FEEDS if feed.id == work.feed_id)
            self.plans.due[work.feed_id] = Millis(now + 2_000)
            entries = _entries(feed, 1 + len(self.plans.asked) // 20)
            return PollDone(lease=work.lease, feed_id=work.feed_id, at=now, status=200, entries=tuple(entries))
        assert isinstance(work, Ingest)
        # Some texts are the same, and some pages name another's URL.
        text = f"text {work.lease.work_id % 7}" if self.chance.random() < 0.3 else work.record_id
        return IngestDone(lease=work.lease, entry_id=work.entry_id, at=now, draft=make_draft(text))


@asynccontextmanager
async def _workers(state: Server, count: int, ledger: Ledger) -> AsyncIterator[list[Worker]]:
    """Each has a store of its own; they start at once."""

    async def opened(seed: int, stack: AsyncExitStack) -> Worker:
        plans = Plans()
        store = Store(
            state,
            policies=lambda _: HostPolicy(concurrency=2, delay_ms=DELAY_MS),
            planner=plans,
            window_ms=WINDOW_MS,
            keep_ms=KEEP_MS,
        )
        await stack.enter_async_context(store)
        await store.start(FEEDS, now=store.clock())
        return Worker(store, plans, ledger, seed)

    async with AsyncExitStack() as stack:
        yield list(await asyncio.gather(*(opened(seed, stack) for seed in range(count))))


def _check(state: Server, ledger: Ledger) -> None:
    assert ledger.twice == []
    check_state(state)
    assert ask(state, "SELECT text_mark FROM entry WHERE revision > 0 GROUP BY text_mark HAVING count(*) > 1") == []
    assert (
        ask(state, "SELECT path FROM entry WHERE duplicate_of IS NULL GROUP BY origin_no, path HAVING count(*) > 1")
        == []
    )


async def test_many_claim_and_finish_at_once(state: Server) -> None:
    """Nothing is handed out twice at a time, hosts have their delays, no text and no URL is written twice, and no two
    that met end in an error."""
    ledger = Ledger()
    async with _workers(state, 4, ledger) as workers:
        await asyncio.gather(*(worker.run(45) for worker in workers))
        assert [(worker.refused, worker.failures) for worker in workers] == [(0, 0)] * 4
    _check(state, ledger)
    for host_id, begun in ledger.begun.items():
        (delay,) = ask(state, "SELECT delay_ms FROM host WHERE id = ?", host_id)[0]
        assert delay == DELAY_MS
        # As claims were told, whose answers are on the way for some ms: over all, never more than the delay allows.
        begun.sort()
        assert len(begun) <= (begun[-1] - begun[0]) / DELAY_MS + 2
    assert ask(state, "SELECT count(*) FROM work WHERE lost > 0") == [(0,)]


@pytest.fixture
def own_server(postgresql: Cluster, empty_database: EmptyState) -> Cluster:
    """The server, to be killed: it is there again for who comes after."""
    empty_database.emptied()
    empty_database.close()
    return postgresql


async def test_the_server_is_killed_under_them(own_server: Cluster, tmp_path: Path) -> None:
    """Calls end with StateError while it is away; then all go on, with connections taken anew, and nothing is lost or
    written twice."""
    state, ledger = own_server.server(), Ledger()
    async with _workers(state, 3, ledger) as workers:
        running = asyncio.gather(*(worker.run(40) for worker in workers))
        for goal in (5, 20):
            while ledger.written < goal and not running.done():
                await asyncio.sleep(0.01)
            await asyncio.to_thread(own_server.stop)
            await asyncio.sleep(0.1)
            await asyncio.to_thread(own_server.start)
        await running
        assert all(worker.failures for worker in workers)
        # Of commits whose answer did not come nobody knows: their leases were over, and that was said.
        assert sum(worker.refused for worker in workers) <= 8 * len(workers) * 2
    _check(state, ledger)
