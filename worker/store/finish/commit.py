"""A batch of finished work in one transaction: state, keys, hashes, outbox, next due, hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, assert_never

from sqlalchemy import Connection, bindparam, delete, select, update

from worker import urls
from worker.model import (
    DAY_MS,
    MINUTE_MS,
    AsBefore,
    Broken,
    Done,
    Finished,
    HandedBack,
    IngestDone,
    Ingested,
    Lease,
    Millis,
    Moved,
    PollDone,
    Retry,
    RobotsRead,
    Sought,
    Subscribed,
    Walked,
)
from worker.store.database import tables as t
from worker.store.database.dialects import Each
from worker.store.database.locks import hold_entries, hold_hosts, is_shared
from worker.store.finish.articles import finish_articles
from worker.store.finish.entries import finish_look
from worker.store.finish.ingestion import Ingestion, Near, ingestion
from worker.store.finish.polls import AT_HOME, finish_polls, finish_seeking, finish_subscribing, home_of
from worker.store.finish.walks import finish_walk
from worker.store.known.feeds import Policies, host_id
from worker.store.known.lines import learn
from worker.store.work.hosts import heed_crawl_delay, note_answers
from worker.store.work.robots import remember
from worker.store.work.settling import count_anew, settle
from worker.store.work.standing import Planner
from worker.store.work.works import due_again, free_slots

OtherDone = Walked | Sought | Subscribed | AsBefore | Retry | Moved | RobotsRead | HandedBack | Broken
MAX_ERRORS = 4
"""How often ingesting an entry may fail with an internal error before the entry is quarantined."""


def finish(
    connection: Connection,
    batch: Sequence[Done],
    *,
    now: Millis,
    policies: Policies,
    planner: Planner,
    window_ms: int,
    near: Near = "link",
    polls_due_by: Millis | None = None,
    websub: bool = False,
) -> list[Finished]:
    """Returns what became of each, in the order of the batch. Work whose lease was lost is refused, because somebody
    else has it now.

    polls_due_by: in a run that has an end, the time by which polls had to be due to belong to it.
    """
    hold_hosts(connection, _hosts_of(connection, batch))
    hold_entries(connection, [done.entry_id for done in batch if isinstance(done, IngestDone)])
    standing = _standing(connection, [done.lease for done in batch])
    # Work that is only passed on stays as due as it was: a run limited to what was due at its start still includes it.
    at_once = now if polls_due_by is None else min(now, polls_due_by)
    released: dict[int, Done] = {}
    for place, done in enumerate(batch):
        if done.lease in standing:
            standing.remove(done.lease)
            released[place] = done
    polls = {place: done for place, done in released.items() if isinstance(done, PollDone)}
    ended = finish_polls(connection, list(polls.values()), policies=policies, planner=planner, websub=websub)
    results: dict[int, tuple[Finished, set[int]]] = {}
    ingests = {place: ingestion(done) for place, done in released.items() if isinstance(done, IngestDone)}
    with_polls = [one for _, _, drafted in ended for one in drafted]
    articles = [*with_polls, *ingests.values()]
    written = finish_articles(connection, articles, window_ms=window_ms, near=near)
    left = iter(written)
    for place, (finished, hosts, drafted) in zip(polls, ended, strict=True):
        if drafted:
            finished = replace(finished, ingested=tuple(_told(one, next(left)) for one in drafted))
        results[place] = finished, hosts
    results.update((place, (next(left), set())) for place in ingests)
    for place, done in released.items():
        if not isinstance(done, PollDone | IngestDone):
            results[place] = _apply(connection, done, at_once=at_once, policies=policies)
    teaching = zip(articles, written, strict=True)
    learn(connection, [(one.entry_id, one.draft) for one, said in teaching if said.op in ("new", "update")], now=now)
    touched = {host_id for _, hosts in results.values() for host_id in hosts}
    freed = list(released.values())
    _release(connection, freed)
    note_answers(connection, freed, now)
    hosts = {done.lease.host_id for done in freed}
    count_anew(connection, hosts, now=now, polls_by=polls_due_by)
    settle(connection, touched - hosts, polls_by=polls_due_by)
    return [results[place][0] if place in results else Finished(accepted=False) for place in range(len(batch))]


def _told(one: Ingestion, finished: Finished) -> Ingested:
    return Ingested(record_id=one.record_id.hex(), draft=one.draft, finished=finished)


def _hosts_of(connection: Connection, batch: Sequence[Done]) -> list[int]:
    """The hosts that the batch's leases are for, and those it is likely to queue work for."""
    if not is_shared(connection):
        return []
    names = {seen.host for done in batch if isinstance(done, PollDone | Walked) for seen in done.entries}
    names |= {done.host for done in batch if isinstance(done, Moved | RobotsRead)}
    known = [row.id for row in _NAMED.rows(connection, names)]
    return [*known, *(done.lease.host_id for done in batch)]


