"""What a poll brought, judged and written: which entries are new is known only here, inside the commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, select, update

from worker import urls
from worker.dedup import Duplicate, Known, New, Ref, place
from worker.model import EntryId, Finished, Millis, PollDone, SeenEntry, Sought
from worker.schedule import next_revision
from worker.store import tables as t
from worker.store.batches import chunks
from worker.store.entries import original, write_duplicate
from worker.store.feeds import Policies, add_work, host_id_of, host_ids
from worker.store.graves import dead_keys, note_seen
from worker.store.refs import refs_by_key
from worker.store.standing import Planner, Standing, after, moves_of

AT_HOME = {"url": None, "hops": 0, "permanent": True, "seek": False, "priority": t.POLL}
"""The work of a poll as it begins."""

_FEED_VALUES = tuple(
    column.name for column in t.feed.c if column.name not in ("id", "url", "active", "paused", "added_at")
)
_WORK_VALUES = ("url", "hops", "permanent", "seek", "priority", "due_at", "errors", "lost", "error")


def _bound(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """`to_` keeps the names apart from the columns', which SQLAlchemy would take for the row's own."""
    return {f"to_{name}": values[name] for name in names}


_UPDATE_FEED = (
    update(t.feed).where(t.feed.c.id == bindparam("this")).values({n: bindparam(f"to_{n}") for n in _FEED_VALUES})
)
_UPDATE_WORK = (
    update(t.work)
    .where(t.work.c.id == bindparam("this"))
    .values({n: bindparam(f"to_{n}") for n in (*_WORK_VALUES, "host_id")})
)


def finish_polls(
    connection: Connection, batch: Sequence[PollDone], *, policies: Policies, planner: Planner
) -> list[tuple[Finished, set[int]]]:
    """For each poll what became of its entries, and the hosts that it gave work to; the feeds' state and next time.

    A statement costs more to build than to carry out: those that every poll needs are built once, and carried out for
    all of them together.
    """
    rows: dict[str, Row[Any]] = {}
    for ids in chunks([done.feed_id for done in batch]):
        rows.update((row.id, row) for row in connection.execute(select(t.feed).where(t.feed.c.id.in_(ids))))
    results: list[tuple[Finished, set[int]]] = []
    feeds: list[dict[str, Any]] = []
    work: list[dict[str, Any]] = []
    for done in batch:
        row = rows[done.feed_id]
        counts, came, touched = _entries(connection, done, policies)
        standing = after(row, done, came, planner)
        known = row._mapping
        totals = {"new_last": counts.new, "new_total": known["new_total"] + counts.new}
        totals["new_at"] = done.at if counts.new else known["new_at"]
        feeds.append(_bound({**known, **standing.values, **totals}, _FEED_VALUES) | {"this": done.feed_id})
        work.append(_next_work(done, standing))
        results.append((replace(counts, next_at=standing.values["next_at"], why=standing.values["why"]), touched))
    if batch:
        homes = host_ids(connection, {urls.host_of(row["home"]) for row in work}, policies)
        for row_of_work, (_, touched) in zip(work, results, strict=True):
            home = homes[urls.host_of(row_of_work.pop("home"))]
            row_of_work["to_host_id"] = home
            touched.add(home)
        connection.execute(_UPDATE_FEED, feeds)
        connection.execute(_UPDATE_WORK, work)
    return results


def _next_work(done: PollDone, standing: Standing) -> dict[str, Any]:
    values: dict[str, Any] = {**AT_HOME, "due_at": standing.due.due_at if standing.due else t.FAR}
    if standing.seek is not None:
        values |= {"url": standing.seek, "seek": True, "priority": t.BACKFILL, "due_at": done.at}
    bound = _bound({**values, "errors": 0, "lost": 0, "error": None}, _WORK_VALUES)
    return {**bound, "this": done.lease.work_id, "home": standing.seek or standing.home}


def finish_seeking(connection: Connection, done: Sought, *, policies: Policies) -> tuple[Finished, set[int]]:
    """What its site says of a lost feed; then it is asked as before, at its time."""
    row = connection.execute(select(t.feed).where(t.feed.c.id == done.feed_id)).one()
    suggestion = None if done.found == row.url else done.found
    connection.execute(update(t.feed).where(t.feed.c.id == done.feed_id).values(suggestion=suggestion))
    home = host_id_of(connection, moves_of(row).in_force or row.url, policies)
    due_at = t.FAR if row.next_at is None else row.next_at
    _requeue(connection, done.lease.work_id, {**AT_HOME, "host_id": home, "due_at": due_at})
    return Finished(next_at=row.next_at, why=row.why or ""), {home}


def call_home(connection: Connection, policies: Policies, *which: ColumnElement[bool]) -> None:
    """Ends the looking for feeds that are lost, or for those `which`: their own addresses are asked next. Nobody must
    be at that work."""
    work_id = t.work.c.id.label("work_id")
    seeking = select(t.feed, work_id).join(t.work, t.work.c.feed_id == t.feed.c.id).where(t.work.c.seek, *which)
    for row in connection.execute(seeking).all():
        home = host_id_of(connection, moves_of(row).in_force or row.url, policies)
        _requeue(connection, row.work_id, {**AT_HOME, "host_id": home})


def _requeue(connection: Connection, work_id: int, values: dict[str, Any]) -> None:
    """`values` are `AT_HOME`, and what goes with it."""
    fresh = {"errors": 0, "lost": 0, "error": None}
    connection.execute(update(t.work).where(t.work.c.id == work_id).values(fresh | values))


def _entries(
    connection: Connection, done: PollDone, policies: Policies
) -> tuple[Finished, list[Millis | None], set[int]]:
    """What became of the entries, the dates of those that are new to the feed, and the hosts that have work now."""
    came: list[Millis | None] = []
    if not done.entries:
        return Finished(), came, set()
    keys = {key for seen in done.entries for key in (*seen.look_up, seen.own)}
    keys |= {seen.url_key for seen in done.entries if seen.url_key}
    known = refs_by_key(connection, keys)
    new = changed = duplicates = 0
    queue: list[dict[str, object]] = []
    dead = dead_keys(connection, keys - known.keys())
    still_there: list[int] = []
    for seen in done.entries:
        if not dead.isdisjoint((*seen.look_up, seen.own, *([seen.url_key] if seen.url_key else []))):
            continue
        by_key = next((known[key] for key in seen.look_up if key in known), None)
        by_url = known.get(seen.url_key) if seen.url_key else None
        verdict = place(seen, feed_id=done.feed_id, by_key=by_key, by_url=by_url)
        match verdict:
            case Known(ref):
                _remember(connection, known, ref, [seen.own])
                still_there.append(ref.entry_id)
                due_at = _changed(connection, ref, seen, done.at)
                if due_at is not None:
                    changed += 1
                    page = _own_page(seen, ref, by_url)
                    queue.append({**_work(done, seen, ref.entry_id, page=page), "due_at": due_at})
            case New(claims_url):
                new += 1
                came.append(seen.published)
                ref = _add(connection, done, seen, duplicate_of=None)
                _remember(connection, known, ref, [seen.own, *([seen.url_key] if claims_url and seen.url_key else [])])
                queue.append(_work(done, seen, ref.entry_id, page=_own_page(seen, ref, by_url)))
            case Duplicate(of):
                duplicates += 1
                came.append(seen.published)
                ref = _add(connection, done, seen, duplicate_of=original(of))
                _remember(connection, known, ref, [seen.own])
                write_duplicate(connection, of, body=seen.pointer, at=done.at)
            case _:
                assert_never(verdict)
    if done.refresh:
        note_seen(connection, still_there, at=done.at)
    unqueued, touched = _not_yet_queued(connection, queue, policies)
    touched |= add_work(connection, unqueued, policies)
    return Finished(new=new, changed=changed, duplicates=duplicates), came, touched


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
        seen_at=done.at,
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


def _changed(connection: Connection, ref: Ref, seen: SeenEntry, now: Millis) -> Millis | None:
    """When to read an entry anew of which the feed says something else than before; notes what it says now. None: it
    says the same, or it is a duplicate, which is its original's."""
    if ref.duplicate_of is not None:
        return None
    other = (t.entry.c.id == ref.entry_id) & (t.entry.c.version != seen.version)
    statement = update(t.entry).where(other).values(version=seen.version, title_key=seen.title_key)
    row = connection.execute(statement.returning(t.entry.c.revision, t.entry.c.revised_at)).one_or_none()
    return None if row is None else next_revision(now=now, revision=row.revision, revised_at=row.revised_at)


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


