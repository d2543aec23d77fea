"""Everything that the pages, probes and metrics need; put together by `wiring.outside`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.cpu.pool import Load
from worker.model import Feed, FeedId, Millis, State
from worker.pipeline import Streamed
from worker.schedule import Silence
from worker.store import FeedStatus, Reader
from worker.telemetry.meters import Meters
from worker.telemetry.vitals import Vitals
from worker.web.activity import Activity
from worker.web.figures import Figures


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
    """The stream of records; None: there is none."""
    reader: Reader
    figures: Figures
    activity: Activity
    feeds: Callable[[], Mapping[FeedId, Feed]]
    """Those listed now."""
    silent: Callable[[], Mapping[FeedId, Silence]]
    """As of the last look."""
    ask: Callable[[str, str], Awaitable[int]]
    """Leaves a request for the engine, given as verb and subject. Returns its number."""
    clock: Callable[[], Millis]

    def name_of(self, feed: FeedStatus) -> str:
        """The name its list gives it, or else its own title, or else its id."""
        listed = self.feeds().get(feed.id)
        return (listed and listed.title) or feed.title or feed.id
