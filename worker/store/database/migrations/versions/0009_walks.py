"""Older pages of a feed are work beside its poll."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("work", sa.Column("pages", sa.SmallInteger()))
    op.drop_index("work_poll", "work")
    poll = sa.text("entry_id IS NULL AND pages IS NULL")
    op.create_index("work_poll", "work", ["feed_id"], unique=True, sqlite_where=poll, postgresql_where=poll)
    walk = sa.text("pages IS NOT NULL")
    op.create_index("work_walk", "work", ["feed_id"], unique=True, sqlite_where=walk, postgresql_where=walk)
