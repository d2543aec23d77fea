"""On PostgreSQL a claim and a finish of a poll write three indexes of its work, not five."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # which writes those alone whose columns change
    op.drop_constraint("work_entry_id_key", "work")
    op.create_index("work_entry", "work", ["entry_id"], unique=True, postgresql_where=sa.text("entry_id IS NOT NULL"))
    for name in ("work_poll", "work_walk", "work_feed"):
        op.drop_index(name, "work")
    one_of = sa.text("coalesce(entry_id, (0 * pages - 1), 0)")
    op.create_index("work_of_feed", "work", ["feed_id", one_of], unique=True)
