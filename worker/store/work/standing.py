"""What a poll means for its feed: what is stored of it, where it is fetched from now on, and when. Pure, except that it
reads the feed's row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row

from worker import urls
from worker.model import HOUR_MS, NO_VALIDATORS, FeedId, FeedVersion, Millis, PollDone, Validators
from worker.schedule import (
    NO_SETBACKS,
    NOT_GONE,
    Gone,
    History,
    Moves,
    Next,
    Polled,
    Seen,
    Setbacks,
    Trust,
    decode_hints,
    encode_hints,
    missed,
    phase_of,
)
from worker.store.database import tables as t

Planner = Callable[[FeedId, Polled], Next]

_SEEK_AT = (3, 12, 48)
"""After so many failures in a row, the feed's site is searched for its new address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    values: dict[str, Any]
    """Columns of `feed`."""
    home: str
    """The URL that is fetched next."""
    due: Next | None
    """When it is polled next; None if not any more."""
    missed: float | None = None
    """How many entries probably came and went between this poll and the one before; None if there is no gap."""
    seek: str | None = None
    """The page to search for the feed's new address before the next poll."""

    def sooner(self, due_at: Millis) -> Standing:
        """Due at `due_at` at the latest, because of what its hub announced."""
        if self.due is None or self.due.due_at <= due_at:
            return self
        return self._due(due_at, "its hub told of something new")

    def later(self, due_at: Millis, reason: str) -> Standing:
        """Due at `due_at` at the earliest."""
        if self.due is None or self.due.due_at >= due_at:
            return self
        return self._due(due_at, reason)

    def _due(self, due_at: Millis, reason: str) -> Standing:
        due = Next(due_at=due_at, reason=reason)
        return replace(self, due=due, values={**self.values, "next_at": due_at, "why": reason})


def after(
    row: Row[Any], done: PollDone, came: Sequence[Millis | None], planner: Planner, *, pushed: bool = False
) -> Standing:
    """row: the feed's, before the poll. came: the dates of the entries that are new to it. pushed: its hub announces
    new entries."""
    setbacks = setbacks_of(row).then(done.failure) if done.failure else NO_SETBACKS
    history, seen, gone_by = _history(row, done, came)
    document = _document(done)
    hints = row.hints if document is None else encode_hints(document.hints)
    gone, moves = _gone(row, done), _moves(row, done, setbacks)
    retired = gone.is_confirmed(done.at)
    polled = Polled(
        now=done.at,
        phase=phase_of(row.id),
        chance=done.chance,
        due_at=row.next_at,
        history=history,
        seen=seen,
        hints=decode_hints(hints, done.fresh),
        setbacks=NO_SETBACKS if done.failure == "throttled" else setbacks,
        retry_after_s=done.retry_after_s,
        patience_s=done.patience_s,
        pushed=pushed,
    )
    due = None if retired or row.paused else planner(done.feed_id, polled)
    values = {
        "polled_at": done.at,
        "status": done.status,
        "error": done.error,
        "errors": setbacks.count,
        "setback": setbacks.last,
        "setback_weight": setbacks.weight,
        "failing_since": (row.failing_since or done.at) if setbacks.count else None,
        "next_at": due and due.due_at,
        "why": due.reason if due else "retired: 410 Gone" if retired else "paused",
        "history": history and history.encode(),
        "hints": hints,
        "gone_since": gone.since,
        "gone_answers": gone.answers,
        "retired": retired,
        "moved_to": moves.to,
        "moved_polls": moves.polls,
    }
    if gone_by is not None:
        values |= {"gaps": row.gaps + 1, "gap_at": done.at, "missed": row.missed + gone_by}
    if document is not None and (done.refresh or row.filters != t.VARIOUS):
        values["filters"] = done.filters
    if done.failure is None:
        values |= {"ok_at": done.at, "suggestion": None}
    if done.refresh and document is not None:
        values["refreshed_at"] = done.at
    if done.version is not None:
        values |= _version(row, done.version) | _trust(row, done, done.version, came)
    seek = _site(row) if _is_lost(done, setbacks) else None
    return Standing(values=values, home=moves.in_force or row.url, due=due, missed=gone_by, seek=seek)


