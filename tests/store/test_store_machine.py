"""Anything that can happen, in any order: the promises of the store hold throughout."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.postgresql import EmptyState
from tests.store.invariants import check_state
from tests.store.samples import (
    DAY,
    HOUR,
    KEEP_MS,
    LEASE_MS,
    MINUTE,
    SECOND,
    START,
    WINDOW_MS,
    Plans,
    Run,
    ask,
    key,
    make_draft,
    make_entry,
    make_feed,
    make_version,
)
from worker.model import (
    Broken,
    Done,
    Draft,
    Feed,
    HandedBack,
    HostPolicy,
    Ingest,
    Lease,
    Millis,
    Moved,
    Poll,
    PollDone,
    Retry,
    SeenEntry,
    Server,
    State,
    Walk,
    Walked,
    Work,
)
from worker.store import Store

FEEDS = [make_feed("a", "https://one.example/a"), make_feed("b", "https://one.example/b"), make_feed("c")]
ALL_FEEDS = {feed.id: feed for feed in FEEDS}
HOSTS = ["one.example", "c.example", "all.example"]
NAMES = ["n1", "n2", "n3", "shared1", "shared2"]
PAGES = [["n3", "o1"], ["shared1", "shared3"], ["o2"]]
"""What the older pages of each feed show, the first of which its document leads to."""
MOVED = [replace(FEEDS[0], url="https://c.example/a"), FEEDS[1], replace(FEEDS[2], url="https://c.example/moved")]
POLICIES = st.builds(HostPolicy, concurrency=st.integers(1, 3), delay_ms=st.sampled_from([0, 700, 5_000]))
WORDS = st.sampled_from(["", "changed", "changed again"])
TEXTS = st.sampled_from(["text 1", "text 2", "text 3"])


@dataclass(frozen=True, kw_only=True)
class End:
    """How a piece of work ends, and what of it matters to the kind that it is of."""

    how: str
    shown: dict[str, str]
    wait: int
    patience: int | None
    text: str
    short: bool
    reveals: list[str]
    """The entries whose URL the page says it has."""
    titled: bool
    """And as the first of them."""


TIMES = st.sampled_from([0, 1, 500, 5 * SECOND, MINUTE, LEASE_MS, HOUR])
_END = st.builds(
    End,
    how=st.sampled_from(["done", "done", "done", "done", "retry", "moved", "broken", "handed back"]),
    shown=st.dictionaries(st.sampled_from(NAMES), WORDS, min_size=1),
    wait=st.sampled_from([0, 1, MINUTE, HOUR]),
    patience=st.sampled_from([None, None, 10 * SECOND]),
    text=TEXTS,
    short=st.booleans(),
    reveals=st.lists(st.sampled_from(["shared1", "shared2"]), max_size=2),
    titled=st.booleans(),
)
ENDS = st.none() | _END | _END
WORKING = rule(
    turns=st.lists(st.tuples(st.integers(0, 4), st.lists(ENDS, min_size=4, max_size=8)), min_size=1, max_size=6)
)


def entry_of(feed: Feed, name: str, words: str, pointer: bool) -> SeenEntry:
    """The entries called shared are on pages that all feeds link to."""
    url = f"https://all.example/{name}" if name.startswith("shared") else f"{feed.url}/{name}"
    own = key("guid", feed.id, name)
    return make_entry(name, feed=feed.id, url=url, words=words, pointer=own.hex().encode() if pointer else None)


def number_of(walk: Walk) -> int:
    """The place in `PAGES` of what it is to read."""
    return int((walk.url or "").rpartition("/")[2])


class StoreMachine(RuleBasedStateMachine):
    """An engine that may be restarted, stopped or slow at any time, over feeds that come, go and change.

    What happens is drawn without a look at the state: which of two hosts that are ready at the same time comes first,
    PostgreSQL does not promise. What it remembers is little: which leases stand, when each host was last asked, what
    was published.
    """

    new_state: Callable[[Path], State]
    """A state with nothing in it; a folder for it is given."""

    @initialize(linked=st.booleans(), policies=st.lists(POLICIES, min_size=3, max_size=3))
    def begin(self, linked: bool, policies: list[HostPolicy]) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.state = self.new_state(Path(self.folder.name))
        self.runner = asyncio.Runner()
        self.linked = linked
        self.policies = dict(zip(HOSTS, policies, strict=True))
        self.standing: dict[Lease, Work] = {}
        self.late: list[Work] = []
        self.walked: set[tuple[str, str]] = set()
        self.ended: list[Work] = []
        self.not_before: dict[int, int] = {}
        self.published: list[tuple[bytes, int]] = []
        self.seqs: list[int] = []
        self.now = START
        self.open(FEEDS)

    def open(self, listed: list[Feed], poll_all: bool = False) -> None:
        self.listed = {feed.id: feed for feed in listed}
        plans = Plans()
        self.store = Store(
            self.state, policies=lambda name: self.policies[name], planner=plans, window_ms=WINDOW_MS, keep_ms=KEEP_MS
        )
        self.runner.run(self.store.__aenter__())
        self.run = Run(self.store, plans, self.now)
        self.do(lambda: self.store.start(listed, now=self.now, poll_all=poll_all))

    def do(self, call: Callable[[], Awaitable[Any]]) -> Any:
        async def called() -> Any:
            return await call()

        return self.runner.run(called())

    def teardown(self) -> None:
        if hasattr(self, "store"):
            try:
                self.drain()
            finally:
                self.runner.run(self.store.__aexit__())
                self.runner.close()
                self.folder.cleanup()

    # --- time, and the process ---

    @rule(by=TIMES)
    def wait(self, by: int) -> None:
        self.now = self.run.now = Millis(self.now + by)
        self.late += [self.standing.pop(lease) for lease in list(self.standing) if lease.expires_at <= self.now]

    @rule(
        listed=st.sampled_from([FEEDS, FEEDS, FEEDS[:2], FEEDS[1:], FEEDS[:1], FEEDS[2:], []]),
        poll_all=st.booleans(),
        host=st.sampled_from(HOSTS),
        policy=st.none() | POLICIES,
    )
    def restart(self, listed: list[Feed], poll_all: bool, host: str, policy: HostPolicy | None) -> None:
        """The process ends with all it has under way; the next has another list, and another policy for a host. Where
        others work on the state, what is under way is theirs, and goes on."""
        self.runner.run(self.store.__aexit__())
        if not isinstance(self.state, Server):
            self.ended += [*self.standing.values(), *self.late]
            self.standing.clear()
            self.late.clear()
        # A slot that is in use is kept until it is free, which is more than the new policy has.
        if policy is not None and not self.standing and not self.late:
            self.policies[host] = policy
        self.open(listed, poll_all)

    @rule(listed=st.sampled_from([FEEDS, FEEDS, MOVED, FEEDS[:2], MOVED[:2], FEEDS[1:], FEEDS[2:], []]))
    def reload(self, listed: list[Feed]) -> None:
        """Another list, beside work that is under way."""
        self.listed = {feed.id: feed for feed in listed}
        self.do(lambda: self.store.take_up({**dict.fromkeys(ALL_FEEDS), **self.listed}, now=self.now))

    # --- work ---

    def take_turns(self, turns: list[tuple[int, list[End | None]]]) -> None:
        """In each turn so much work is claimed, when a host is ready for it; of all that is under way, some comes to an
        end, in one batch."""
        for limit, ends in turns:
            self.wait(min(HOUR, max(0, self.do(self.store.next_claim_at) - self.now)) if limit else 0)
            self.claim(limit)
            under_way = sorted(self.standing.values(), key=lambda work: work.lease.work_id)
            self.finish(*(self.done(work, end) for work, end in zip(under_way, ends, strict=False) if end is not None))

    # Hypothesis leaves out some of the rules in each example, and without work nothing happens.
    work = WORKING(take_turns)
    more_work = WORKING(take_turns)
    much_more_work = WORKING(take_turns)

    def claim(self, limit: int) -> None:
        works = self.do(lambda: self.store.claim(limit, now=self.now, lease_ms=LEASE_MS))
        assert len(works) <= limit
        for work in works:
            assert work.feed_id in self.listed.keys() | self.store.awaited, "work of a feed that is not listed"
            assert work.lease.work_id not in {lease.work_id for lease in self.standing}, "work that another has"
            self.standing[work.lease] = work
            policy = self.policy_of(work)
            assert self.now >= self.not_before.get(work.lease.host_id, 0), "a host was not given its time"
            self.not_before[work.lease.host_id] = self.now + policy.delay_ms
            under_way = [lease for lease in self.standing if lease.host_id == work.lease.host_id]
            assert len(under_way) <= policy.concurrency, "more fetches at a host than it may have"

    def policy_of(self, work: Work) -> HostPolicy:
        ((name,),) = ask(self.state, "SELECT name FROM host WHERE id = ?", work.lease.host_id)
        return HostPolicy(concurrency=16, delay_ms=0) if name == "" else self.policies[name]

    def done(self, work: Work, end: End) -> Done:
        lease = work.lease
        match end.how:
            case "done" if isinstance(work, Poll):
                feed = ALL_FEEDS[work.feed_id]
                entries = [entry_of(feed, name, words, self.linked) for name, words in end.shown.items()]
                until = None if end.patience is None else Millis(self.now + end.patience)
                self.not_before[lease.host_id] = max(self.not_before[lease.host_id], until or 0)
                return self.polled(work, *entries, next_due=Millis(self.now + end.wait), not_before=until)
            case "done" if isinstance(work, Walk):
                return self.page(work)
            case "done":
                assert isinstance(work, Ingest)
                return self.run.ingested(work, self.draft(work, end))
            case "retry" if isinstance(work, Ingest | Walk):
                return Retry(lease=lease, due_at=Millis(self.now + end.wait), reason="timeout")
            case "moved":
                place = number_of(work) if isinstance(work, Walk) else "there"
                url = f"https://all.example/{place}"
                return Moved(lease=lease, url=url, host="all.example", hops=work.hops + 1)
            case "broken":
                return Broken(lease=lease, at=self.now, error="KeyError")
            case _:
                return HandedBack(lease=lease)

    def polled(self, work: Poll, *entries: SeenEntry, **changes: Any) -> PollDone:
        version = make_version("v", entries=len(entries))
        return self.run.polled(work, *entries, version=version, older=f"{ALL_FEEDS[work.feed_id].url}/0", **changes)

    def page(self, work: Walk) -> Walked:
        """A walk's page, as it is; what that shows is not to be lost from now on."""
        feed, number = ALL_FEEDS[work.feed_id], number_of(work)
        older = f"{feed.url}/{number + 1}" if number + 1 < len(PAGES) else None
        self.walked |= {(feed.id, name) for name in PAGES[number]}
        entries = tuple(entry_of(feed, name, "", self.linked) for name in PAGES[number])
        return Walked(lease=work.lease, feed_id=feed.id, at=self.now, entries=entries, older=older, url=work.url or "")

    def draft(self, work: Ingest, end: End) -> Draft:
        body = work.record_id.encode()
        changes: dict[str, Any] = {"text_key": None} if end.short else {}
        if end.reveals and end.titled:
            changes["title_key"] = key("title", end.reveals[0])
        urls = tuple(key("url", f"https://all.example/{name}") for name in end.reveals)
        return make_draft(end.text, body=body, pointer=body if self.linked else None, url_keys=urls, **changes)

    def finish(self, *batch: Done) -> None:
        results = self.do(lambda: self.store.finish(batch, now=self.now))
        assert all(result.accepted for result in results), "a lease that stands was refused"
        self.ended += [self.standing.pop(done.lease) for done in batch]

    @rule(which=st.integers(0, 7), by=st.sampled_from([1, LEASE_MS, 3 * LEASE_MS]))
    def renew(self, which: int, by: int) -> None:
        """One of the leases, along with all that have ended."""
        if not self.standing:
            return
        leases = sorted(self.standing, key=lambda lease: lease.work_id)
        work = self.standing[leases[which % len(leases)]]
        until = Millis(work.lease.expires_at + by)
        self.do(lambda: self.store.renew([work.lease, *(ended.lease for ended in self.ended)], until=until))
        del self.standing[work.lease]
        renewed = replace(work.lease, expires_at=until)
        self.standing[renewed] = replace(work, lease=renewed)

    @rule(which=st.integers(0, 7))
    def finish_late(self, which: int) -> None:
        """Work whose lease has ended may be accepted, but not if another has it now."""
        if not self.late:
            return
        work = self.late.pop(which % len(self.late))
        self.ended.append(work)
        (result,) = self.do(lambda: self.store.finish([HandedBack(lease=work.lease)], now=self.now))
        taken = work.lease.work_id in {lease.work_id for lease in self.standing}
        assert not (result.accepted and taken), "two were heard about one piece of work"

    @rule()
    def finish_again(self) -> None:
        """Whatever was finished, or held by a process that is gone, is refused."""
        batch = [HandedBack(lease=work.lease) for work in self.ended]
        results = self.do(lambda: self.store.finish(batch, now=self.now))
        assert not any(result.accepted for result in results)

    # --- publication ---

    @rule(limit=st.integers(1, 5), marked=st.booleans())
    def publish(self, limit: int, marked: bool) -> None:
        segment = self.do(lambda: self.store.number(now=self.now, limit=limit))
        if segment is not None and marked:
            self.do(lambda: self.store.mark(segment.id, path="p", sha256="0"))
            self.published += [(row.body, row.revision) for row in segment.rows]
            self.seqs += [row.seq for row in segment.rows]

    # --- what holds ---

    @invariant()
    def state_is_whole(self) -> None:
        if hasattr(self, "state"):
            check_state(self.state)
            assert len(set(self.published)) == len(self.published), "a revision was published twice"
            assert self.seqs == list(range(1, len(self.seqs) + 1)), "numbers with a gap, or out of order"

    # --- and how it ends ---

    def drain(self) -> None:
        """All feeds are listed, show all they have, and everything is ingested and published."""
        self.restart(FEEDS, True, HOSTS[0], None)
        for _ in range(500):
            until = self.do(self.store.next_claim_at)
            if until > self.now + 50 * DAY:
                break
            self.wait(max(0, until - self.now))
            self.claim(4)
            for work in list(self.standing.values()):
                if isinstance(work, Poll):
                    shown = [entry_of(ALL_FEEDS[work.feed_id], name, "", self.linked) for name in NAMES]
                    self.finish(self.polled(work, *shown, next_due=Millis(self.now + 100 * DAY)))
                elif isinstance(work, Walk):
                    self.finish(self.page(work))
                else:
                    pointer = work.record_id.encode() if self.linked else None
                    draft = make_draft(f"{work.record_id}, at last", body=work.record_id.encode(), pointer=pointer)
                    self.finish(self.run.ingested(work, draft))
        else:
            pytest.fail("there is no end to the work")
        self.publish(1_000, True)
        while self.do(self.store.waiting)[0]:
            self.publish(1_000, True)
        self.state_is_whole()
        self.nothing_is_lost()

    def nothing_is_lost(self) -> None:
        for feed_id, name in sorted({(feed.id, name) for feed in FEEDS for name in NAMES} | self.walked):
            root = ask(
                self.state,
                "SELECT coalesce(duplicate_of, id) FROM entry JOIN identity ON entry.id = identity.entry_id "
                "WHERE identity.key = ?",
                key("guid", feed_id, name)[:10],
            )
            assert root, f"{name} of {feed_id} is not known"
            ((revision, quarantined),) = ask(
                self.state,
                "SELECT revision, (SELECT quarantined FROM work WHERE entry_id = entry.id) FROM entry WHERE id = ?",
                root[0][0],
            )
            assert revision or quarantined, f"{name} of {feed_id} is lost"
        written = [
            (bytes(id).hex(), revision) for id, revision in ask(self.state, "SELECT record_id, revision FROM entry")
        ]
        published = {(body.decode(), revision) for body, revision in self.published}
        assert published == {(record_id, n) for record_id, revision in written for n in range(1, revision + 1)}


def run_machine(new_state: Callable[[Path], State], **how: Any) -> None:
    machine = type("StoreMachine", (StoreMachine,), {"new_state": staticmethod(new_state)})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(machine, settings=settings(deadline=None, suppress_health_check=checks, **how))


def test_the_promises_hold(in_a_file: Callable[[Path], State]) -> None:
    """No lease beyond a host's concurrency, no start before its delay, no revision twice, no entry lost, whatever
    happens: the same few examples each time."""
    run_machine(in_a_file, max_examples=6, stateful_step_count=30, derandomize=True)


@pytest.mark.slow
def test_the_promises_hold_for_long(in_a_file: Callable[[Path], State]) -> None:
    """The same, with many examples that are others each time."""
    run_machine(in_a_file, max_examples=60, stateful_step_count=50)


@pytest.mark.slow
def test_the_promises_hold_on_postgresql(empty_database: EmptyState) -> None:
    """The same, where a process that ends leaves its leases to end by themselves."""
    run_machine(lambda _: empty_database.emptied(), max_examples=30, stateful_step_count=40)