_NAMED = Each(lambda which: select(t.host.c.id).where(which(t.host.c.name)))


def _apply(
    connection: Connection, done: OtherDone, *, at_once: Millis, policies: Policies
) -> tuple[Finished, set[int]]:
    """Applies one result. Returns what became of it, and the hosts for which it queued work."""
    work_id = done.lease.work_id
    match done:
        case Walked():
            return finish_walk(connection, done, policies)
        case Sought():
            return finish_seeking(connection, done, policies=policies)
        case Subscribed():
            return finish_subscribing(connection, done, policies=policies)
        case AsBefore():
            return finish_look(connection, done), set()
        case Retry():
            values = {"due_at": done.due_at, "priority": t.RETRY, "lost": 0, "error": done.reason}
            count = t.work.c.waits if done.throttled else t.work.c.tries
            _change(connection, work_id, {**values, count.name: count + 1})
            return Finished(), set()
        case Moved():
            host = host_id(connection, done.host, policies)
            due_at = at_once if done.not_before is None else max(at_once, done.not_before)
            values = {"url": done.url, "hops": done.hops, "permanent": done.permanent}
            _change(connection, work_id, {**values, "host_id": host, "due_at": due_at})
            return Finished(), {host}
        case RobotsRead():
            remember(connection, done)
            host = host_id(connection, done.host, policies)
            _change(connection, work_id, {"host_id": host, "due_at": at_once})
            if done.text is not None:
                # Another site's robots.txt may redirect to anything on a host, and says nothing about that host then.
                is_its_own = urls.robots_url(done.url) == urls.canonical(done.url)
                heard = {host, done.lease.host_id} if is_its_own else {host}
                heed_crawl_delay(connection, heard, done.crawl_delay_ms)
            return Finished(), {host}
        case HandedBack():
            _change(connection, work_id, {"due_at": due_again(done.due_at or at_once)})
            return Finished(), set()
        case Broken():
            return _broken(connection, done, policies)
        case _:
            assert_never(done)


def _broken(connection: Connection, done: Broken, policies: Policies) -> tuple[Finished, set[int]]:
    row = connection.execute(select(t.work).where(t.work.c.id == done.lease.work_id)).one()
    errors = row.errors + 1
    wait = min(MINUTE_MS * 2**errors, DAY_MS)
    values: dict[str, Any] = {"errors": errors, "lost": 0, "error": done.error, "due_at": done.at + wait}
    if row.pages is not None:
        if errors >= MAX_ERRORS:
            connection.execute(delete(t.work).where(t.work.c.id == row.id))
            return Finished(), {row.host_id}
    elif row.entry_id is None:
        feed = connection.execute(select(t.feed).where(t.feed.c.id == row.feed_id)).one()
        values |= {**AT_HOME, "host_id": home_of(connection, feed, policies)}
        if feed.paused:
            values["due_at"] = t.FAR
        said = {"error": done.error, "polled_at": done.at, "next_at": None if feed.paused else values["due_at"]}
        said |= {"why": "paused" if feed.paused else "feedmill failed on it"}
        connection.execute(update(t.feed).where(t.feed.c.id == row.feed_id).values(said))
    elif errors >= MAX_ERRORS:
        values |= {"quarantined": True, "due_at": t.FAR}
        connection.execute(update(t.entry).where(t.entry.c.id == row.entry_id).values(reason=done.error))
    _change(connection, done.lease.work_id, values)
    return Finished(quarantined=bool(values.get("quarantined"))), {values.get("host_id", row.host_id)}


# Looked up by host alone: for pairs of host and slot, SQLite scans the whole table.
_TOKENS = Each(
    lambda which: select(t.slot.c.host_id, t.slot.c.k, t.slot.c.token, t.slot.c.work_id).where(which(t.slot.c.host_id))
)
_HOLD = (
    update(t.host)
    .where(t.host.c.id == bindparam("h"), t.host.c.not_before < bindparam("then"))
    .values(not_before=bindparam("then"))
)


def _standing(connection: Connection, leases: Sequence[Lease]) -> set[Lease]:
    """Those of the leases whose slot still has their token, so that nobody else was given the work since."""
    found = set(map(tuple, _TOKENS.rows(connection, [lease.host_id for lease in leases])))
    return {lease for lease in leases if (lease.host_id, lease.slot, lease.token, lease.work_id) in found}


def _release(connection: Connection, released: Sequence[Done]) -> None:
    """Frees the slots, and stores until when hosts asked to be left alone."""
    if not released:
        return
    free_slots(connection, [done.lease for done in released])
    raised = [
        {"h": done.lease.host_id, "then": done.not_before}
        for done in released
        if isinstance(done, PollDone | Sought | Subscribed | IngestDone | Retry) and done.not_before is not None
    ]
    if raised:
        connection.execute(_HOLD, raised)


def _change(connection: Connection, work_id: int, values: dict[str, Any]) -> None:
    connection.execute(update(t.work).where(t.work.c.id == work_id).values(values))
