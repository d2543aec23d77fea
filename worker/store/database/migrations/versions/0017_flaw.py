"""What was wrong with the last document of a feed that could be read all the same."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("feed", sa.Column("flaw", sa.Text()))
