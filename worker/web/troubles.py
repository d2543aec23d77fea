"""What an operator should look at, most urgent first."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model import Millis
from worker.pipeline import Streamed
from worker.store import Overview, feeds_by_id, longest_failing
from worker.telemetry.vitals import WORDS
from worker.web.health import unready
from worker.web.sources import Sources
from worker.words import ago, counted, span

MOST = 6
"""How many feeds of a kind are named; the rest is behind a link."""
LATE_MS = 600_000
"""A poll overdue by more than this waits for more than its turn, or for its turn at a host with many feeds."""
_UNREADY = {name: words[:1].upper() + words[1:] for name, words in WORDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    what: str
    href: str | None = None
    why: str | None = None
    since: str | None = None
    things: int = 1
    """How many things it stands for."""


async def read_troubles(of: Sources, state: Overview, now: Millis) -> list[Trouble]:
    """Raises StateError."""
    found = [Trouble(what=_UNREADY.get(name, "Not at work"), why=why) for name, why in unready(of.vitals, now).items()]
    if state.reload is not None:
        found.append(Trouble(what="The configuration was saved, and not taken up as it is", why=state.reload))
    found += _of_stream(of.streamed, now)
    if state.quarantined:
        what = counted(state.quarantined, "entry", "entries")
        found.append(Trouble(what=f"{what} put aside after failures of feedmill's own", href="/quarantine"))
    if state.poll_due_at is not None and now - state.poll_due_at > LATE_MS:
        late = span(now - state.poll_due_at)
        found.append(Trouble(what=f"{counted(state.polls_due, 'poll')} due, the oldest for {late}"))
    silent = sorted(of.silent().values(), key=lambda one: one.since)
    quiet = await of.reader(feeds_by_id, [one.feed_id for one in silent[:MOST]])
    named = {feed.id: of.name_of(feed) for feed in quiet}
    found += [
        Trouble(
            what=f"{named.get(one.feed_id, one.feed_id)} is silent",
            href=f"/feeds/{one.feed_id}",
            since=f"last new {ago(one.new_at, now)}, expected every {span(one.expect_ms)}",
        )
        for one in silent[:MOST]
    ]
    if (more := len(silent) - MOST) > 0:
        found.append(Trouble(what=f"{more} more are silent", href="/feeds?which=silent", things=more))
    failing = await of.reader(longest_failing, limit=MOST)
    found += [
        Trouble(
            what=f"{of.name_of(feed)} fails",
            href=f"/feeds/{feed.id}",
            why=feed.error,
            since=_failing_since(feed.errors, feed.failing_since or now, now),
        )
        for feed in failing
    ]
    if (more := state.failing - len(failing)) > 0:
        found.append(Trouble(what=f"{more} more fail", href="/feeds?which=failing", things=more))
    return found


def _failing_since(errors: int, since: Millis, now: Millis) -> str:
    return f"failed {ago(since, now)}" if errors == 1 else f"{errors} failures in a row, over {span(now - since)}"


def _of_stream(streamed: Streamed | None, now: Millis) -> list[Trouble]:
    if streamed is None:
        return []
    found = []
    since = streamed.waiting_since
    if streamed.refused is not None or (since is not None and now - since > LATE_MS):
        waits = None if since is None else f"the oldest that waits is from {ago(since, now)}"
        found.append(Trouble(what="Records don't get to their stream", why=streamed.refused, since=waits))
    if streamed.too_large:
        what = f"{counted(streamed.too_large, 'record')} left out of the stream since the start"
        found.append(Trouble(what=what, why="larger than the broker takes (max_payload); the log names them"))
    return found
