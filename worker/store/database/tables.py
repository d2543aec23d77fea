"""The tables. Instants are milliseconds of UTC since 1970; keys are as `keys` stores them, ids of records 16 bytes."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    TypeDecorator,
    UniqueConstraint,
    false,
    literal_column,
    text,
    true,
)
from sqlalchemy import Text as AnyText

from worker.model import DAY_MS

FAR = 9_999_999_999_999
"""Never, as an instant: the year 2286."""

VARIOUS = b"various"
"""In place of the filters that a feed was read by, where entries of it were left out by others: none are these."""

# The order in which a host's work is claimed.
POLL, NEW, RETRY, BACKFILL = range(4)
PRIORITIES = (POLL, NEW, RETRY, BACKFILL)

BUSY = {
    "fillfactor": 70,
    "autovacuum_vacuum_scale_factor": 0.02,
    "autovacuum_analyze_scale_factor": 0.05,
    "autovacuum_vacuum_cost_delay": 0,
}
"""How PostgreSQL keeps tables whose rows change with each piece of work: room on each page for a row's next version,
and vacuumed when a fiftieth of the rows has changed."""

NO_HOST = ""
"""The host of work that asks none: entries for which the feed's own content has to do."""

metadata = MetaData()


def storable(value: str | None) -> str | None:
    """Text as PostgreSQL takes it: it has no NUL characters, which strangers' feeds may."""
    return value.replace("\0", "\ufffd") if value is not None and "\0" in value else value


class _Storable(TypeDecorator[str]):
    impl = AnyText
    cache_ok = True

    def process_bind_param(self, value: str | None, _: object) -> str | None:
        return storable(value)


Text = AnyText().with_variant(_Storable(), "postgresql")


class _Bytes(LargeBinary):
    """As they are: both drivers take and give bytes, and to wrap each of them cost a sixth of a large statement."""

    def bind_processor(self, dialect: Dialect) -> None:
        return None

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


