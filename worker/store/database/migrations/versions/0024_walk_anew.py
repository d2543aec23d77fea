"""Feeds whose older pages are to be read again from the beginning, in place of walks that rested until then."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("feed", sa.Column("walk_anew", sa.Boolean(), nullable=False, server_default=sa.false()))
    unlisted = "SELECT id FROM feed WHERE NOT active"
    walked = "SELECT feed_id FROM work WHERE pages IS NOT NULL"
    op.execute(f"UPDATE feed SET walk_anew = true WHERE NOT active AND id IN ({walked})")  # noqa: S608
    op.execute(f"DELETE FROM work WHERE pages IS NOT NULL AND feed_id IN ({unlisted})")  # noqa: S608