def _not_yet_queued(
    connection: Connection, queue: list[dict[str, object]], policies: Policies
) -> tuple[list[dict[str, object]], set[int]]:
    """What is queued already gets the feed's latest words, and is not queued twice; with the hosts of whose work
    something changed. `again` tells `finish_entry` of work that is under way with older words; what waits for another
    look at its page is due with the new ones."""
    by_entry = {row["entry_id"]: row for row in queue}
    touched: set[int] = set()
    held = (t.slot.c.host_id == t.work.c.host_id) & (t.slot.c.work_id == t.work.c.id)
    under_way = select(t.slot.c.work_id).where(held).exists().label("under_way")
    for batch in chunks(list(by_entry)):
        rows = connection.execute(select(t.work, under_way).where(t.work.c.entry_id.in_(batch))).all()
        for row in rows:
            queued = by_entry.pop(row.entry_id)
            values: dict[str, Any] = {"entry": queued["entry"], "again": bool(row.under_way)}
            if not row.under_way and row.priority == t.BACKFILL:
                values |= {"priority": t.NEW, "due_at": queued["due_at"], "page_etag": None, "page_modified": None}
            if not row.under_way and not row.hops and row.url != queued["url"]:
                name = str(queued["host"])
                values |= {"url": queued["url"], "host_id": host_ids(connection, {name}, policies)[name]}
            connection.execute(update(t.work).where(t.work.c.id == row.id).values(values))
            touched |= {row.host_id, values.get("host_id", row.host_id)}
    return list(by_entry.values()), touched
