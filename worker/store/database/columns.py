"""Kinds of columns, as both databases keep them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, TypeDecorator
from sqlalchemy import Text as AnyText


def storable(value: str | None) -> str | None:
    """Text as PostgreSQL accepts it: without NUL characters, which some feeds contain."""
    return value.replace("\0", "\ufffd") if value is not None and "\0" in value else value


class _Storable(TypeDecorator[str]):
    impl = AnyText
    cache_ok = True

    def process_bind_param(self, value: str | None, _: object) -> str | None:
        return storable(value)


Text = AnyText().with_variant(_Storable(), "postgresql")


class Bytes(LargeBinary):
    """Passed as they are: both drivers take and give bytes, and wrapping each value cost a sixth of a large statement's
    time."""

    def bind_processor(self, dialect: Dialect) -> None:
        return None

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


DURATION = BigInteger().with_variant(Integer, "sqlite")
"""In ms: SQLite's INTEGER holds as much."""
ROW_ID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite assigns row numbers only in INTEGER columns."""
