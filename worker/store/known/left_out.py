"""Entries that the rules of their feed leave out: known but not written, and never the original of a duplicate."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from worker import rules
from worker.dedup import Ref, Skip, is_wanted_again, url_key
from worker.model import Draft, EntryId, PollDone, SeenEntry
from worker.store.database import tables as t
from worker.store.known.feeds import free_duplicates
from worker.store.known.keys import stored
from worker.store.known.names import URL, no_of


def backlog_of(connection: Connection, row: Row[Any], done: PollDone, known: Collection[bytes]) -> dict[bytes, str]:
    """The entries of a feed's first poll that are too many or too old: the key of each, with the reason.

    row: of the feed, before the poll. If the feed already has entries (recovered from the output directory after the
    state was lost), this is not really its first poll: whatever is older than those and unknown was left out back then.
    """
    limit = done.backlog
    if row.ok_at is not None or (limit.newest is None and limit.younger_s is None):
        return {}
    wanted = [seen for seen in done.entries if seen.skipped is None and seen.url_key not in known]
    first = connection.scalar(select(func.min(t.entry.c.first_seen_at)).where(t.entry.c.feed_no == no_of(done.feed_id)))
    if first is not None:
        behind = [seen.own for seen in wanted if seen.published is not None and seen.published < first]
        return dict.fromkeys(behind, "it was left behind at the feed's first poll (backlog), as far as can be told")
    out = rules.left_out([seen.published for seen in wanted], limit, done.at)
    return {wanted[place].own: reason for place, reason in out.items()}


def takes_up(connection: Connection, ref: Ref, seen: SeenEntry, *, other_filters: bool) -> bool:
    """Whether an entry that was left out is wanted now. Stores what its feed says of it now and, if it still is not
    wanted, why."""
    mine = t.entry.c.id == ref.entry_id
    said = {"version": seen.version, "title_key": seen.title_key}
    changed = connection.execute(update(t.entry).where(mine, t.entry.c.version != seen.version).values(said)).rowcount
    wanted = is_wanted_again(seen, ref, changed=changed > 0, other_filters=other_filters)
    if wanted:
        connection.execute(update(t.entry).where(mine).values(skipped=None, reason=None))
    elif seen.skipped is not None and ref.skipped != "backlog":
        connection.execute(update(t.entry).where(mine).values(reason=seen.skipped))
    return wanted


def leave_out(connection: Connection, me: Ref, draft: Draft) -> None:
    """Marks an entry whose page shows that it is not wanted. It keeps its URL and its duplicates as long as its page is
    looked at again. If other filters left it out than the feed was last read by, all entries of the feed will be judged
    anew, whatever filters come next."""
    by: Skip = "page"
    values = {"skipped": by, "reason": draft.skipped}
    connection.execute(update(t.entry).where(t.entry.c.id == me.entry_id).values(values))
    others = (t.feed.c.id == me.feed_id, func.coalesce(t.feed.c.filters, b"") != draft.filters)
    connection.execute(update(t.feed).where(*others).values(filters=t.VARIOUS))


def let_others_have(connection: Connection, entry_id: EntryId) -> None:
    """Releases the URL and duplicates of an entry that is left out for good, as its page will not be looked at
    again."""
    mine = t.entry.c.id == entry_id
    row = connection.execute(select(t.entry.c.skipped, URL.label("url")).where(mine)).one()
    if row.skipped is None:
        return
    free_duplicates(connection, select(t.entry.c.id).where(mine))
    if row.url is not None:
        key = stored(url_key(row.url))
        connection.execute(delete(t.identity).where(t.identity.c.key == key, t.identity.c.entry_id == entry_id))
        connection.execute(update(t.entry).where(mine).values(shared_key=key))
