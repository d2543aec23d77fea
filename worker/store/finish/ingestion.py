"""The draft of an entry, on its way to be judged, and how near-duplicates are taken."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from worker.dedup import Ref
from worker.model import NO_VALIDATORS, Draft, EntryId, IngestDone, Millis, Validators

Near = Literal["link", "off", "drop"]
"""What becomes of near-duplicates: a record each that names the first, as if there were no such thing, or nothing."""
NOTED_VALUES = ("reason", "skipped", "gone_since", "gone_answers")


class Ingestion(NamedTuple):
    """The draft of an entry that is to be judged: work of its own has brought it, or the poll that showed the entry."""

    entry_id: EntryId
    at: Millis
    draft: Draft
    work_id: int | None = None
    """None: it came with its poll."""
    record_id: bytes = b""
    """Where it did."""
    new: Ref | None = None
    """The entry, where it came with this commit: nobody else has changed it."""
    followed: bool = False
    look_at: Millis | None = None
    validators: Validators = NO_VALIDATORS


def ingestion(done: IngestDone) -> Ingestion:
    """What is to be judged of work that has ended."""
    return Ingestion(
        entry_id=done.entry_id,
        at=done.at,
        draft=done.draft,
        work_id=done.lease.work_id,
        followed=done.followed,
        look_at=done.look_at,
        validators=done.validators,
    )


def noted(draft: Draft) -> dict[str, Any]:
    """The columns of an entry that are set whatever became of it."""
    return {"reason": draft.reason, "skipped": None, "gone_since": None, "gone_answers": 0}
