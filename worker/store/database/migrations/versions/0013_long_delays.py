"""Delays of more than 24 days, which SQLite's integers hold as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.alter_column("host", "delay_ms", type_=sa.BigInteger())
    for name in ("policy_ms", "crawl_ms"):
        op.alter_column("host", name, type_=sa.BigInteger(), server_default="0")
