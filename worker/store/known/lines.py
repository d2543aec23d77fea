"""Lines that belong to a site rather than to an article: learned when articles are written, cut when they are
published.

They are not cut sooner, so that a site's first articles benefit from what they teach while they wait in the outbox; and
not later, because what is published never changes. The hashes of an article cover its whole text, so learning a line
never causes a new revision.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Insert, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from worker import dedup
from worker.dedup import Window
from worker.model import DAY_MS, Draft, EntryId, Millis
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.known.keys import stored

FORGET_MS = 90 * DAY_MS
"""What was learned of a site is dropped when the site has published nothing for this long."""

_BY_NAME = select(t.site.c.name, t.site.c.articles).where(t.site.c.name.in_(bindparam("names", expanding=True)))
_HOLD_BY_NAME = _BY_NAME.order_by(t.site.c.name).with_for_update(key_share=True)
_BODIES = select(t.outbox.c.id, t.outbox.c.body).where(t.outbox.c.id.in_(bindparam("rows", expanding=True)))
_CUT = update(t.outbox).where(t.outbox.c.id == bindparam("row")).values(body=bindparam("cut"))
_HOLDER = select(t.identity.c.entry_id).where(t.identity.c.key == bindparam("record")).scalar_subquery()
_NOTE = update(t.entry).where(t.entry.c.id == _HOLDER).values(removed_lines=bindparam("count"))

_TAGS = re.compile(r"</?[a-z]+>")
_BEGIN = re.compile(r"\A(?:<(?:ul|ol|li|blockquote|pre|table)>)*")
_END = re.compile(r"(?:</(?:ul|ol|li|blockquote|pre|table)>)*\Z")


def _learning(new: postgresql.Insert | sqlite.Insert) -> Insert:
    values = {"articles": new.excluded.articles, "learned_at": new.excluded.learned_at}
    return new.on_conflict_do_update(index_elements=[t.site.c.name], set_=values)


_LEARN = {"postgresql": _learning(postgresql.insert(t.site)), "sqlite": _learning(sqlite.insert(t.site))}
"""The upsert, by SQL dialect."""


def learn(connection: Connection, written: Sequence[tuple[EntryId, Draft]], *, now: Millis) -> None:
    """Learns from the texts of articles for which a record was written."""
    teaching = [(entry_id, draft) for entry_id, draft in written if draft.lines]
    if not teaching:
        return
    windows = _windows(connection, {draft.site for _, draft in teaching}, by=_HOLD_BY_NAME)
    said: dict[str, list[tuple[int, bytes]]] = {}
    for entry_id, draft in teaching:
        said.setdefault(draft.site, []).append((entry_id, draft.lines))
    for site, articles in said.items():
        windows[site] = windows.get(site, Window()).after(*articles)
    connection.execute(
        _LEARN[connection.dialect.name],
        [{"name": name, "articles": windows[name].encode(), "learned_at": now} for name in sorted(windows)],
    )


def leave_out(connection: Connection, rows: Sequence[tuple[int, str, bytes]]) -> None:
    """Cuts the lines that belong to their sites from records in the outbox. rows: the id of each record, its site, and
    its lines."""
    windows = _windows(connection, {site for _, site, _ in rows})
    repeated = {site: window.repeated() for site, window in windows.items()}
    learned = [(row, lines, repeated[site]) for row, site, lines in rows if repeated.get(site)]
    found = {row: out for row, lines, said in learned if (out := dedup.taken_out(lines, said))}
    if not found:
        return
    cuts: list[dict[str, object]] = []
    notes: list[dict[str, object]] = []
    for batch in chunks(sorted(found)):
        for row in connection.execute(_BODIES, {"rows": batch}):
            record = orjson.loads(row.body)
            cuts.append({"row": row.id, "cut": orjson.dumps(_without(record, found[row.id]))})
            notes.append({"record": stored(bytes.fromhex(record["id"])), "count": len(found[row.id])})
    connection.execute(_CUT, cuts)
    connection.execute(_NOTE, notes)


def forget_sites(connection: Connection, *, now: Millis) -> None:
    """Drops what was learned of sites that have published nothing for a long time."""
    connection.execute(delete(t.site).where(t.site.c.learned_at < now - FORGET_MS))


def _windows(connection: Connection, sites: Collection[str], *, by: Any = _BY_NAME) -> dict[str, Window]:
    found: dict[str, Window] = {}
    for batch in chunks(sorted(sites)):
        rows = connection.execute(by, {"names": batch})
        found.update((row.name, Window.decode(row.articles)) for row in rows)
    return found


def _without(record: dict[str, Any], places: Collection[int]) -> dict[str, Any]:
    """The record without the lines of its text at `places`, nor those of its HTML."""
    text = "\n".join(line for place, line in enumerate(record["content_text"].split("\n")) if place not in places)
    kept: dict[str, str] = {"content_text": text}
    if "content_html" in record:
        kept["content_html"] = html_without(record["content_html"], places)
    said = {"word_count": dedup.word_count(kept["content_text"]), "removed_lines": len(places)}
    return {**record, **kept, "_ingest": {**record["_ingest"], **said}}


def html_without(html: str, places: Collection[int]) -> str:
    """An article's HTML (see `articles.rich`) without the lines at `places`; what began in front of one of them begins
    in front of the next line, and what ended behind it ends behind the last one."""
    kept: list[str] = []
    begun: list[str] = []
    for place, line in enumerate(html.split("\n")):
        if place not in places:
            kept.append("".join(begun) + line)
            begun.clear()
            continue
        begun += _TAGS.findall(_BEGIN.findall(line)[0])
        for tag in _TAGS.findall(_END.findall(line)[0]):
            if begun:
                begun.pop()
            elif kept:
                kept[-1] += tag
    return "\n".join(kept)
