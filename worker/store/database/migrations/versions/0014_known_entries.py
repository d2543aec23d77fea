"""What an entry is known by in fewer bytes: no index of what follows from its row, 8 bytes of what is compared alone.

A URL whose hash is not its entry's key is found by an index of its own, and not by going through all entries."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from worker.dedup import url_key

revision = "0014"
down_revision = "0013"

_AT_ONCE = 10_000


def upgrade() -> None:
    op.add_column("identity", sa.Column("extra", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("entry", sa.Column("shared_key", sa.LargeBinary()))
    for key in ("version", "revision_key"):
        op.execute(f"UPDATE entry SET {key} = substr({key}, 1, 8) WHERE length({key}) > 8")  # noqa: S608 # our own
    op.execute(
        """
        UPDATE identity SET extra = true
        WHERE NOT EXISTS (SELECT 1 FROM entry WHERE entry.id = identity.entry_id AND entry.record_id = identity.key)
        """
    )
    last = 0
    while rows := _rows(last):
        last = rows[-1].id
        _note_urls([{"entry": row.id, "key": url_key(row.url)} for row in rows if row.url is not None])
    op.drop_index("identity_entry", "identity")
    extra = sa.text("extra")
    # As SQLAlchemy writes a truth for SQLite, which looks for the words of the index.
    op.create_index(
        "identity_extra", "identity", ["entry_id"], sqlite_where=sa.text("extra = 1"), postgresql_where=extra
    )
    shared = sa.text("shared_key IS NOT NULL")
    op.create_index("entry_shared", "entry", ["shared_key"], sqlite_where=shared, postgresql_where=shared)
    op.drop_index("entry_duplicate", "entry")
    copies = sa.text("duplicate_of IS NOT NULL")
    op.create_index("entry_duplicate", "entry", ["duplicate_of"], sqlite_where=copies, postgresql_where=copies)


def _rows(after: int) -> Sequence[sa.Row[tuple[int, str | None]]]:
    some = sa.text("SELECT id, url FROM entry WHERE id > :after ORDER BY id LIMIT :most")
    return op.get_bind().execute(some, {"after": after, "most": _AT_ONCE}).all()


def _note_urls(hashes: Sequence[dict[str, object]]) -> None:
    """Of entries and the hashes of their URLs: which of these are their keys, and which are not."""
    if not hashes:
        return
    connection = op.get_bind()
    connection.execute(sa.text("UPDATE identity SET extra = false WHERE key = :key AND entry_id = :entry"), hashes)
    nobodys = "NOT EXISTS (SELECT 1 FROM identity WHERE key = :key AND entry_id = :entry)"
    connection.execute(
        sa.text(f"UPDATE entry SET shared_key = :key WHERE id = :entry AND {nobodys}"),  # noqa: S608 # our own words
        hashes,
    )
