"""What has been done: counted, and told to the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import structlog

from worker.model import (
    AsBefore,
    Broken,
    Done,
    Draft,
    Finished,
    HandedBack,
    IngestDone,
    Moved,
    PollDone,
    Retry,
    RobotsRead,
    Sought,
    Subscribed,
    Walked,
)

log = structlog.stdlib.get_logger("feedmill.engine")


@dataclass(slots=True)
class Tally:
    """What has been done since the start."""

    polls: int = 0
    unchanged: int = 0
    failed_polls: int = 0
    throttled: int = 0
    """Polls that the server put off (429, 503), which are no failures."""
    entries: int = 0
    """New entries that polls brought."""
    new: int = 0
    """Records with op `new`."""
    updates: int = 0
    duplicates: int = 0
    skipped: int = 0
    """Entries that the rules of their feed leave out."""
    gaps: int = 0
    """Polls that found nothing of what the poll before had seen: entries may have gone by between the two."""
    retries: int = 0
    incomplete: int = 0
    """Records whose page could not be had or read."""
    broken: int = 0
    published: int = 0
    """Records sealed in segments."""

    @property
    def ingested(self) -> int:
        return self.new + self.updates

    def add(self, done: Done, finished: Finished) -> None:
        """Counts what a commit accepted."""
        if not finished.accepted:
            return
        match done:
            case PollDone():
                self.polls += 1
                self.unchanged += done.unchanged
                self.throttled += done.failure == "throttled"
                self.failed_polls += done.error is not None and done.failure != "throttled"
                self.entries += finished.new
                self.duplicates += finished.duplicates
                self.skipped += finished.skipped
                self.gaps += finished.missed is not None
                for entry in finished.ingested:
                    self._ingested(entry.draft, entry.finished)
            case Walked():
                self.entries += finished.new
                self.duplicates += finished.duplicates
                self.skipped += finished.skipped
            case IngestDone():
                self._ingested(done.draft, finished)
            case Retry():
                self.retries += 1
            case Broken():
                self.broken += 1
            case AsBefore() | Moved() | RobotsRead() | Sought() | Subscribed() | HandedBack():
                pass

    def _ingested(self, draft: Draft, finished: Finished) -> None:
        self.new += finished.op == "new"
        self.updates += finished.op == "update"
        self.duplicates += finished.duplicates
        self.skipped += finished.skipped
        self.incomplete += finished.op is not None and draft.extraction not in ("ok", "skipped")


def tell(done: Done, finished: Finished) -> None:
    """One line for each thing done; what changed nothing is for debugging."""
    if not finished.accepted:
        log.warning("lease.lost")
        return
    match done:
        case PollDone(error=str(error), failure="throttled"):
            log.info("feed.throttled", error=error, status=done.status, **_next(done, finished))
        case PollDone(error=str(error)):
            log.warning("feed.failed", error=error, status=done.status, **_next(done, finished))
        case PollDone():
            bound = log.bind()  # once: it is half the cost of a line that nobody wants
            level = logging.INFO if finished.new or finished.changed or finished.skipped else logging.DEBUG
            if bound.is_enabled_for(level):
                bound.log(
                    level,
                    "feed.polled",
                    status=done.status,
                    new=finished.new,
                    changed=finished.changed,
                    duplicates=finished.duplicates,
                    skipped=finished.skipped,
                    unchanged=done.unchanged,
                    **_next(done, finished),
                )
            if finished.missed is not None:
                log.warning("feed.gap", missed=max(1, round(finished.missed)))
            for entry in finished.ingested if bound.is_enabled_for(logging.INFO) else ():
                _tell_ingested(bound, entry.draft, entry.finished, entry=entry.record_id, url=None)
        case Walked():
            log.info("page.read", new=finished.new, known=len(done.entries) - finished.new, more=done.older is not None)
        case Subscribed(error=None):
            log.info("hub.asked")
        case Subscribed(error=error):
            log.warning("hub.not_asked", error=error)
        case Sought(found=None):
            log.info("feed.not_found_by_its_site")
        case Sought():
            log.warning("feed.lost", perhaps=done.found)
        case IngestDone():
            _tell_ingested(log, done.draft, finished)
        case AsBefore():
            log.debug("entry.as_before")
        case Retry():
            log.info("entry.postponed", reason=done.reason)
        case Moved():
            log.debug("redirect.followed", to=done.host)
        case RobotsRead():
            log.debug("robots.read", robots=done.url, problem=done.problem)
        case Broken():
            log.error("job.failed", error=done.error, quarantined=finished.quarantined)
        case HandedBack():
            log.debug("job.handed_back")


def _tell_ingested(log: structlog.stdlib.BoundLogger, draft: Draft, finished: Finished, **name: str | None) -> None:
    """name: of the entry, where that is not bound."""
    tell = log.info if finished.op or finished.skipped else log.debug
    kept_out = "skipped" if finished.skipped else "duplicate" if finished.duplicates else "unchanged"
    reason = draft.skipped if finished.skipped else draft.reason
    tell("entry.ingested", **name, outcome=finished.op or kept_out, extraction=draft.extraction, reason=reason)


def _next(done: PollDone, finished: Finished) -> dict[str, object]:
    wait = None if finished.next_at is None else round((finished.next_at - done.at) / 1000, 1)
    return {"next_poll_in_s": wait, "because": finished.why}
