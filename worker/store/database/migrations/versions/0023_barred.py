"""Since when an article is kept out, and whether anything had been known of it."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "barred",
        sa.Column("key", sa.LargeBinary(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("unknown", sa.Boolean(), nullable=False),
        sa.Column("lifted", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
