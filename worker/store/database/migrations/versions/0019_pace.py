"""By what interval or cron line of its owner's a feed's next poll was planned."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("feed", sa.Column("pace", sa.Text()))
