"""The tables as each of the two databases has them."""

from __future__ import annotations

from sqlalchemy import Column, MetaData

from worker.store.database.tables import metadata


def tables_on(dialect: str) -> MetaData:
    """tables.py's, without what the other database has alone: Alembic's comparison takes no notice of `ddl_if`. Of
    SQLite it can't read indexes of expressions: those are compared by their words (`schema_of`)."""
    found = MetaData()
    for table in metadata.sorted_tables:
        copy = table.to_metadata(found)
        others = {index.name for index in table.indexes if index.info.get("dialect", dialect) != dialect}
        if dialect == "sqlite":
            others |= {
                index.name for index in table.indexes if not all(isinstance(e, Column) for e in index.expressions)
            }
        copy.indexes = {index for index in copy.indexes if index.name not in others}
        copy.constraints = {one for one in copy.constraints if one.info.get("dialect", dialect) == dialect}
    return found
