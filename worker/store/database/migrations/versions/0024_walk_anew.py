"""Feeds whose older pages are to be read again from the beginning."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("feed", sa.Column("walk_anew", sa.Boolean(), nullable=False, server_default=sa.false()))