_DURATION = BigInteger().with_variant(Integer, "sqlite")  # ms; SQLite's INTEGER holds as much
_ROW_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows in INTEGER columns alone

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What is kept under a name: see `notes`."""

feed = Table(
    "feed",
    metadata,
    Column("id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("active", Boolean, nullable=False),  # False: no longer in the lists; its history stays
    Column("paused", Boolean, nullable=False, server_default=false()),  # not polled, by the operator's will
    Column("title", Text),
    Column("site_url", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body_hash", _Bytes),
    Column("version_url", Text),  # where the validators came from
    Column("elements", _Bytes),  # short hashes of its entry elements, 8 bytes each
    Column("filters", _Bytes),  # what its entries were judged by, as `Rules.filters_key`, or `VARIOUS`
    Column("hints", _Bytes),  # of the document, as `schedule` encodes them
    Column("history", _Bytes),  # of its publishing, likewise
    Column("added_at", BigInteger, nullable=False),
    Column("polled_at", BigInteger),
    Column("ok_at", BigInteger),  # last poll that went well
    Column("next_at", BigInteger),  # when it is due, whoever holds its work
    Column("why", Text),  # the reason for that
    Column("pace", Text),  # what its owner asked of that, as `Feed.pace`
    Column("new_at", BigInteger),  # last poll that brought a new entry
    Column("status", SmallInteger),
    Column("error", Text),
    Column("errors", Integer, nullable=False),  # failed polls in a row
    Column("failing_since", BigInteger),
    Column("setback", Text),  # the class of the last of them
    Column("setback_weight", Float, nullable=False, server_default="0"),
    # 301 and 308
    Column("moved_to", Text),
    Column("moved_polls", SmallInteger, nullable=False, server_default="0"),
    # 410
    Column("gone_since", BigInteger),
    Column("gone_answers", SmallInteger, nullable=False, server_default="0"),
    Column("retired", Boolean, nullable=False, server_default=false()),
    # 304
    Column("unchanged", Integer, nullable=False, server_default="0"),
    Column("whole_at", BigInteger),
    Column("audit_after", Integer, nullable=False, server_default="32"),
    Column("distrusted_until", BigInteger),
    Column("refreshed_at", BigInteger),  # when all that it shows was last gone through
    Column("suggestion", Text),  # where a lost feed may be, by its site
    Column("flaw", Text),  # what was wrong with its last document, which could be read all the same
    Column("new_last", Integer, nullable=False),  # new entries at the last poll
    Column("new_total", Integer, nullable=False),
    # Documents that had nothing of the one before, and how many entries may have gone by
    Column("gaps", Integer, nullable=False, server_default="0"),
    Column("gap_at", BigInteger),
    Column("missed", Float, nullable=False, server_default="0"),
    Index("feed_failing", "id", sqlite_where=text("errors > 0"), postgresql_where=text("errors > 0")),
    postgresql_with=BUSY,
)

host = Table(
    "host",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("policy_ms", _DURATION, nullable=False, server_default="0"),  # as configured, as is `concurrency`
    Column("concurrency", Integer, nullable=False),
    Column("crawl_ms", _DURATION, nullable=False, server_default="0"),  # robots.txt: Crawl-delay
    Column("share", SmallInteger, nullable=False, server_default="64"),  # of its pace, in 64ths, once it refused
    Column("refused_at", BigInteger),
    Column("delay_ms", _DURATION, nullable=False),  # in force: what follows from the four …
    Column("width", SmallInteger, nullable=False, server_default="1"),  # … and how many slots may be used
    Column("not_before", BigInteger, nullable=False),  # the politeness: moved on by the delay with each claim
    Column("next_at", BigInteger, nullable=False),  # earliest time at which a claim can succeed; derived
    Index("host_next", "next_at"),
    postgresql_with=BUSY,
)

slot = Table(
    "slot",
    metadata,
    Column("host_id", BigInteger, primary_key=True, autoincrement=False),
    Column("k", SmallInteger, primary_key=True, autoincrement=False),
    Column("token", BigInteger, nullable=False),  # moves on with each claim: the fence
    Column("lease_until", BigInteger, nullable=False),  # 0: free
    Column("work_id", BigInteger),
    Column("begun", Boolean, nullable=False, server_default=true()),  # False: nobody has taken the lease up yet
    sqlite_with_rowid=False,
    postgresql_with=BUSY,
)
"""One row for each fetch that may be under way at a host."""


def _on(dialect: str, *indexes: Index | UniqueConstraint) -> Iterator[Index | UniqueConstraint]:
    """Which one of the two databases has alone."""
    for index in indexes:
        index.info["dialect"] = dialect
        yield index.ddl_if(dialect=dialect)


_ON_SQLITE = (
    UniqueConstraint("entry_id"),
    Index("work_poll", "feed_id", unique=True, sqlite_where=text("entry_id IS NULL AND pages IS NULL")),
    Index("work_walk", "feed_id", unique=True, sqlite_where=text("pages IS NOT NULL")),
    Index("work_feed", "feed_id"),
)
_ON_POSTGRESQL = (
    Index("work_entry", "entry_id", unique=True, postgresql_where=text("entry_id IS NOT NULL")),
    Index("work_of_feed", "feed_id", text("coalesce(entry_id, (0 * pages - 1), 0)"), unique=True),
)
"""Each claim and each finish writes a row's entries in all of its indexes anew, where SQLite writes those alone whose
columns have changed. So one says here what three say there: a feed has one poll, one walk, and each entry once."""

work = Table(
    "work",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("host_id", BigInteger, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),  # while it is leased, the end of the lease
    Column("feed_id", Text, nullable=False),
    Column("entry_id", BigInteger),  # NULL: the poll of the feed, or a walk through its older pages …
    Column("pages", SmallInteger),  # … of which so many are left
    Column("url", Text),  # where to ask, once a redirect has led elsewhere; of entries, the page
    Column("hops", SmallInteger, nullable=False),
    Column("permanent", Boolean, nullable=False, server_default=true()),  # all of them were 301 or 308
    Column("seek", Boolean, nullable=False, server_default=false()),  # the feed is lost: `url` is of its site
    Column("subscribe", Boolean, nullable=False, server_default=false()),  # `url` is of the feed's hub, to be asked
    Column("entry", _Bytes),  # the entry as its feed gave it; of a walk, where it goes yet (`walks._Trail`)
    # The entry has changed since it was claimed, or what a feed has known; of a look, its feed is polled first
    Column("again", Boolean, nullable=False),
    Column("tries", SmallInteger, nullable=False),  # fetches of the page that failed
    Column("waits", SmallInteger, nullable=False, server_default="0"),  # times that its host asked for patience
    Column("errors", SmallInteger, nullable=False),  # times the handler failed
    Column("lost", SmallInteger, nullable=False),  # leases that ended unfinished
    # The page was had, or could not be had: when it is looked at again, `due_at` says
    Column("page_etag", Text),
    Column("page_modified", Text),
    Column("quarantined", Boolean, nullable=False),
    Column("error", Text),
    Index("work_next", "host_id", "priority", "due_at", "id"),
    *_on("sqlite", *_ON_SQLITE),
    *_on("postgresql", *_ON_POSTGRESQL),
    Index("work_quarantined", "id", sqlite_where=text("quarantined = 1"), postgresql_where=text("quarantined")),
    postgresql_with=BUSY,
)

subscription = Table(
    "subscription",
    metadata,
    Column("feed_id", Text, primary_key=True),
    Column("hub", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("token", Text, nullable=False, unique=True),  # names our callback: who knows it was told by us
    Column("secret", Text, nullable=False),  # signs what the hub tells
    Column("ask_at", BigInteger, nullable=False),  # when the hub is asked next
    Column("lease_until", BigInteger, nullable=False),  # 0: it has not agreed
    Column("pushed_at", BigInteger),  # when it told of something last
    Column("trusted", Boolean, nullable=False),  # it has told of all that was new since then
    Column("owed", SmallInteger, nullable=False),  # see `subscriptions`
    Column("tries", SmallInteger, nullable=False),  # times in a row that asking failed
    Column("error", Text),
)
"""Hubs that tell of feeds' new entries (WebSub)."""

