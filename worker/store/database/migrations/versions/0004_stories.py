"""Near-duplicates: sketches of texts, clusters, and reprints whose original has not come yet."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("entry", sa.Column("cluster_id", sa.LargeBinary()))
    op.add_column("entry", sa.Column("copy_of", sa.LargeBinary()))
    clustered = sa.text("cluster_id IS NOT NULL")
    op.create_index("entry_cluster", "entry", ["cluster_id"], sqlite_where=clustered, postgresql_where=clustered)
    op.add_column("outbox", sa.Column("cluster_id", sa.LargeBinary()))
    op.create_table(
        "sketch",
        sa.Column("entry_id", _ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("bins", sa.LargeBinary(), nullable=False),
        sa.Column("shingles", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "shingle",
        sa.Column("key", _ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "reprint",
        sa.Column("entry_id", _ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("cluster_id", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("url", sa.Text()),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("reprint_cluster", "reprint", ["cluster_id"])
    op.create_index("reprint_expires", "reprint", ["expires_at"])
