"""What the rows of many entries have in common, as numbers: the ids of their feeds, the origins of their URLs, and what
came of their pages.

A row says `feed_no`, `origin_no` and `path`, and `extraction` as a place in `EXTRACTIONS`. Queries read `FEED_ID` and
`URL`, and ask by `no_of`; who writes has the numbers of `numbers_of`, and the columns of `url_columns`. Written out, in
the row and in the index of each feed's entries, feeds and origins took a fifth of the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, ScalarSelect, insert, literal_column, select

from worker.model import Extraction
from worker.store.database import tables as t
from worker.store.database.batches import bound
from worker.store.database.dialects import Among, Many, is_sqlite

# As words: SQLAlchemy would go through the parts of each with every statement that has them.
FEED_ID = literal_column("(SELECT text FROM name WHERE no = entry.feed_no)", t.Text).label("feed_id")
URL = literal_column("(SELECT text FROM name WHERE no = entry.origin_no) || entry.path", t.Text).label("url")
"""NULL where it has none."""
REVISED_AT = literal_column("entry.first_seen_at + entry.revised_after", BigInteger).label("revised_at")
"""NULL where it has no record."""

EXTRACTIONS: Final[tuple[Extraction, ...]] = ("ok", "feed_only", "blocked", "paywalled", "failed", "skipped")
"""For ever in this order: SQLite has 0 and 1, the most common, without a byte."""

_ADD = insert(t.name).returning(t.name.c.no)
_LAST = "SELECT coalesce(max(no), 0) FROM name"
_ADD_NUMBERED = Many(insert(t.name))
_BY_TEXT = Among(lambda which: select(t.name.c.text, t.name.c.no).where(which(t.name.c.text)))


def revised(columns: Iterable[str]) -> dict[str, Any]:
    """As `batches.bound`, for columns of entries of which one is `revised_at`."""
    values: dict[str, Any] = bound(columns)
    return values | {"revised_after": values.pop("revised_at") - t.entry.c.first_seen_at}


def no_of(text: Any) -> ScalarSelect[int]:
    """The number of a text, or of a column with texts; NULL where it has none."""
    return select(t.name.c.no).where(t.name.c.text == text).scalar_subquery()


def nos_of(texts: Iterable[str]) -> Any:
    """A query for those of them that there are."""
    return select(t.name.c.no).where(t.name.c.text.in_(texts))


def numbers_of(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """The numbers of texts, given to those that have none yet."""
    wanted = set(texts)
    found = numbers_given(connection, wanted)
    return found | give_numbers(connection, wanted - found.keys())


def numbers_given(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """The numbers of those of the texts that have one."""
    return {row.text: row.no for row in _BY_TEXT.rows(connection, set(texts))}


def give_numbers(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """The numbers of texts that had none. SQLite's, which has this one writer, are the next."""
    texts = sorted(texts)
    if texts and is_sqlite(connection):
        last = connection.exec_driver_sql(_LAST).scalar_one()
        given = {text: last + place for place, text in enumerate(texts, 1)}
        _ADD_NUMBERED.execute(connection, [{"no": no, "text": text} for text, no in given.items()])
        return given
    return {text: connection.execute(_ADD, {"text": text}).scalar_one() for text in texts}


def origin(url: str) -> str:
    """What a URL begins with, up to the slash that begins its path; all of it where there is none."""
    return url[: url.find("/", len("https://")) + 1] or url


def url_columns(url: str | None, numbers: Mapping[str, int]) -> dict[str, object]:
    """The columns for a canonical URL. numbers: at least of its origin."""
    if url is None:
        return {"origin_no": None, "path": None}
    begins = origin(url)
    return {"origin_no": numbers[begins], "path": url[len(begins) :]}


def code_of(extraction: Extraction) -> int:
    return EXTRACTIONS.index(extraction)


def extraction_of(code: int | None) -> Extraction | None:
    return None if code is None else EXTRACTIONS[code]
