"""Entries that are not in the store yet, as rows of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from worker.dedup import Ref, Skip, url_key
from worker.model import EntryId, PollDone, SeenEntry
from worker.store.finish.duplicates import SAME_URL, original
from worker.store.known.keys import stored
from worker.store.known.names import url_columns

_ROOM, _ROOM_FOR_PAGE = bytes(13), bytes(17)
"""Written as `revision_key` of a new entry to reserve space in its row for what the first record adds; if a page is
read first, for the time until then, too. Rows that grow make SQLite split their pages: a tenth of them stayed empty."""


class Fresh(NamedTuple):
    """An entry that is not in the store yet."""

    seen: SeenEntry
    by_url: Ref | None = None
    claims_url: bool = False
    skipped: Skip | None = None
    of: Ref | None = None
    """The entry that it is a duplicate of."""

    def row(self, done: PollDone, numbers: Mapping[str, int]) -> dict[str, object]:
        """The row to be added. numbers: of the names that its feed and URL have in the store."""
        seen = self.seen
        return {
            "feed_no": numbers[done.feed_id],
            "record_id": seen.own,
            **url_columns(seen.url, numbers),
            "shared_key": None if self.claims_url or seen.url is None else stored(seen.url_key or url_key(seen.url)),
            "version": seen.version,
            "title_key": seen.title_key,
            "first_seen_at": done.at,
            "revision": self._revision,
            "revision_key": b"" if self.of or self.skipped else _ROOM if seen.page is None else _ROOM_FOR_PAGE,
            "duplicate_of": self._duplicate_of,
            "skipped": self.skipped,
            "reason": seen.skipped if self.of is None else SAME_URL,
        }

    def ref(self, done: PollDone, entry_id: EntryId) -> Ref:
        """The entry as it is known once its row was added."""
        return Ref(
            entry_id=entry_id,
            feed_id=done.feed_id,
            title_key=self.seen.title_key,
            revision=self._revision,
            revision_key=b"",
            text_mark=None,
            duplicate_of=self._duplicate_of,
            skipped=self.skipped,
            record_id=self.seen.own,
            version=self.seen.version,
            url=self.seen.url,
        )

    @property
    def _revision(self) -> int:
        return 0 if self.of is None else revision_of(self.seen)

    @property
    def _duplicate_of(self) -> EntryId | None:
        return None if self.of is None else original(self.of)


def revision_of(seen: SeenEntry) -> int:
    """The revision of a duplicate: 1 if a record that points to the original is written, else 0."""
    return 0 if seen.pointer is None else 1
