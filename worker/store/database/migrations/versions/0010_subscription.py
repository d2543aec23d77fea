"""Hubs that tell of feeds' new entries (WebSub)."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("work", sa.Column("subscribe", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "subscription",
        sa.Column("feed_id", sa.Text(), primary_key=True),
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False, unique=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("ask_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("pushed_at", sa.BigInteger()),
        sa.Column("trusted", sa.Boolean(), nullable=False),
        sa.Column("owed", sa.SmallInteger(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("error", sa.Text()),
    )