def setbacks_of(row: Row[Any]) -> Setbacks:
    return Setbacks(count=row.errors, weight=row.setback_weight, last=row.setback)


def moves_of(row: Row[Any]) -> Moves:
    return Moves(to=row.moved_to, polls=row.moved_polls)


def trust_of(row: Row[Any]) -> Trust:
    return Trust(
        unchanged=row.unchanged,
        whole_at=row.whole_at,
        audit_after=row.audit_after,
        distrusted_until=row.distrusted_until,
    )


def _document(done: PollDone) -> FeedVersion | None:
    """The version of the document, if this poll brought one that differs from the one before."""
    return None if done.version is None or done.version.elements is None else done.version


def _history(
    row: Row[Any], done: PollDone, came: Sequence[Millis | None]
) -> tuple[History | None, Seen | None, float | None]:
    """The history of the feed's publishing with this poll in it, what was new in this document, and how many entries
    were probably missed before it."""
    known = None if row.history is None else History.decode(row.history, now=done.at)
    version = _document(done)
    if version is None:
        return known, None, None
    if known is None or row.ok_at is None:
        return History.begun(done.at, came), None, None
    seen = Seen(new=len(came), total=max(version.entries, len(came)), elapsed_s=(done.at - row.ok_at) / 1000)
    gone_by = missed(previous=row.ok_at, now=done.at, published=came, total=seen.total, history=known)
    return known.polled(previous=row.ok_at, now=done.at, published=came), seen, gone_by


def _gone(row: Row[Any], done: PollDone) -> Gone:
    """Failures that say nothing about the feed itself leave the count as it is."""
    known = Gone(since=row.gone_since, answers=row.gone_answers)
    if done.status == 410:
        return known.then(done.at)
    return NOT_GONE if done.failure in (None, "permanent", "parse") else known


def _moves(row: Row[Any], done: PollDone, setbacks: Setbacks) -> Moves:
    known = moves_of(row)
    if done.failure is None:
        return known.answered(led_to=done.led_to)
    return known.failed(misses=setbacks.count)


def _version(row: Row[Any], version: FeedVersion) -> dict[str, Any]:
    values: dict[str, Any] = {
        "etag": version.validators.etag,
        "last_modified": version.validators.last_modified,
        "version_url": version.url,
        "body_hash": version.body_hash,
        "title": row.title if version.title is None else version.title,
        "site_url": row.site_url if version.site_url is None else version.site_url,
    }
    if version.elements is not None:
        values |= {"elements": b"".join(version.elements), "flaw": version.flaw}
    return values


def _trust(row: Row[Any], done: PollDone, version: FeedVersion, came: Sequence[Millis | None]) -> dict[str, Any]:
    known = trust_of(row)
    trust = known.not_modified() if done.status == 304 else known.whole(done.at, lied=_lied(row, done, version, came))
    return {
        "unchanged": trust.unchanged,
        "whole_at": trust.whole_at,
        "audit_after": trust.audit_after,
        "distrusted_until": trust.distrusted_until,
    }


def _lied(row: Row[Any], done: PollDone, version: FeedVersion, came: Sequence[Millis | None]) -> bool:
    """Whether 304 answers since the last whole document hid entries: new ones came although the validators are those of
    the document before, or an audit found some that are at least an hour older than the last 304."""
    if not row.unchanged or not came:
        return False
    before = Validators(etag=row.etag, last_modified=row.last_modified)
    if version.url == row.version_url and version.validators == before != NO_VALIDATORS:
        return True
    hidden = [date for date in came if date is not None and (row.whole_at or 0) < date < row.ok_at - HOUR_MS]
    return done.audit and bool(hidden)


def _is_lost(done: PollDone, setbacks: Setbacks) -> bool:
    return done.failure in ("permanent", "parse") and setbacks.count in _SEEK_AT


def _site(row: Row[Any]) -> str:
    """The page of the feed's site, or the front page of its host if it never named one."""
    return row.site_url or urls.absolute("/", base=row.url) or row.url
