"""What the status page asks is found by indexes; the outbox knows since when its records were on their way."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("first_seen_at", sa.BigInteger()))
    op.drop_index("entry_feed", "entry")
    op.create_index("entry_feed", "entry", ["feed_id", "first_seen_at"])
    failing, aside = sa.text("errors > 0"), sa.text("quarantined")
    op.create_index("feed_failing", "feed", ["id"], sqlite_where=failing, postgresql_where=failing)
    # As SQLAlchemy writes a truth for SQLite, which looks for the words of the index.
    op.create_index("work_quarantined", "work", ["id"], sqlite_where=sa.text("quarantined = 1"), postgresql_where=aside)
