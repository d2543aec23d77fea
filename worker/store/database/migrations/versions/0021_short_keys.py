"""Keys in 10 bytes, what came of a page as a number, slots without ids of their own.

Each table is written anew, in the order of its key: rows that only became shorter would take the pages that they had.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_EXTRACTIONS = ("ok", "feed_only", "blocked", "paywalled", "failed", "skipped")
_KEY, _SHARED_KEY = "substr(key, 1, 10)", "substr(shared_key, 1, 10)"
_SAME = """
    id, first_seen_at, seen_at, revised_after, duplicate_of, gone_since, feed_no, origin_no, revision, gone_answers,
    removed_lines, path, record_id, version, title_key, revision_key, text_mark, cluster_id, copy_of, reason, skipped
"""


def upgrade() -> None:
    _renew_entries()
    _renew(
        "identity",
        [
            sa.Column("key", sa.LargeBinary(), primary_key=True),
            sa.Column("entry_id", sa.BigInteger(), nullable=False),
            sa.Column("extra", sa.Boolean(), nullable=False, server_default=sa.false()),
        ],
        {"key": _KEY, "entry_id": "entry_id", "extra": "extra"},
        sqlite_with_rowid=False,
    )
    # As SQLAlchemy writes a truth for SQLite, which looks for the words of the index.
    _index("identity", "identity_extra", "entry_id", "extra = 1", "extra")
    _renew("tombstone", [sa.Column("key", sa.LargeBinary(), primary_key=True)], {"key": _KEY}, sqlite_with_rowid=False)
    _renew(
        "content",
        [
            sa.Column("key", sa.LargeBinary(), primary_key=True),
            sa.Column("entry_id", sa.BigInteger(), nullable=False),
            sa.Column("expires_at", sa.BigInteger(), nullable=False),
        ],
        {"key": _KEY, "entry_id": "entry_id", "expires_at": "expires_at"},
        sqlite_with_rowid=False,
    )
    op.create_index("content_expires", "content", ["expires_at"])
    if not _is_shared():
        same = ("host_id", "k", "token", "lease_until", "work_id", "begun")
        _renew(
            "slot",
            [
                sa.Column("host_id", sa.BigInteger(), primary_key=True, autoincrement=False),
                sa.Column("k", sa.SmallInteger(), primary_key=True, autoincrement=False),
                sa.Column("token", sa.BigInteger(), nullable=False),
                sa.Column("lease_until", sa.BigInteger(), nullable=False),
                sa.Column("work_id", sa.BigInteger()),
                sa.Column("begun", sa.Boolean(), nullable=False, server_default=sa.true()),
            ],
            dict(zip(same, same, strict=True)),
            sqlite_with_rowid=False,
        )


def _renew_entries() -> None:
    codes = " ".join(f"WHEN '{name}' THEN {code}" for code, name in enumerate(_EXTRACTIONS))
    same = [name.strip() for name in _SAME.split(",")]
    _renew(
        "entry",
        [
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
            sa.Column("extraction", sa.SmallInteger()),
            sa.Column("path", sa.Text()),
            sa.Column("record_id", sa.LargeBinary(), nullable=False),
            sa.Column("shared_key", sa.LargeBinary()),
            sa.Column("version", sa.LargeBinary(), nullable=False),
            sa.Column("title_key", sa.LargeBinary(), nullable=False),
            sa.Column("revision_key", sa.LargeBinary(), nullable=False),
            sa.Column("text_mark", sa.LargeBinary()),
            sa.Column("cluster_id", sa.LargeBinary()),
            sa.Column("copy_of", sa.LargeBinary()),
            sa.Column("reason", sa.Text()),
            sa.Column("skipped", sa.Text()),
        ],
        dict(zip(same, same, strict=True))
        | {"shared_key": _SHARED_KEY, "extraction": f"CAST(CASE extraction {codes} END AS smallint)"},
    )
    if _is_shared():
        op.execute("SELECT setval('entry_id_seq', (SELECT coalesce(max(id), 0) FROM entry) + 1, false)")
    op.create_index("entry_feed", "entry", ["feed_no", sa.text("(first_seen_at / 86400000)")])
    for name, column, of in (
        ("entry_shared", "shared_key", "shared_key"),
        ("entry_skipped", "feed_no", "skipped"),
        ("entry_duplicate", "duplicate_of", "duplicate_of"),
        ("entry_cluster", "cluster_id", "cluster_id"),
    ):
        _index("entry", name, column, f"{of} IS NOT NULL", f"{of} IS NOT NULL")


def _renew(table: str, columns: Sequence[sa.Column[Any]], values: dict[str, str], **options: bool) -> None:
    """values: of each column, in words of the old table; first those of its primary key. Of keys that were one, should
    there be such, the first is kept."""
    op.rename_table(table, "before")
    if _is_shared():
        op.execute(f"ALTER INDEX {table}_pkey RENAME TO before_pkey")
        if table == "entry":
            op.execute("ALTER SEQUENCE entry_id_seq RENAME TO before_id_seq")
    op.create_table(table, *columns, **options)
    op.execute(
        f"""
        INSERT INTO {table} ({", ".join(values)}) SELECT {", ".join(values.values())} FROM before WHERE true
        ORDER BY {next(iter(values))} ON CONFLICT DO NOTHING
        """  # noqa: S608 # our own words
    )
    op.drop_table("before")


def _index(table: str, name: str, column: str, of: str, shared_of: str) -> None:
    op.create_index(name, table, [column], sqlite_where=sa.text(of), postgresql_where=sa.text(shared_of))


def _is_shared() -> bool:
    return op.get_bind().dialect.name == "postgresql"
