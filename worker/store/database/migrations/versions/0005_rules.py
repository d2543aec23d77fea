"""Entries that the rules of their feed leave out."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("feed", sa.Column("filters", sa.LargeBinary()))
    op.add_column("entry", sa.Column("skipped", sa.Text()))
    left_out = sa.text("skipped IS NOT NULL")
    op.create_index("entry_skipped", "entry", ["feed_id"], sqlite_where=left_out, postgresql_where=left_out)
