"""What sites put under their articles, learned; lines of records that are to be published, or named anew."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "site",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("learned_at", sa.BigInteger(), nullable=False),
        sa.Column("articles", sa.LargeBinary(), nullable=False),
    )
    for table in ("outbox", "reprint"):
        op.add_column(table, sa.Column("site", sa.Text()))
        op.add_column(table, sa.Column("lines", sa.LargeBinary()))
    op.add_column("entry", sa.Column("removed_lines", sa.SmallInteger(), nullable=False, server_default="0"))
