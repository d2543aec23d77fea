"""The end of work on an entry: taken off the queue, or postponed until the next look at the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, update

from worker.model import Millis, Validators
from worker.store.database import tables as t
from worker.store.finish.ingestion import Ingestion

_MINE = t.work.c.id == bindparam("this")
_AT_REST: dict[str, Any] = {"again": False, "tries": 0, "waits": 0, "errors": 0, "lost": 0, "error": None, "hops": 0}
_BLANK = {"page_etag": None, "page_modified": None}
_DUE: dict[str, Any] = {"due_at": bindparam("then"), "priority": bindparam("place")}
_END = delete(t.work).where(_MINE)
_OFF = delete(t.work).where(_MINE, ~t.work.c.again)
_LATER = update(t.work).where(_MINE, ~t.work.c.again).values(_AT_REST | _DUE)
_LATER_BY_PAGE = _LATER.values({"page_etag": bindparam("etag"), "page_modified": bindparam("modified")})
_AGAIN = update(t.work).where(_MINE).values(_AT_REST | _BLANK | _DUE)


def take_off(
    connection: Connection, work_id: int | None, at: Millis, *, look_at: Millis | None, validators: Validators | None
) -> bool:
    """Takes the work off the queue or, with `look_at`, postpones it until then. If the feed has changed its description
    of the entry meanwhile (`again`), the work is due `at` once instead. Returns whether it is off the queue.

    work_id: None if the entry came with its poll and had no work. validators: of the page as it was read; None keeps
    those stored.
    """
    if work_id is None:
        return True
    values: dict[str, Any] = {"this": work_id}
    if look_at is None:
        taken = connection.execute(_OFF, values)
    else:
        values |= {"then": look_at, "place": t.BACKFILL}
        if validators is None:
            taken = connection.execute(_LATER, values)
        else:
            told = {"etag": validators.etag, "modified": validators.last_modified}
            taken = connection.execute(_LATER_BY_PAGE, values | told)
    if not taken.rowcount:
        connection.execute(_AGAIN, {"this": work_id, "then": at, "place": t.NEW})
    return bool(taken.rowcount) and look_at is None


def take_off_all(connection: Connection, ended: Sequence[Ingestion]) -> None:
    """Like `take_off`, for work that is known not to be `again`."""
    end_all(connection, [done for done in ended if done.look_at is None])
    later = [
        {
            "this": done.work_id,
            "then": done.look_at,
            "place": t.BACKFILL,
            "etag": done.validators.etag,
            "modified": done.validators.last_modified,
        }
        for done in ended
        if done.work_id is not None and done.look_at is not None
    ]
    if later:
        connection.execute(_LATER_BY_PAGE, later)


def end_all(connection: Connection, ended: Sequence[Ingestion]) -> None:
    """Deletes the work, even if it is `again`."""
    if off := [{"this": done.work_id} for done in ended if done.work_id is not None]:
        connection.execute(_END, off)
