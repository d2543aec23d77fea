"""Values that many entries share, stored as numbers: feed ids, origins of URLs, and the outcome of extraction.

A row has `feed_no`, `origin_no` and `path`, and `extraction` as an index into `EXTRACTIONS`. Queries select `FEED_ID`
and `URL` and filter by `no_of`; writers get numbers from `numbers_of` and columns from `url_columns`. As strings, in
the rows and in the index of each feed's entries, feeds and origins took a fifth of the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, ScalarSelect, insert, literal_column, select

from worker.model import Extraction
from worker.store.database import tables as t
from worker.store.database.batches import bound
from worker.store.database.columns import Text
from worker.store.database.dialects import Among, Many, is_sqlite

# As literal SQL: SQLAlchemy would walk through the parts of each expression in every statement that uses it.
FEED_ID = literal_column("(SELECT text FROM name WHERE no = entry.feed_no)", Text).label("feed_id")
URL = literal_column("(SELECT text FROM name WHERE no = entry.origin_no) || entry.path", Text).label("url")
"""NULL where the entry has none."""
REVISED_AT = literal_column("entry.first_seen_at + entry.revised_after", BigInteger).label("revised_at")
"""NULL where the entry has no record."""

EXTRACTIONS: Final[tuple[Extraction, ...]] = ("ok", "feed_only", "blocked", "paywalled", "failed", "skipped")
"""This order never changes. The two most common come first, because SQLite stores 0 and 1 without a byte of their
own."""

_ADD = insert(t.name).returning(t.name.c.no)
_LAST = "SELECT coalesce(max(no), 0) FROM name"
_ADD_NUMBERED = Many(insert(t.name))
_BY_TEXT = Among(lambda which: select(t.name.c.text, t.name.c.no).where(which(t.name.c.text)))


def revised(columns: Iterable[str]) -> dict[str, Any]:
    """Like `batches.bound`, for columns of `entry` that include `revised_at`."""
    values: dict[str, Any] = bound(columns)
    return values | {"revised_after": values.pop("revised_at") - t.entry.c.first_seen_at}


def no_of(text: Any) -> ScalarSelect[int]:
    """The number of a text, which may also be a text column; NULL if it has none."""
    return select(t.name.c.no).where(t.name.c.text == text).scalar_subquery()


def nos_of(texts: Iterable[str]) -> Any:
    """A query for the numbers of those texts that have one."""
    return select(t.name.c.no).where(t.name.c.text.in_(texts))


def numbers_of(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """The number of each text; texts that have none get one."""
    wanted = set(texts)
    found = numbers_given(connection, wanted)
    return found | give_numbers(connection, wanted - found.keys())


def numbers_given(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """The numbers of those texts that already have one."""
    return {row.text: row.no for row in _BY_TEXT.rows(connection, set(texts))}


def give_numbers(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """Gives numbers to texts that have none, and returns them. In SQLite, where nobody else writes, they are simply the
    next ones."""
    texts = sorted(texts)
    if texts and is_sqlite(connection):
        last = connection.exec_driver_sql(_LAST).scalar_one()
        given = {text: last + place for place, text in enumerate(texts, 1)}
        _ADD_NUMBERED.execute(connection, [{"no": no, "text": text} for text, no in given.items()])
        return given
    return {text: connection.execute(_ADD, {"text": text}).scalar_one() for text in texts}


def origin(url: str) -> str:
    """A URL up to and including the slash that begins its path; all of it if it has none."""
    return url[: url.find("/", len("https://")) + 1] or url


def url_columns(url: str | None, numbers: Mapping[str, int]) -> dict[str, object]:
    """The columns that store a canonical URL. numbers: must have that of its origin."""
    if url is None:
        return {"origin_no": None, "path": None}
    begins = origin(url)
    return {"origin_no": numbers[begins], "path": url[len(begins) :]}


def code_of(extraction: Extraction) -> int:
    return EXTRACTIONS.index(extraction)


def extraction_of(code: int | None) -> Extraction | None:
    return None if code is None else EXTRACTIONS[code]
