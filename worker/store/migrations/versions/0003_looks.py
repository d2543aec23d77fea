"""Looks at articles that were written: edits, deletions; entries that are no longer kept, or taken down; requests."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("feed", sa.Column("refreshed_at", sa.BigInteger()))
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
