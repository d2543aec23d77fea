"""Logs what has been done."""

from __future__ import annotations

import logging

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


def tell(done: Done, finished: Finished) -> None:
    """Logs one line for each result; at level debug if it changed nothing."""
    if not finished.accepted:
        log.warning("lease.lost")
        return
    match done:
        case PollDone(error=str(error), failure="throttled"):
            log.info("feed.throttled", error=error, status=done.status, **_next(done, finished))
        case PollDone(error=str(error)):
            log.warning("feed.failed", error=error, status=done.status, **_next(done, finished))
        case PollDone():
            _tell_polled(done, finished)
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


def _tell_polled(done: PollDone, finished: Finished) -> None:
    bound = log.bind()  # only once: it is half the cost of a line that is not logged
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


def _tell_ingested(log: structlog.stdlib.BoundLogger, draft: Draft, finished: Finished, **name: str | None) -> None:
    """name: the entry's id and URL, unless they are bound already."""
    tell = log.info if finished.op or finished.skipped else log.debug
    reason = draft.skipped if finished.skipped else draft.reason
    tell("entry.ingested", **name, outcome=finished.outcome, extraction=draft.extraction, reason=reason)


def _next(done: PollDone, finished: Finished) -> dict[str, object]:
    wait = None if finished.next_at is None else round((finished.next_at - done.at) / 1000, 1)
    return {"next_poll_in_s": wait, "because": finished.why}
