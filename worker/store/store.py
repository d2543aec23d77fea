"""The methods the engine calls. Each is one transaction, or touches nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence, Set
from typing import Concatenate, NoReturn, ParamSpec, TypeVar

from sqlalchemy import Connection

from worker.dedup import Name
from worker.errors import StateLost
from worker.model import (
    Claim,
    Done,
    Due,
    Feed,
    FeedId,
    Finished,
    KeptOut,
    Lease,
    Member,
    Millis,
    PollDone,
    State,
    Walked,
    Work,
)
from worker.record import Record
from worker.store import lists, members, requests, starting, steering, upkeep
from worker.store.database import clocks, notes
from worker.store.database.clocks import wall_clock
from worker.store.database.writing import Writing
from worker.store.finish.commit import finish
from worker.store.finish.ingestion import Near
from worker.store.known import feeds
from worker.store.published import outbox, publications, takedowns
from worker.store.requests import Request
from worker.store.work import claims, pushes, takings
from worker.store.work.standing import Planner

P = ParamSpec("P")
R = TypeVar("R")


class Store:
    """The state: a SQLite database that only this process holds, or a PostgreSQL database shared with others. Use as an
    async context manager.

    policies: how each host is treated. planner: when a feed is polled next. window_ms: how long a text is remembered
    for deduplication; keep_ms: how long an entry is remembered after it has left its feed. near: what is done with
    near-duplicates. shards: how many the output has. alone: refuse to share the state with any other process, wherever
    that runs. wall: the wall clock.

    Every method raises StateError when the database can't be used (a full disk, say); the call then had no effect and
    may be repeated. Once damage has been found, or another process may have the state because somebody replaced its
    lock, every method raises StateLost, and the database is not touched again.
    """

    def __init__(
        self,
        state: State,
        *,
        policies: feeds.Policies,
        planner: Planner,
        window_ms: int,
        keep_ms: int,
        near: Near = "link",
        websub: bool = False,
        shards: int = 1,
        alone: bool = False,
        wall: Callable[[], Millis] = wall_clock,
    ) -> None:
        self._writing = Writing(state, alone=alone)
        self._policies, self._planner = policies, planner
        self._window_ms, self._keep_ms, self._near = window_ms, keep_ms, near
        self._websub, self._shards = websub, shards
        self._wall, self._name = wall, secrets.token_hex(4)
        self._awaited: dict[FeedId, Feed | None] = {}

    async def __aenter__(self) -> Store:
        """Raises StateLocked when another process holds the state, or when `alone` is set and others already share
        it."""
        await self._writing.open(lambda connection: publications.name_writers(connection, self._shards))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._writing.close()

    def hurry(self) -> None:
        """Call this when the process is to end; may be called from any thread."""
        self._writing.hurry()

    def lose(self, loss: StateLost) -> None:
        """Records that the state is damaged, whether this store or a reader beside it noticed. Call it from this
        store's event loop."""
        self._writing.lose(loss)

    async def lost(self) -> NoReturn:
        """Waits until damage is found, or another process may have the state. Raises StateLost."""
        await self._writing.lost()

    async def start(self, listed: Sequence[Feed] | None, *, now: Millis, poll_all: bool = False) -> int:
        """Applies the feed lists (None: leaves the feeds as they are) and, with `poll_all`, makes every feed due. If
        this process has the state to itself, leases left by the previous process end now; on a shared state they belong
        to others and run out by themselves. Returns by how many ms the clock had been set back since the last run (0 or
        less); everything planned has been moved with it."""
        if self._writing.clock is not None:
            await self._write(self._join, listed, now=now, poll_all=poll_all)
            return 0
        return await self._write(
            starting.start,
            listed,
            self._policies,
            self._planner,
            now=now,
            poll_all=poll_all,
            window_ms=self._window_ms,
            keep_ms=self._keep_ms,
        )

    def clock(self) -> Millis:
        """The current time: of the wall clock, or of the database server where the state is shared."""
        return self._wall() if self._writing.clock is None else self._writing.clock()

    async def take_up(self, changes: lists.Changes, *, now: Millis) -> None:
        """Applies changes to the feed list (None: the feed is no longer listed) while work is under way; see
        `lists.take_up`. A change that has to wait for running work is made by the commit that ends that work; until
        then its feed is in `awaited`."""
        await self._write(self._take_up, changes, now=now)

    @property
    def awaited(self) -> Set[FeedId]:
        """Feeds that will be dropped, moved or listed as soon as work that is under way has ended."""
        return self._awaited.keys()

    async def change_policies(self, *, after: int, limit: int) -> int | None:
        """Applies the policies to the next `limit` hosts after id `after`. Returns the last host's id, None when no
        more are left."""
        return await self._write(lists.change_policies, self._policies, after=after, limit=limit)

    async def replan(self, feeds: Sequence[Feed]) -> None:
        """Asks the planner again when these feeds are due; see `lists.replan`."""
        await self._write(lists.replan, feeds, self._planner)

    async def note_reach(self, reach: str, *, now: Millis) -> int:
        """Makes failing feeds due if the way servers are reached has changed; see `steering.note_reach`."""
        return await self._write(steering.note_reach, reach, self._policies, now=now)

    async def note_reload(self, said: str | None) -> None:
        """Stores what `status` reports about the last reload of the configuration; None clears it."""
        await self._write(notes.keep, notes.RELOAD, said)

    async def note_trouble(self, said: str | None) -> None:
        """Says what this worker currently fails to do (None: nothing) beside the state, which may be what refuses. On a
        shared state each worker has that in its `note_member`."""
        await self._writing.say(said or "")

    async def claim(self, limit: int, *, now: Millis, lease_ms: int, due: Due | None = None) -> list[Work]:
        """Leases and returns at most `limit` pieces of work that may be done now; in a run that has an end, only what
        is `due`."""
        return await self._write(claims.claim, now=now, limit=limit, lease_ms=lease_ms, due=due)

    async def lease(self, limit: int, *, now: Millis, lease_ms: int) -> list[Claim]:
        """Like `claim`, but does not load the work itself: whoever does it loads it with `begin`."""
        return await self._write(claims.lease, now=now, limit=limit, lease_ms=lease_ms)

    async def begin(self, leases: Sequence[Lease], *, now: Millis, lease_ms: int) -> list[Work]:
        """Loads the work of those leases that are still valid, each under a new lease that nobody else knows; see
        `takings.begin`."""
        return await self._write(takings.begin, leases, now=now, lease_ms=lease_ms)

    async def note_member(self, member: Member) -> None:
        """Stores what this process reports about itself to the others that share the state."""
        await self._write(members.note, member)

    async def leave(self, name: str) -> None:
        """Removes the process of that name from the list of members."""
        await self._write(members.leave, name)

    async def capacity(self, *, now: Millis) -> int:
        """How many pieces of work all fetching processes together can have under way at once."""
        return await self._write(members.capacity, now=now)

    async def next_claim_at(self, *, due: Due | None = None) -> Millis:
        """The earliest time at which `claim` with the same `due` could return something."""
        return await self._write(claims.next_claim_at, due=due)

    async def has_due(self, *, now: Millis, due: Due | None) -> bool:
        """Whether any due work is unclaimed, including work that still has to wait for its host's turn."""
        return await self._write(claims.has_due, now=now, due=due)

    async def renew(self, leases: Sequence[Lease], *, until: Millis) -> None:
        await self._write(claims.renew, leases, until=until)

    async def finish(self, batch: Sequence[Done], *, now: Millis, due: Due | None = None) -> list[Finished]:
        """Commits a batch. Returns what became of each item, in the order of the batch. In a run that has an end
        (`due`), the entries its polls bring are due in the same run."""
        return await self._write(self._finish, batch, now=now, due=due)

    def _finish(self, connection: Connection, batch: Sequence[Done], *, now: Millis, due: Due | None) -> list[Finished]:
        finished = finish(
            connection,
            batch,
            now=now,
            policies=self._policies,
            planner=self._planner,
            window_ms=self._window_ms,
            near=self._near,
            polls_due_by=None if due is None else due.by,
            websub=self._websub,
        )
        if due is not None and due.alone:
            polled = [done.feed_id for done in batch if isinstance(done, PollDone | Walked)]
            steering.put_first(connection, polled, now=now, due_at=due.by)
        if self._awaited:
            self._take_up(connection, {}, now=now)
        return finished

    def _join(self, connection: Connection, listed: Sequence[Feed] | None, *, now: Millis, poll_all: bool) -> None:
        self._awaited = starting.join(connection, listed, self._policies, self._planner, now=now, poll_all=poll_all)

    def _take_up(self, connection: Connection, changes: lists.Changes, *, now: Millis) -> None:
        leaving = [feed_id for feed_id, feed in self._awaited.items() if feed is None]
        self._awaited = lists.take_up(
            connection, {**self._awaited, **changes}, self._policies, now=now, was_leaving=leaving
        )

    async def waiting(self, shard: int = 0) -> tuple[int, Millis | None]:
        """How many records of a shard are not published yet, and since when the oldest of them has waited."""
        return await self._write(outbox.waiting, shard=shard)

    async def number(self, *, now: Millis, limit: int, shard: int = 0) -> outbox.OutboxSegment | None:
        """Assigns the next segment of a shard to be published, and returns it."""
        return await self._write(outbox.number, shard=shard, now=now, limit=limit)

    async def mark(self, segment_id: int, *, path: str, sha256: str) -> None:
        """Marks a segment as published."""
        await self._write(outbox.mark, segment_id, path=path, sha256=sha256)

    async def knows(self, name: Name) -> bool:
        """Whether an article has ever been seen, or is kept out."""
        return await self._write(takedowns.is_known, name)

    async def forget(self, name: Name, *, now: Millis) -> int:
        """Forgets an article for good. Returns how many entries it had. Its records are in `takedowns` from then on,
        until they have been removed from the output."""
        return await self._write(takedowns.forget, name, now=now)

    async def let_in(self, name: Name, *, in_output: KeptOut | None, now: Millis) -> takedowns.LetIn:
        """Stops keeping out an article; see `takedowns.let_in`. Its key is in `lifted` until the output directory has
        dropped it too."""
        return await self._write(takedowns.let_in, name, in_output=in_output, now=now)

    async def lifted(self, shard: int = 0) -> list[bytes]:
        """Keys that are no longer kept out but that a shard of the output still lists as such."""
        return await self._write(takedowns.lifted, shard=shard)

    async def heard(self, key: bytes) -> None:
        """Notes that the output no longer lists this key, so it leaves `lifted`."""
        await self._write(takedowns.heard, key)

    async def keep_out(self, keys: Collection[bytes]) -> None:
        """Drops what is known under these keys and keeps it out. They were taken down in this output, possibly while
        another state was in use."""
        await self._write(takedowns.keep_out, keys)

    async def takedowns(self, shard: int = 0) -> dict[str, bool]:
        """Record ids that still have to be removed from a shard of the output, each with whether nothing was known of
        it."""
        return await self._write(takedowns.outstanding, shard=shard)

    async def tell(self, notices: Sequence[Record], *, now: Millis) -> None:
        """Writes these records, which announce that articles were taken down, to the outbox."""
        await self._write(takedowns.tell, notices, now=now)

    async def taken_down(self, record_id: str) -> None:
        await self._write(takedowns.taken_down, record_id)

    async def pause(self, feed_ids: Sequence[FeedId]) -> int:
        """Stops polling feeds until `resume`. Returns how many were not paused before."""
        return await self._write(steering.pause, feed_ids)

    async def resume(self, feed_ids: Sequence[FeedId], *, now: Millis) -> int:
        """Ends the pause of feeds and makes them due. Returns how many were paused."""
        return await self._write(steering.resume, feed_ids, now=now)

    async def hasten(self, feed_ids: Sequence[FeedId], *, now: Millis, due_at: Millis | None = None) -> int:
        """Makes feeds due for one poll, even if paused. Returns how many of them are listed. See `steering.hasten`."""
        return await self._write(steering.hasten, feed_ids, self._policies, now=now, due_at=due_at)

    async def before_all(self, *, now: Millis) -> Millis:
        """A time before that of everything due; see `steering.before_all`."""
        return await self._write(steering.before_all, now=now)

    async def retry(self, *, now: Millis, feed_ids: Sequence[FeedId] = ()) -> int:
        """Queues again what was put aside. Returns how many pieces of work. See `steering.retry`."""
        return await self._write(steering.retry, now=now, feed_ids=feed_ids)

    async def at_rest(self, name: Name) -> list[steering.AtRest]:
        """The entries of the named article that have a record and no queued work; see `steering.at_rest`."""
        return await self._write(steering.at_rest, name)

    async def read_again(self, name: Name, *, now: Millis, looks: Sequence[steering.Look] = ()) -> steering.Again:
        """Lets the named article be read afresh; see `steering.read_again`."""
        return await self._write(steering.read_again, name, self._policies, now=now, looks=looks)

    async def subscription(self, token: str) -> pushes.Subscription | None:
        """The subscription that a hub calling with this token belongs to; None if we never made one."""
        return await self._write(pushes.by_token, token)

    async def verified(self, token: str, *, topic: str, lease_s: int, now: Millis) -> bool:
        """Confirms a subscription that a hub asks about, for `lease_s` seconds. Returns whether we want it."""
        return await self._write(pushes.verified, token, topic=topic, lease_s=lease_s, now=now)

    async def denied(self, token: str, *, topic: str, reason: str, now: Millis) -> bool:
        """Notes that a hub refuses a subscription. Returns whether it was one of ours."""
        return await self._write(pushes.denied, token, topic=topic, reason=reason, now=now)

    async def pushed(self, feed_id: FeedId, *, now: Millis) -> Millis | None:
        """Notes that a hub announced something new. Returns when the feed is polled because of it; None if it is
        not."""
        return await self._write(pushes.pushed, feed_id, now=now)

    async def requests(self) -> list[requests.Request]:
        """Unanswered requests of commands, oldest first. On a shared state, empty unless this process is the one that
        answers them."""
        return await self._write(self._requests)

    def _requests(self, connection: Connection) -> list[Request]:
        if self._writing.clock is None:
            return requests.unanswered(connection)
        if self._awaited:  # for work that others have under way
            self._take_up(connection, {}, now=self.clock())
        found = requests.unanswered(connection)
        return found if found and requests.are_mine(connection, self._name, now=self.clock()) else []

    async def ask(self, verb: str, subject: str) -> int:
        """Leaves a request, as commands do. Returns its number."""
        return await self._write(requests.leave, verb, subject)

    async def answer(self, number: int, text: str) -> None:
        """Answers the command that made the request."""
        await self._write(requests.answer, number, text)

    async def publications(self, last: tuple[str, int] | None, shard: int = 0) -> publications.Publications:
        """What this state has published to a shard since `last`: writer and last number of the newest segment in its
        directory."""
        return await self._write(publications.against, last, shard=shard)

    async def shift(self, by_ms: int) -> None:
        """Moves due times, leases and `not_before` along when this process's wall clock has jumped. Does nothing on a
        shared state, which goes by the database's clock."""
        if self._writing.clock is None:
            await self._write(clocks.shift, by_ms=by_ms, now=self._wall(), window_ms=self._window_ms)

    async def believed(self, *, now: Millis) -> Millis:
        """The time by which something may be deleted for its age; see `clocks.believed`."""
        return await self._write(clocks.believed, now=now)

    async def upkeep(self, *, now: Millis) -> None:
        """Deletes what is no longer needed; see `upkeep`."""
        await self._write(upkeep.keep_up, now=now, keep_ms=self._keep_ms)
        now = await self.believed(now=now)
        while await self._write(upkeep.expire, now):
            pass  # in steps, so that other calls get their turn between two of them
        host: int | None = 0
        while host is not None:
            host = await self._write(upkeep.forget_hosts, now=now, after=host)

    async def _write(self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._writing.run(lambda: self._transaction(function, *args, **kwargs))

    def _transaction(self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """One that is not committed, or has to be repeated, leaves `awaited` as it was."""
        before = self._awaited

        def tried(connection: Connection) -> R:
            self._awaited = before
            return function(connection, *args, **kwargs)

        try:
            return self._writing.transaction(tried)
        except BaseException:
            self._awaited = before
            raise
