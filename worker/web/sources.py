"""What the pages, probes and metrics are made of; `app` puts it together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.cpu.pool import Load
from worker.meters import Meters
from worker.model import Feed, FeedId, Millis, State
from worker.pipeline import Streamed
from worker.schedule import Silence
from worker.store import FeedStatus, Reader
from worker.vitals import Vitals
from worker.web.figures import Activity, Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    version: str
    state: State
    output: Path
    seal_after_ms: int
    vitals: Vitals
    meters: Meters
    cpu: Load
    streamed: Streamed | None
    """Of records; None: they go to no stream."""
    reader: Reader
    figures: Figures
    activity: Activity
    feeds: Callable[[], Mapping[FeedId, Feed]]
    """Those that are listed now."""
    silent: Callable[[], Mapping[FeedId, Silence]]
    """As of the last look."""
    ask: Callable[[str, str], Awaitable[int]]
    """Leaves a request, a verb and its subject, for the engine; its number."""
    clock: Callable[[], Millis]

    def name_of(self, feed: FeedStatus) -> str:
        """As its list calls it, else as it calls itself, else its id."""
        listed = self.feeds().get(feed.id)
        return (listed and listed.title) or feed.title or feed.id
