"""The draft of an entry, on its way to be judged."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from worker.dedup import Ref
from worker.model import NO_VALIDATORS, Draft, EntryId, IngestDone, Millis, Validators

Near = Literal["link", "off", "drop"]
"""What is done with near-duplicates. link: each gets a record that names the first. off: they are not looked for. drop:
they get no record."""
NOTED_VALUES = ("reason", "skipped", "gone_since", "gone_answers")


class Ingestion(NamedTuple):
    """The draft of an entry to be judged. It comes from work of its own, or from the poll that showed the entry."""

    entry_id: EntryId
    at: Millis
    draft: Draft
    work_id: int | None = None
    """None if it came with its poll."""
    record_id: bytes = b""
    """Set only if it came with its poll."""
    new: Ref | None = None
    """The entry, if this commit added it, so that nobody else can have changed it."""
    followed: bool = False
    look_at: Millis | None = None
    validators: Validators = NO_VALIDATORS


def ingestion(done: IngestDone) -> Ingestion:
    """The draft of ended work, as an `Ingestion`."""
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
    """The columns of an entry that are set whatever the verdict."""
    return {"reason": draft.reason, "skipped": None, "gone_since": None, "gone_answers": 0}
