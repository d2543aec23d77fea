"""How feeds and hosts stand (schedule, moves, 410s, trust in 304s, refusals), robots.txt; looks at articles that were
written, entries that are no longer kept or were taken down; requests of commands."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in (
        sa.Column("version_url", sa.Text()),
        sa.Column("hints", sa.LargeBinary()),
        sa.Column("history", sa.LargeBinary()),
        sa.Column("ok_at", sa.BigInteger()),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("why", sa.Text()),
        sa.Column("setback", sa.Text()),
        sa.Column("setback_weight", sa.Float(), nullable=False, server_default="0"),
        sa.Column("moved_to", sa.Text()),
        sa.Column("moved_polls", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("gone_since", sa.BigInteger()),
        sa.Column("gone_answers", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("retired", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("unchanged", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("whole_at", sa.BigInteger()),
        sa.Column("audit_after", sa.Integer(), nullable=False, server_default="32"),
        sa.Column("distrusted_until", sa.BigInteger()),
        sa.Column("suggestion", sa.Text()),
        sa.Column("refreshed_at", sa.BigInteger()),
    ):
        op.add_column("feed", column)
    for column in (
        sa.Column("policy_ms", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("crawl_ms", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("share", sa.SmallInteger(), nullable=False, server_default="64"),
        sa.Column("refused_at", sa.BigInteger()),
        sa.Column("width", sa.SmallInteger(), nullable=False, server_default="1"),
    ):
        op.add_column("host", column)
    # What was configured was what was in force.
    op.execute("UPDATE host SET policy_ms = delay_ms, width = concurrency")
    op.execute("UPDATE feed SET setback_weight = errors, version_url = url, refreshed_at = polled_at")
    for column in (
        sa.Column("permanent", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("seek", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("waits", sa.SmallInteger(), nullable=False, server_default="0"),
    ):
        op.add_column("work", column)
    op.create_table(
        "robots",
        sa.Column("url", sa.Text(), primary_key=True),
        sa.Column("text", sa.LargeBinary()),
        sa.Column("see", sa.Text()),
        sa.Column("problem", sa.Text()),
        sa.Column("read_at", sa.BigInteger()),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    for column in (
        sa.Column("revised_at", sa.BigInteger()),
        sa.Column("seen_at", sa.BigInteger()),
        sa.Column("gone_since", sa.BigInteger()),
        sa.Column("gone_answers", sa.SmallInteger(), nullable=False, server_default="0"),
    ):
        op.add_column("entry", column)
    op.add_column("work", sa.Column("page_etag", sa.Text()))
    op.add_column("work", sa.Column("page_modified", sa.Text()))
    op.create_table("takedown", sa.Column("record_id", sa.LargeBinary(), primary_key=True))
    op.create_table(
        "request",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text()),
    )
    op.create_table("tombstone", sa.Column("key", sa.LargeBinary(), primary_key=True), sqlite_with_rowid=False)
