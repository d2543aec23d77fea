"""Feeds that have brought nothing new for longer than their owner expects."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model import FeedId, Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A feed that is silent."""

    feed_id: FeedId
    since: Millis
    """When something new was due at the latest."""
    new_at: Millis | None
    """The last poll that brought something new; None: none ever did."""
    expect_ms: int


def silence(
    *,
    feed_id: FeedId,
    expect_ms: int,
    added_at: Millis,
    new_at: Millis | None,
    polled_at: Millis | None,
    watched_from: Millis,
    now: Millis,
) -> Silence | None:
    """None if the feed is as it should be, or it can't be known yet.

    The time counts from the last new entry, or from when the feed was listed if that is later. A worker that was away
    and has watched only since `watched_from` reports no silence until the feed was polled after its time, or has been
    watched for as long as something new may take.
    """
    since = Millis(max(added_at, new_at or 0) + expect_ms)
    if now < since or ((polled_at or 0) < since and now < watched_from + expect_ms):
        return None
    return Silence(feed_id=feed_id, since=since, new_at=new_at, expect_ms=expect_ms)
