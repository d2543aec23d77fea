"""Entries that were missed between two polls of a feed."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("feed", sa.Column("gaps", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("feed", sa.Column("gap_at", sa.BigInteger()))
    op.add_column("feed", sa.Column("missed", sa.Float(), nullable=False, server_default="0"))
