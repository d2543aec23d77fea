"""The output may be in shards, each with a writer of its own: a table for what were two rows of `meta`.

Of work that is due at the same instant, what was queued first is first, on every database."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "writer",
        sa.Column("shard", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
    )
    op.execute(
        """
        INSERT INTO writer (shard, name, last_seq)
        SELECT 0, writer.value, CAST(last_seq.value AS BIGINT)
        FROM meta AS writer JOIN meta AS last_seq ON last_seq.key = 'last_seq'
        WHERE writer.key = 'writer'
        """
    )
    op.execute("DELETE FROM meta WHERE key IN ('writer', 'last_seq')")
    for table in ("outbox", "segment"):
        op.add_column(table, sa.Column("shard", sa.SmallInteger(), nullable=False, server_default="0"))
    op.create_index("segment_shard", "segment", ["shard", "id"])
    op.drop_index("outbox_segment", "outbox")
    unnumbered, numbered = sa.text("segment_id IS NULL"), sa.text("segment_id IS NOT NULL")
    op.create_index("outbox_waiting", "outbox", ["shard", "id"], sqlite_where=unnumbered, postgresql_where=unnumbered)
    op.create_index("outbox_numbered", "outbox", ["segment_id"], sqlite_where=numbered, postgresql_where=numbered)
    op.drop_index("work_next", "work")
    op.create_index("work_next", "work", ["host_id", "priority", "due_at", "id"])
