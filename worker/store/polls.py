"""What a poll brought, judged and written: which entries are new is known only here, inside the commit."""

from __future__ import annotations

from typing import Any, assert_never

from sqlalchemy import Connection, func, insert, select, update

from worker import urls
from worker.dedup import Duplicate, Known, New, Ref, place
from worker.model import EntryId, Finished, PollDone, SeenEntry
from worker.store import tables as t
from worker.store.batches import chunks
from worker.store.entries import original, write_duplicate
from worker.store.feeds import Policies, add_work, host_ids
from worker.store.refs import refs_by_key


def finish_poll(connection: Connection, done: PollDone, *, policies: Policies) -> tuple[Finished, set[int]]:
    """The poll's entries, state and next time; and the hosts that it gave work to."""
    counts, touched = _entries(connection, done, policies)
    url = connection.execute(select(t.feed.c.url).where(t.feed.c.id == done.feed_id)).scalar_one()
    name = urls.host_of(url)
    home = host_ids(connection, {name}, policies)[name]
    connection.execute(update(t.feed).where(t.feed.c.id == done.feed_id).values(_feed_values(done, counts.new)))
    connection.execute(
        update(t.work)
        .where(t.work.c.id == done.lease.work_id)
        .values(host_id=home, url=None, hops=0, due_at=done.next_due, errors=0, lost=0, error=None)
    )
    return counts, touched | {home}


def _feed_values(done: PollDone, new: int) -> dict[str, Any]:
    values: dict[str, Any] = {"polled_at": done.at, "status": done.status, "error": done.error, "new_last": new}
    if done.error is None:
        values |= {"errors": 0, "failing_since": None}
    elif not done.throttled:
        since = t.feed.c.failing_since
        values |= {"errors": t.feed.c.errors + 1, "failing_since": func.coalesce(since, done.at)}
    if new:
        values |= {"new_at": done.at, "new_total": t.feed.c.new_total + new}
    version = done.version
    if version is not None:
        validators = {"etag": version.validators.etag, "last_modified": version.validators.last_modified}
        values |= {**validators, "body_hash": version.body_hash}
        values |= {"title": _or(version.title, t.feed.c.title), "site_url": _or(version.site_url, t.feed.c.site_url)}
        if version.elements is not None:
            values["elements"] = b"".join(version.elements)
    return values


def _or(value: str | None, column: Any) -> Any:
    return column if value is None else value


def _entries(connection: Connection, done: PollDone, policies: Policies) -> tuple[Finished, set[int]]:
    if not done.entries:
        return Finished(), set()
    keys = {key for seen in done.entries for key in (*seen.look_up, seen.own)}
    known = refs_by_key(connection, keys | {seen.url_key for seen in done.entries if seen.url_key})
    new = changed = duplicates = 0
    queue: list[dict[str, object]] = []
    for seen in done.entries:
        by_key = next((known[key] for key in seen.look_up if key in known), None)
        by_url = known.get(seen.url_key) if seen.url_key else None
        verdict = place(seen, feed_id=done.feed_id, by_key=by_key, by_url=by_url)
        match verdict:
            case Known(ref):
                _remember(connection, known, ref, [seen.own])
                if _has_changed(connection, ref, seen):
                    changed += 1
                    queue.append(_work(done, seen, ref.entry_id, page=_own_page(seen, ref, by_url)))
            case New(claims_url):
                new += 1
                ref = _add(connection, done, seen, duplicate_of=None)
                _remember(connection, known, ref, [seen.own, *([seen.url_key] if claims_url and seen.url_key else [])])
                queue.append(_work(done, seen, ref.entry_id, page=_own_page(seen, ref, by_url)))
            case Duplicate(of):
                duplicates += 1
                ref = _add(connection, done, seen, duplicate_of=original(of))
                _remember(connection, known, ref, [seen.own])
                write_duplicate(connection, of, body=seen.pointer, at=done.at)
            case _:
                assert_never(verdict)
    touched = add_work(connection, _not_yet_queued(connection, queue), policies)
    return Finished(new=new, changed=changed, duplicates=duplicates), touched


def _add(connection: Connection, done: PollDone, seen: SeenEntry, *, duplicate_of: EntryId | None) -> Ref:
    # A duplicate has a record where pointers are written.
    revision = 0 if duplicate_of is None or seen.pointer is None else 1
    statement = insert(t.entry).values(
        feed_id=done.feed_id,
        record_id=seen.own,
        url=seen.url,
        version=seen.version,
        title_key=seen.title_key,
        first_seen_at=done.at,
        revision=revision,
        revision_key=b"",
        duplicate_of=duplicate_of,
        reason=None if duplicate_of is None else "its URL is another entry's",
    )
    entry_id = EntryId(connection.execute(statement.returning(t.entry.c.id)).scalar_one())
    return Ref(
        entry_id=entry_id,
        feed_id=done.feed_id,
        title_key=seen.title_key,
        revision=revision,
        revision_key=b"",
        text_key=None,
        duplicate_of=duplicate_of,
    )


def _remember(connection: Connection, known: dict[bytes, Ref], ref: Ref, keys: list[bytes]) -> None:
    missing = [key for key in keys if key not in known]
    if missing:
        connection.execute(insert(t.identity), [{"key": key, "entry_id": ref.entry_id} for key in missing])
        known.update((key, ref) for key in missing)


def _has_changed(connection: Connection, ref: Ref, seen: SeenEntry) -> bool:
    """Whether the feed says something else than before; notes what it says now. A duplicate is its original's."""
    if ref.duplicate_of is not None:
        return False
    other = (t.entry.c.id == ref.entry_id) & (t.entry.c.version != seen.version)
    return bool(
        connection.execute(update(t.entry).where(other).values(version=seen.version, title_key=seen.title_key)).rowcount
    )


def _own_page(seen: SeenEntry, ref: Ref, by_url: Ref | None) -> str | None:
    """What to fetch for an entry. A page that lists many things is not this one's article: the feed's own words are."""
    shared = by_url is not None and by_url.feed_id == ref.feed_id and by_url.entry_id != ref.entry_id
    return None if shared else seen.page


def _work(done: PollDone, seen: SeenEntry, entry_id: EntryId, *, page: str | None) -> dict[str, object]:
    return {
        "feed_id": done.feed_id,
        "entry_id": entry_id,
        "priority": t.NEW,
        "host": seen.host if page else t.NO_HOST,
        "url": page,
        "due_at": done.at,
        "entry": seen.entry,
    }


def _not_yet_queued(connection: Connection, queue: list[dict[str, object]]) -> list[dict[str, object]]:
    """What is queued already gets the feed's latest words, and is not queued twice. `again` tells `finish_entry` of
    work that was under way meanwhile with older ones."""
    by_entry = {row["entry_id"]: row for row in queue}
    for batch in chunks(list(by_entry)):
        rows = connection.execute(select(t.work.c.id, t.work.c.entry_id).where(t.work.c.entry_id.in_(batch))).all()
        for row in rows:
            queued = by_entry.pop(row.entry_id)
            connection.execute(update(t.work).where(t.work.c.id == row.id).values(entry=queued["entry"], again=True))
    return list(by_entry.values())
