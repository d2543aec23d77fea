"""Processes that share a state tell what they can't do now."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("member", sa.Column("trouble", sa.Text()))
