"""Leases that nobody has taken up are told from work that is under way."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("slot", sa.Column("begun", sa.Boolean(), nullable=False, server_default=sa.true()))