robots = Table(
    "robots",
    metadata,
    Column("url", Text, primary_key=True),
    Column("text", _Bytes),  # zlib
    Column("see", Text),  # it redirects there
    Column("problem", Text),  # why it could not be read at the last try
    Column("read_at", BigInteger),
    Column("expires_at", BigInteger, nullable=False),
)
"""What sites ask of robots (RFC 9309)."""

name = Table(
    "name",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("text", Text, nullable=False, unique=True),
)
"""What many entries have in common, each once: ids of feeds, and origins of URLs. None is let go of: which are of no
use any more, only all entries together tell, and there are far fewer than keys in `tombstone`."""

seen_on: ColumnElement[int] = literal_column(f"(first_seen_at / {DAY_MS})", BigInteger)
"""The day on which an entry came, UTC, since 1970; in the words of its index, which SQLite finds by them."""

entry = Table(
    "entry",
    metadata,
    # In PostgreSQL a column begins at a multiple of its size: the large ones first.
    Column("id", _ROW_ID, primary_key=True),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger),  # when all that its feed shows was last gone through, and it was there still
    Column("revised_after", BigInteger),  # ms from when it was first seen to its last record
    Column("duplicate_of", BigInteger),
    Column("gone_since", BigInteger),  # 404s and 410s in a row of a page that was there …
    Column("feed_no", Integer, nullable=False),  # in `name`, as is …
    Column("origin_no", Integer),  # … what its URL begins with, up to its path
    Column("revision", Integer, nullable=False),  # of the last record; 0: none
    Column("gone_answers", SmallInteger, nullable=False, server_default="0"),  # … and how many
    Column("removed_lines", SmallInteger, nullable=False, server_default="0"),  # from its last record's text
    Column("extraction", SmallInteger),  # of its last record, as `names` has it
    Column("path", Text),  # the rest of its URL
    Column("record_id", _Bytes, nullable=False),
    Column("shared_key", _Bytes),  # hash of its URL, where in `identity` that is another's, or nobody's
    Column("version", _Bytes, nullable=False),  # hash of what the feed last said of it
    Column("title_key", _Bytes, nullable=False),
    Column("revision_key", _Bytes, nullable=False),  # hash of what its last record says
    Column("text_mark", _Bytes),  # of its last record, where that has a text that is long enough
    Column("cluster_id", _Bytes),  # record_id of the first of its story, where that is another
    Column("copy_of", _Bytes),  # record_id of what its own is a near-duplicate of
    Column("reason", Text),
    Column("skipped", Text),  # left out by its feed's rules: filter, page (when that was read) or backlog (for good)
    Index("entry_feed", "feed_no", seen_on),
    Index(
        "entry_shared",
        "shared_key",
        sqlite_where=text("shared_key IS NOT NULL"),
        postgresql_where=text("shared_key IS NOT NULL"),
    ),
    Index(
        "entry_skipped",
        "feed_no",
        sqlite_where=text("skipped IS NOT NULL"),
        postgresql_where=text("skipped IS NOT NULL"),
    ),
    Index(
        "entry_duplicate",
        "duplicate_of",
        sqlite_where=text("duplicate_of IS NOT NULL"),
        postgresql_where=text("duplicate_of IS NOT NULL"),
    ),
    Index(
        "entry_cluster",
        "cluster_id",
        sqlite_where=text("cluster_id IS NOT NULL"),
        postgresql_where=text("cluster_id IS NOT NULL"),
    ),
)
"""What is known of an entry for as long as it is kept: a few hundred bytes of each of millions. `names` says how its
feed, its URL and its times are read and written."""

identity = Table(
    "identity",
    metadata,
    Column("key", _Bytes, primary_key=True),
    Column("entry_id", BigInteger, nullable=False),
    Column("extra", Boolean, nullable=False, server_default=false()),  # neither its record's id nor its URL's hash
    Index("identity_extra", "entry_id", sqlite_where=text("extra = 1"), postgresql_where=text("extra")),
    sqlite_with_rowid=False,
)
"""The keys under which an entry is known: in its feed, and by canonical URL across feeds. Those that don't follow from
its row are found by it in an index (`identities.forget_keys`)."""

