"""Feeds may be paused."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("feed", sa.Column("paused", sa.Boolean(), nullable=False, server_default=sa.false()))
