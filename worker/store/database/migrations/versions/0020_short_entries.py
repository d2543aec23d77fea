"""An entry in a half of the bytes: its feed and the origin of its URL are numbers, what is compared alone is shorter.

The table is written anew, in the order of its ids: rows that only became shorter would take the pages that they had."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ORIGIN = "CASE {find}(substr(url, 9), '/') WHEN 0 THEN url ELSE substr(url, 1, {find}(substr(url, 9), '/') + 8) END"
"""Of a URL: up to the first "/" that is none of those in "https://"."""
_COLUMNS = """
    id, first_seen_at, duplicate_of, gone_since, revision, gone_answers, removed_lines, record_id, shared_key,
    cluster_id, copy_of, extraction, reason, skipped
"""


def upgrade() -> None:
    shared = op.get_bind().dialect.name == "postgresql"
    origin = _ORIGIN.format(find="strpos" if shared else "instr")
    op.create_table(
        "name",
        sa.Column("no", sa.Integer(), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False, unique=True),
    )
    op.execute(
        f"""
        INSERT INTO name (text)
        SELECT feed_id FROM entry UNION SELECT {origin} FROM entry WHERE url IS NOT NULL ORDER BY 1
        """  # noqa: S608 # our own words
    )
    op.rename_table("entry", "before")
    if shared:
        op.execute("ALTER INDEX entry_pkey RENAME TO before_pkey")
        op.execute("ALTER SEQUENCE entry_id_seq RENAME TO before_id_seq")
    op.create_table(
        "entry",
        sa.Column("id", _ROW_ID, primary_key=True),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger()),
        sa.Column("revised_after", sa.BigInteger()),
        sa.Column("duplicate_of", sa.BigInteger()),
        sa.Column("gone_since", sa.BigInteger()),
        sa.Column("feed_no", sa.Integer(), nullable=False),
        sa.Column("origin_no", sa.Integer()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("gone_answers", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("removed_lines", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("path", sa.Text()),
        sa.Column("record_id", sa.LargeBinary(), nullable=False),
        sa.Column("shared_key", sa.LargeBinary()),
        sa.Column("version", sa.LargeBinary(), nullable=False),
        sa.Column("title_key", sa.LargeBinary(), nullable=False),
        sa.Column("revision_key", sa.LargeBinary(), nullable=False),
        sa.Column("text_mark", sa.LargeBinary()),
        sa.Column("cluster_id", sa.LargeBinary()),
        sa.Column("copy_of", sa.LargeBinary()),
        sa.Column("extraction", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("skipped", sa.Text()),
    )
    op.execute(
        f"""
        INSERT INTO entry ({_COLUMNS}, seen_at, revised_after, feed_no, origin_no, path, version, title_key,
            revision_key, text_mark)
        SELECT {_COLUMNS}, nullif(seen_at, first_seen_at), revised_at - first_seen_at, feed.no, begin.no,
            substr(url, length(begin.text) + 1), {_first("version")}, {_first("title_key")},
            {_first("revision_key")}, substr(text_key, 1, 8)
        FROM before JOIN name AS feed ON feed.text = feed_id LEFT JOIN name AS begin ON begin.text = {origin}
        ORDER BY id
        """  # noqa: S608 # our own words
    )
    op.drop_table("before")
    if shared:
        op.execute("SELECT setval('entry_id_seq', (SELECT coalesce(max(id), 0) FROM entry) + 1, false)")
    op.create_index("entry_feed", "entry", ["feed_no", sa.text("(first_seen_at / 86400000)")])
    _index("entry_shared", "shared_key", "shared_key IS NOT NULL")
    _index("entry_skipped", "feed_no", "skipped IS NOT NULL")
    _index("entry_duplicate", "duplicate_of", "duplicate_of IS NOT NULL")
    _index("entry_cluster", "cluster_id", "cluster_id IS NOT NULL")


def _first(key: str) -> str:
    """Its first 5 bytes. SQLite takes those of none for NULL."""
    return f"coalesce(substr({key}, 1, 5), {key})"


def _index(name: str, column: str, of: str) -> None:
    op.create_index(name, "entry", [column], sqlite_where=sa.text(of), postgresql_where=sa.text(of))