tombstone = Table(
    "tombstone",
    metadata,
    Column("key", _Bytes, primary_key=True),
    sqlite_with_rowid=False,
)
"""Keys of entries that are no longer kept, or were taken down: what comes under them is neither new nor known."""

takedown = Table(
    "takedown",
    metadata,
    Column("record_id", _Bytes, primary_key=True),
)
"""Articles that are forgotten here, and still to be taken out of the output: ids of records, and what may become one,
the key of a URL."""

barred = Table(
    "barred",
    metadata,
    Column("key", _Bytes, primary_key=True),  # of a URL, or the id of a record; all 16 bytes
    Column("at", BigInteger, nullable=False),
    Column("unknown", Boolean, nullable=False),  # nothing was known of it, or never had been
    Column(
        "lifted", Boolean, nullable=False, server_default=false()
    ),  # it may come again, which the output has to hear
)
"""What operators asked to be kept out, by the names that they gave, and what they took down by any."""

request = Table(
    "request",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("answer", Text),  # NULL until it is done
)
"""What commands ask of the engine that holds the state."""

site = Table(
    "site",
    metadata,
    Column("name", Text, primary_key=True),
    Column("learned_at", BigInteger, nullable=False),
    Column("articles", _Bytes, nullable=False),
)
"""What the last articles of a site said, as `dedup.Window` encodes it."""

content = Table(
    "content",
    metadata,
    Column("key", _Bytes, primary_key=True),
    Column("entry_id", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("content_expires", "expires_at"),
    sqlite_with_rowid=False,
)
"""Who has a text, for as long as `dedup.window` says."""

sketch = Table(
    "sketch",
    metadata,
    Column("entry_id", _ROW_ID, primary_key=True, autoincrement=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("bins", _Bytes, nullable=False),
    Column("shingles", _Bytes, nullable=False),  # those that it is filed under, 4 bytes each
)
"""Texts, to know their near-duplicates by, for as long as `dedup.window` says."""

shingle = Table(
    "shingle",
    metadata,
    Column("key", _ROW_ID, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False),
)
"""Whose text is met under which run of words: the first that had it. Each has a few of its own, so that no look-up
brings more than it asks for, however common the words."""

reprint = Table(
    "reprint",
    metadata,
    Column("entry_id", _ROW_ID, primary_key=True, autoincrement=False),
    Column("cluster_id", _Bytes, nullable=False),
    Column("name", Text),
    Column("url", Text),
    Column("body", _Bytes, nullable=False),  # of its record, zlib
    Column("site", Text),
    Column("lines", _Bytes),  # as in the outbox
    Column("expires_at", BigInteger, nullable=False),
    Index("reprint_cluster", "cluster_id"),
    Index("reprint_expires", "expires_at"),
)
"""Records that credit a publication whose own article has not come yet."""

_UNNUMBERED, _NUMBERED = text("segment_id IS NULL"), text("segment_id IS NOT NULL")

outbox = Table(
    "outbox",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("op", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("ingested_at", BigInteger, nullable=False),
    Column("first_seen_at", BigInteger),  # of the entry of a new article
    Column("duplicate_of", _Bytes),  # record_id
    Column("cluster_id", _Bytes),  # record_id
    Column("body", _Bytes, nullable=False),
    Column("site", Text),
    Column("lines", _Bytes),  # of its text, to know those by that are the site's
    Column("seq", BigInteger),
    Column("segment_id", BigInteger),
    Column("shard", SmallInteger, nullable=False, server_default="0"),  # of the output, by the record's id
    Index("outbox_waiting", "shard", "id", sqlite_where=_UNNUMBERED, postgresql_where=_UNNUMBERED),
    Index("outbox_numbered", "segment_id", sqlite_where=_NUMBERED, postgresql_where=_NUMBERED),
)
"""Records that are decided and not yet published; never gone through but by `mark`."""

writer = Table(
    "writer",
    metadata,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
)
"""For each shard of the output the name under which its records are numbered, and the last number given. Who numbers
locks the shard's row first. There are as many as the output has shards, from 0 on."""

segment = Table(
    "segment",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("writer", Text, nullable=False),
    Column("date", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("path", Text),  # NULL until it is published
    Column("sha256", Text),
    Column("shard", SmallInteger, nullable=False, server_default="0"),
    Index("segment_open", "path"),
    Index("segment_shard", "shard", "id"),
)

member = Table(
    "member",
    metadata,
    Column("name", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("roles", Text, nullable=False),  # by commas
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("under_way", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("backlog", Integer),
    Column("trouble", Text),
)
"""The processes that work on a shared state, as they told of themselves last. None in a state that one holds."""
