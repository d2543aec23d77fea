"""What the engine calls.

One thread owns the one writing connection; callers await it. Each method is one transaction, or none.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Collection, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Concatenate, NoReturn, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from worker.errors import StateDamaged, StateError, StateUnreachable
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
    Server,
    State,
    Walked,
    Work,
)
from worker.record import Record
from worker.store import lists, members, requests, starting, steering, upkeep
from worker.store.database import clocks, notes
from worker.store.database.clocks import Clock, wall_clock
from worker.store.database.integrity import Files, suspect
from worker.store.database.locks import is_contention
from worker.store.database.moving import refuse_moved
from worker.store.database.opening import locked, open_database
from worker.store.finish.commit import finish
from worker.store.finish.ingestion import Near
from worker.store.known import feeds
from worker.store.published import outbox, publications, takedowns
from worker.store.requests import Request
from worker.store.work import claims, pushes, takings
from worker.store.work.standing import Planner

REPEATS = 20
"""Of a transaction, before it is given up: another has to win each time."""
LOOK_AGAIN_S = 600.0
"""Between two looks for damage behind errors, which take 1.9 s a GB: defects of ours may come with each commit."""

P = ParamSpec("P")
R = TypeVar("R")


class Store:
    """The state: in a SQLite database, held by this process alone, or in one on PostgreSQL, shared with others. Use as
    an async context manager.

    policies: how each host is treated. planner: when a feed is polled next. window_ms: how long a text is remembered
    for deduplication; keep_ms: how long an entry is known after it has left its feed. near: what becomes of
    near-duplicates. shards: of the output. alone: no other process may work on the state, wherever it is. wall: the
    wall clock.

    Every method raises StateError when the database can't be used (a full disk, say); nothing of the call was done
    then, and it may be repeated. Once it has met damage, StateDamaged: then nothing of it is touched any more.
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
        self._state, self._policies, self._planner = state, policies, planner
        self._window_ms, self._keep_ms, self._near = window_ms, keep_ms, near
        self._websub, self._shards, self._alone = websub, shards, alone
        self._wall, self._name = wall, secrets.token_hex(4)
        self._clock = Clock() if isinstance(state, Server) else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._held = ExitStack()
        self._awaited: dict[FeedId, Feed | None] = {}
        self._files: Files | None = None
        self._damage: StateDamaged | None = None
        self._look_at = 0.0
        self._lost = asyncio.Event()

    async def __aenter__(self) -> Store:
        """Raises StateLocked where another process holds the state, or those that share it are not to."""
        try:
            await self._call(self._open)
        except StateError:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._call(self._close)
        self._thread.shutdown()

    def lose(self, damage: StateDamaged) -> None:
        """The state is damaged, as was found here or by who reads beside; to be called in its loop."""
        self._damage = self._damage or damage
        self._lost.set()

    async def lost(self) -> NoReturn:
        """Waits for damage to be met. Raises StateDamaged."""
        await self._lost.wait()
        raise self._damage or AssertionError("unreachable")

    async def start(self, listed: Sequence[Feed] | None, *, now: Millis, poll_all: bool = False) -> int:
        """Takes up the feed lists (None: leaves the feeds as they are), and lets all be due if `poll_all`. Where this
        process is the only one, the leases of the one before end; else they are others', and end by themselves. By how
        many ms the clock had been set since, 0 or less: what is planned has moved with it."""
        if self._clock is not None:
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
        """Now: the wall clock; where others share the state, that of its database."""
        return self._wall() if self._clock is None else self._clock()

    async def take_up(self, changes: lists.Changes, *, now: Millis) -> None:
        """Takes up feeds that are listed now, or (None) no more, beside work that is under way; see `lists.take_up`.
        What has to wait for such work is done with the commit that ends it: it is `awaited` until then."""
        await self._write(self._take_up, changes, now=now)

    @property
    def awaited(self) -> Set[FeedId]:
        """Feeds that are let go, or moved, when work of theirs that is under way has ended."""
        return self._awaited.keys()

    async def change_policies(self, *, after: int, limit: int) -> int | None:
        """Applies the policies to the next hosts; the last of them, None where there were no more."""
        return await self._write(lists.change_policies, self._policies, after=after, limit=limit)

    async def replan(self, feeds: Sequence[Feed]) -> None:
        """Lets feeds be due as the planner says now; see `lists.replan`."""
        await self._write(lists.replan, feeds, self._planner)

    async def note_reach(self, reach: str, *, now: Millis) -> int:
        """Lets feeds that fail be due where servers are reached otherwise than before; see `steering.note_reach`."""
        return await self._write(steering.note_reach, reach, self._policies, now=now)

    async def note_reload(self, said: str | None) -> None:
        """Keeps what is to be told of the last reload of the configuration; None: nothing."""
        await self._write(notes.keep, notes.RELOAD, said)

    async def note_trouble(self, said: str | None) -> None:
        """Keeps what the worker that holds the state can't do now; None: nothing."""
        await self._write(notes.keep, notes.TROUBLE, said)

    async def claim(self, limit: int, *, now: Millis, lease_ms: int, due: Due | None = None) -> list[Work]:
        """At most `limit` pieces of work that may be done now, leased; of a run that has an end, what is `due`."""
        return await self._write(claims.claim, now=now, limit=limit, lease_ms=lease_ms, due=due)

    async def lease(self, limit: int, *, now: Millis, lease_ms: int) -> list[Claim]:
        """As `claim`, without what the work is: whoever does it takes it up."""
        return await self._write(claims.lease, now=now, limit=limit, lease_ms=lease_ms)

    async def begin(self, leases: Sequence[Lease], *, now: Millis, lease_ms: int) -> list[Work]:
        """The work of those leases that stand, each under a lease that nobody else knows; see `takings.begin`."""
        return await self._write(takings.begin, leases, now=now, lease_ms=lease_ms)

    async def note_member(self, member: Member) -> None:
        """What this process tells those who work on the same state."""
        await self._write(members.note, member)

    async def leave(self, name: str) -> None:
        """The process of that name is no more among them."""
        await self._write(members.leave, name)

    async def capacity(self, *, now: Millis) -> int:
        """How much work all that fetch can have under way."""
        return await self._write(members.capacity, now=now)

    async def next_claim_at(self, *, due: Due | None = None) -> Millis:
        """The earliest time at which such a claim can bring something."""
        return await self._write(claims.next_claim_at, due=due)

    async def has_due(self, *, now: Millis, due: Due | None = None) -> bool:
        """Whether there is due work that nobody has, some of which may still wait for its host's turn."""
        return await self._write(claims.has_due, now=now, due=due)

    async def renew(self, leases: Sequence[Lease], *, until: Millis) -> None:
        await self._write(claims.renew, leases, until=until)

    async def finish(self, batch: Sequence[Done], *, now: Millis, due: Due | None = None) -> list[Finished]:
        """Commits a batch; what became of each, in its order. Of a run that has an end, what polls brought is `due`,
        too."""
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
        """How many records of a shard are not published yet, and since when the oldest of them waits."""
        return await self._write(outbox.waiting, shard=shard)

    async def number(self, *, now: Millis, limit: int, shard: int = 0) -> outbox.OutboxSegment | None:
        """The next segment of a shard to publish."""
        return await self._write(outbox.number, shard=shard, now=now, limit=limit)

    async def mark(self, segment_id: int, *, path: str, sha256: str) -> None:
        """Notes that a segment is published."""
        await self._write(outbox.mark, segment_id, path=path, sha256=sha256)

    async def knows(self, *, url: str | None, url_key: bytes | None, record_id: bytes | None) -> bool:
        """Whether anything was ever seen of an article, or it is kept out."""
        return await self._write(takedowns.is_known, url=url, url_key=url_key, record_id=record_id)

    async def forget(self, *, url: str | None, url_key: bytes | None, record_id: bytes | None, now: Millis) -> int:
        """Forgets an article for good; how many entries it was. Its records are in `takedowns` from then on."""
        return await self._write(takedowns.forget, url=url, url_key=url_key, record_id=record_id, now=now)

    async def let_in(self, key: bytes, *, url: str | None, in_output: KeptOut | None, now: Millis) -> takedowns.LetIn:
        """Keeps out no more what has this key, or this canonical URL; see `takedowns.let_in`. It is in `lifted` from
        then on."""
        return await self._write(takedowns.let_in, key, url=url, in_output=in_output, now=now)

    async def lifted(self, shard: int = 0) -> list[bytes]:
        """Keys that a shard of the output is still to name no more."""
        return await self._write(takedowns.lifted, shard=shard)

    async def heard(self, key: bytes) -> None:
        """It does not."""
        await self._write(takedowns.heard, key)

    async def keep_out(self, keys: Collection[bytes]) -> None:
        """Lets go of what is known under these keys: it was taken down, maybe when another state was in this place."""
        await self._write(takedowns.keep_out, keys)

    async def takedowns(self, shard: int = 0) -> dict[str, bool]:
        """Record ids that are still to be taken out of a shard of the output, each with whether nothing was known of
        it."""
        return await self._write(takedowns.outstanding, shard=shard)

    async def tell(self, notices: Sequence[Record], *, now: Millis) -> None:
        """Writes these records to the outbox: that articles are taken down."""
        await self._write(takedowns.tell, notices, now=now)

    async def taken_down(self, record_id: str) -> None:
        await self._write(takedowns.taken_down, record_id)

    async def pause(self, feed_ids: Sequence[FeedId]) -> int:
        """Lets feeds be polled no more until `resume`; how many that changes."""
        return await self._write(steering.pause, feed_ids)

    async def resume(self, feed_ids: Sequence[FeedId], *, now: Millis) -> int:
        """Ends their pause: they are due; how many that changes."""
        return await self._write(steering.resume, feed_ids, now=now)

    async def hasten(self, feed_ids: Sequence[FeedId], *, now: Millis, due_at: Millis | None = None) -> int:
        """Lets feeds be due for one poll, paused or not; how many of them are listed. See `steering.hasten`."""
        return await self._write(steering.hasten, feed_ids, self._policies, now=now, due_at=due_at)

    async def before_all(self, *, now: Millis) -> Millis:
        """An instant by which nothing is due; see `steering.before_all`."""
        return await self._write(steering.before_all, now=now)

    async def retry(self, *, now: Millis, feed_ids: Sequence[FeedId] = ()) -> int:
        """Takes up what was put aside; how many pieces of work. See `steering.retry`."""
        return await self._write(steering.retry, now=now, feed_ids=feed_ids)

    async def at_rest(
        self, *, url: str | None = None, url_key: bytes | None = None, record_id: bytes | None = None
    ) -> list[steering.AtRest]:
        """What of an article that is named is written, and not queued; see `steering.at_rest`."""
        return await self._write(steering.at_rest, url=url, url_key=url_key, record_id=record_id)

    async def read_again(
        self,
        *,
        now: Millis,
        url: str | None = None,
        url_key: bytes | None = None,
        record_id: bytes | None = None,
        looks: Sequence[steering.Look] = (),
    ) -> steering.Again:
        """Lets an article that is named be read anew; see `steering.read_again`."""
        return await self._write(
            steering.read_again, self._policies, now=now, url=url, url_key=url_key, record_id=record_id, looks=looks
        )

    async def subscription(self, token: str) -> pushes.Subscription | None:
        """What a hub is known by that calls so; None: nobody asked it."""
        return await self._write(pushes.by_token, token)

    async def verified(self, token: str, *, topic: str, lease_s: int, now: Millis) -> bool:
        """Whether a subscription that a hub asks about is wanted; it stands for so long."""
        return await self._write(pushes.verified, token, topic=topic, lease_s=lease_s, now=now)

    async def denied(self, token: str, *, topic: str, reason: str, now: Millis) -> bool:
        """A hub does not want a subscription; whether it was one of ours."""
        return await self._write(pushes.denied, token, topic=topic, reason=reason, now=now)

    async def pushed(self, feed_id: FeedId, *, now: Millis) -> Millis | None:
        """A hub has told of something new; when the feed is polled for it. None: it is not."""
        return await self._write(pushes.pushed, feed_id, now=now)

    async def requests(self) -> list[requests.Request]:
        """What commands ask, in their order; where others work on the state, only if it is for this process to do."""
        return await self._write(self._requests)

    def _requests(self, connection: Connection) -> list[Request]:
        if self._clock is None:
            return requests.unanswered(connection)
        if self._awaited:  # for work that others have under way
            self._take_up(connection, {}, now=self.clock())
        found = requests.unanswered(connection)
        return found if found and requests.are_mine(connection, self._name, now=self.clock()) else []

    async def ask(self, verb: str, subject: str) -> int:
        """Leaves a request, as commands do; its number."""
        return await self._write(requests.leave, verb, subject)

    async def answer(self, number: int, text: str) -> None:
        """Tells the command that asked."""
        await self._write(requests.answer, number, text)

    async def publications(self, last: tuple[str, int] | None, shard: int = 0) -> publications.Publications:
        """What this state has published to a shard, against the writer and last number of the segment that its
        directory was given last."""
        return await self._write(publications.against, last, shard=shard)

    async def shift(self, by_ms: int) -> None:
        """Moves due times, leases and `not_before` along with a wall clock that has jumped; it is not this process's
        clock that they go by where others share them."""
        if self._clock is None:
            await self._write(clocks.shift, by_ms=by_ms, now=self._wall(), window_ms=self._window_ms)

    async def upkeep(self, *, now: Millis) -> None:
        """Frees the state of what is over; see `upkeep`."""
        await self._write(upkeep.keep_up, now=now, keep_ms=self._keep_ms)
        while await self._write(upkeep.expire, now):
            pass  # between two steps of it, others have their turn
        host: int | None = 0
        while host is not None:
            host = await self._write(upkeep.forget_hosts, now=now, after=host)

    def _open(self) -> None:
        with ExitStack() as held:
            died = held.enter_context(locked(self._state))
            self._engine = open_database(self._state, suspect=died, alone=self._alone)
            held.callback(self._engine.dispose)
            refuse_moved(self._state, self._engine)
            self._transaction(publications.name_writers, self._shards)
            if isinstance(self._state, Path):
                self._files = Files(self._state)
            self._held = held.pop_all()

    def _close(self) -> None:
        if self._damage is None:
            self._held.close()
        else:  # as after an error: the lock goes on naming this process, so that the next one looks at all of it
            self._held.__exit__(type(self._damage), self._damage, None)

    async def _write(self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._call(lambda: self._transaction(function, *args, **kwargs))

    def _transaction(self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """One transaction; where it met another's, it is repeated."""
        if self._damage is not None:
            raise StateDamaged(self._damage.path, self._damage.problem)
        awaited = self._awaited
        for left in reversed(range(REPEATS)):
            try:
                with self._engine.begin() as connection:
                    if self._clock is not None:
                        self._clock.look(connection)
                    result = function(connection, *args, **kwargs)
                if self._files is not None:
                    self._files.check()
                return result
            except BaseException as error:
                self._awaited = awaited  # nothing of the call was done
                if not (left and is_contention(error)):
                    self._suspect(error)
                    raise
            time.sleep(random.uniform(0, 0.05))  # noqa: S311  # so that the two do not meet again
        raise AssertionError("unreachable")

    def _suspect(self, error: BaseException) -> None:
        """What is told of damage is kept at once, in this thread: the next call may stand in line already."""
        try:
            if isinstance(error, StateDamaged):
                raise error
            if not isinstance(error, Exception) or not isinstance(self._state, Path):
                return
            if time.monotonic() > self._look_at and suspect(self._engine, self._state, error):
                self._look_at = time.monotonic() + LOOK_AGAIN_S
        except StateDamaged as damage:
            self._damage = damage
            raise

    async def _call(self, function: Callable[[], R]) -> R:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function)
        except StateDamaged as damage:
            self.lose(damage)
            raise
        except (DataError, IntegrityError):
            raise  # a defect of ours: to repeat the call would not help
        except DBAPIError as error:
            kind = StateUnreachable if error.connection_invalidated else StateError
            raise kind(f"the state {self._state}: {' '.join(str(error.orig).split())}") from error
