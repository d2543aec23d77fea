"""The tables. Times are milliseconds since 1970 (UTC). Keys are stored in the short form of `keys`, record ids with all
16 bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    UniqueConstraint,
    and_,
    exists,
    false,
    literal_column,
    text,
    true,
)

from worker.model import DAY_MS, Millis
from worker.store.database.columns import DURATION, ROW_ID, Bytes, Text

FAR = 9_999_999_999_999
"""The time that stands for "never": the year 2286."""

VARIOUS = b"various"
"""Stands in `feed.filters` if entries of the feed were left out by other filters: it equals no filters."""

# The order in which a host's work is claimed.
POLL, NEW, RETRY, BACKFILL = range(4)
PRIORITIES = (POLL, NEW, RETRY, BACKFILL)

BUSY = {
    "fillfactor": 70,
    "autovacuum_vacuum_scale_factor": 0.02,
    "autovacuum_analyze_scale_factor": 0.05,
    "autovacuum_vacuum_cost_delay": 0,
}
"""How PostgreSQL keeps tables whose rows change with each piece of work: with room on each page for the next version of
a row, and vacuumed when a fiftieth of the rows has changed."""

NO_HOST = ""
"""The host of work that fetches nothing: entries for which the feed's own content is used."""

metadata = MetaData()


def _where(sqlite: str, postgresql: str | None = None) -> dict[str, Any]:
    """Limits an index to these rows; postgresql: in its words, if they differ."""
    return {"sqlite_where": text(sqlite), "postgresql_where": text(postgresql or sqlite)}


meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Values stored under a name; see `notes`."""

feed = Table(
    "feed",
    metadata,
    Column("id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("active", Boolean, nullable=False),  # False: no longer in the lists; its history stays
    Column("paused", Boolean, nullable=False, server_default=false()),  # the operator has stopped it from being polled
    Column("title", Text),
    Column("site_url", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body_hash", Bytes),
    Column("version_url", Text),  # where the validators came from
    Column("elements", Bytes),  # short hashes of its entry elements, 8 bytes each
    Column("filters", Bytes),  # those its entries were judged by (`Rules.filters_key`), or `VARIOUS`
    Column("hints", Bytes),  # of the document, as `schedule` encodes them
    Column("history", Bytes),  # of its publishing, likewise
    Column("added_at", BigInteger, nullable=False),
    Column("polled_at", BigInteger),
    Column("ok_at", BigInteger),  # last poll that went well
    Column("next_at", BigInteger),  # when it is due, even while its work is leased
    Column("why", Text),  # the reason for that
    Column("pace", Text),  # the interval or cron line it is listed with (`Feed.pace`)
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
    # Its older pages were not read to their end, or entries that they may have shown were dropped unread
    Column("walk_anew", Boolean, nullable=False, server_default=false()),
    Column("refreshed_at", BigInteger),  # when it was last read whole
    Column("suggestion", Text),  # where a lost feed may be, according to its site
    Column("flaw", Text),  # what was wrong with its last document, if it could be read all the same
    Column("new_last", Integer, nullable=False),  # new entries at the last poll
    Column("new_total", Integer, nullable=False),
    # Documents with no entry of the one before, and how many entries were probably missed
    Column("gaps", Integer, nullable=False, server_default="0"),
    Column("gap_at", BigInteger),
    Column("missed", Float, nullable=False, server_default="0"),
    Index("feed_failing", "id", **_where("errors > 0")),
    postgresql_with=BUSY,
)

host = Table(
    "host",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("policy_ms", DURATION, nullable=False, server_default="0"),  # as configured, like `concurrency`
    Column("concurrency", Integer, nullable=False),
    Column("crawl_ms", DURATION, nullable=False, server_default="0"),  # robots.txt: Crawl-delay
    Column("share", SmallInteger, nullable=False, server_default="64"),  # of its normal pace, in 64ths
    Column("refused_at", BigInteger),
    Column("delay_ms", DURATION, nullable=False),  # the delay in force, which follows from these four …
    Column("width", SmallInteger, nullable=False, server_default="1"),  # … and how many slots may be used
    Column("not_before", BigInteger, nullable=False),  # moved on by the delay with each claim
    Column("next_at", BigInteger, nullable=False),  # earliest time at which a claim can succeed; derived
    Index("host_next", "next_at"),
    postgresql_with=BUSY,
)

slot = Table(
    "slot",
    metadata,
    Column("host_id", BigInteger, primary_key=True, autoincrement=False),
    Column("k", SmallInteger, primary_key=True, autoincrement=False),
    Column("token", BigInteger, nullable=False),  # grows with each claim, so that old leases are refused
    Column("lease_until", BigInteger, nullable=False),  # 0: free
    Column("work_id", BigInteger),
    Column("begun", Boolean, nullable=False, server_default=true()),  # False: nobody has taken the lease up yet
    sqlite_with_rowid=False,
    postgresql_with=BUSY,
)
"""One row for each fetch that a host allows at the same time."""


def _on(dialect: str, *indexes: Index | UniqueConstraint) -> Iterator[Index | UniqueConstraint]:
    """Indexes that only one of the two databases has."""
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
"""A feed has one poll, one walk, and each of its entries once. PostgreSQL writes a row's entries in all of its indexes
anew with each claim and each finish, while SQLite writes only those whose columns changed. So here one index ensures
what takes three there."""

work = Table(
    "work",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("host_id", BigInteger, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),  # while it is leased, the end of the lease
    Column("feed_id", Text, nullable=False),
    Column("entry_id", BigInteger),  # NULL: a poll of the feed, or a walk through its older pages …
    Column("pages", SmallInteger),  # … of which so many may still be read
    Column("url", Text),  # of a poll, where a redirect has led; of an entry, its page
    Column("hops", SmallInteger, nullable=False),
    Column("permanent", Boolean, nullable=False, server_default=true()),  # all these redirects were 301 or 308
    Column("seek", Boolean, nullable=False, server_default=false()),  # the feed is lost: `url` is a page of its site
    Column("subscribe", Boolean, nullable=False, server_default=false()),  # `url` is the feed's hub, to be asked
    Column("entry", Bytes),  # the entry as its feed gave it; of a walk, where it still goes (`walks._Trail`)
    # Since the claim, the entry has changed or entries of the polled feed were forgotten; of a look: its feed is first
    Column("again", Boolean, nullable=False),
    Column("tries", SmallInteger, nullable=False),  # fetches of the page that failed
    Column("waits", SmallInteger, nullable=False, server_default="0"),  # times its host asked to wait
    Column("errors", SmallInteger, nullable=False),  # internal errors
    Column("lost", SmallInteger, nullable=False),  # leases in a row that ended without a result
    # Validators of the page, for the next look at it, which is at `due_at`
    Column("page_etag", Text),
    Column("page_modified", Text),
    Column("quarantined", Boolean, nullable=False),
    Column("error", Text),
    Index("work_next", "host_id", "priority", "due_at", "id"),
    *_on("sqlite", *_ON_SQLITE),
    *_on("postgresql", *_ON_POSTGRESQL),
    Index("work_quarantined", "id", **_where("quarantined = 1", "quarantined")),
    postgresql_with=BUSY,
)

in_its_slot = and_(slot.c.host_id == work.c.host_id, slot.c.work_id == work.c.id)
is_under_way = exists().where(in_its_slot)
"""Whether somebody is doing a piece of work."""
is_poll = and_(work.c.entry_id.is_(None), work.c.pages.is_(None))
"""Whether it is the poll of a feed, not an entry or a walk."""


def is_held(now: Millis) -> ColumnElement[bool]:
    """Whether a host will not be asked for longer than its delay: by a second, as one that was asked since the caller
    looked at the clock is not held."""
    return host.c.not_before - now > host.c.delay_ms + 1000


subscription = Table(
    "subscription",
    metadata,
    Column("feed_id", Text, primary_key=True),
    Column("hub", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("token", Text, nullable=False, unique=True),  # part of our callback URL, which only the hub knows
    Column("secret", Text, nullable=False),  # the hub signs its messages with it
    Column("ask_at", BigInteger, nullable=False),  # when the hub is asked next
    Column("lease_until", BigInteger, nullable=False),  # 0: it has not agreed
    Column("pushed_at", BigInteger),  # when it last announced something
    Column("trusted", Boolean, nullable=False),  # it has announced everything new since then
    Column("owed", SmallInteger, nullable=False),  # see `subscriptions`
    Column("tries", SmallInteger, nullable=False),  # times in a row that asking failed
    Column("error", Text),
)
"""Subscriptions at hubs that announce feeds' new entries (WebSub)."""

robots = Table(
    "robots",
    metadata,
    Column("url", Text, primary_key=True),
    Column("text", Bytes),  # zlib
    Column("see", Text),  # where it redirects to
    Column("problem", Text),  # why it could not be read at the last try
    Column("read_at", BigInteger),
    Column("expires_at", BigInteger, nullable=False),
)
"""Copies of robots.txt (RFC 9309)."""

name = Table(
    "name",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("text", Text, nullable=False, unique=True),
)
"""Strings that many entries share, each stored once: ids of feeds, and origins of URLs. None is ever deleted: to find
unused ones, all entries would have to be read, and there are far fewer of these than keys in `tombstone`."""

seen_on: ColumnElement[int] = literal_column(f"(first_seen_at / {DAY_MS})", BigInteger)
"""The UTC day on which an entry was first seen, in days since 1970. Written exactly as in the index, because SQLite
only then uses it."""

entry = Table(
    "entry",
    metadata,
    # PostgreSQL aligns each column to its size, so large ones come first.
    Column("id", ROW_ID, primary_key=True),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger),  # when its feed was last read whole and still had it
    Column("revised_after", BigInteger),  # ms from `first_seen_at` to its last record
    Column("duplicate_of", BigInteger),
    Column("gone_since", BigInteger),  # since when a page that was there has answered 404 or 410 …
    Column("feed_no", Integer, nullable=False),  # number of its feed in `name` …
    Column("origin_no", Integer),  # … and of its URL's origin
    Column("revision", Integer, nullable=False),  # of the last record; 0: none
    Column("gone_answers", SmallInteger, nullable=False, server_default="0"),  # … and how often in a row
    Column("removed_lines", SmallInteger, nullable=False, server_default="0"),  # cut from its last record's text
    Column("extraction", SmallInteger),  # of its last record, as an index into `names.EXTRACTIONS`
    Column("path", Text),  # its URL after the origin
    Column("record_id", Bytes, nullable=False),
    Column("shared_key", Bytes),  # hash of its URL, if `identity` has that for another entry or for none
    Column("version", Bytes, nullable=False),  # hash of what the feed last said of it
    Column("title_key", Bytes, nullable=False),
    Column("revision_key", Bytes, nullable=False),  # hash of what its last record says
    Column("text_mark", Bytes),  # of its last record, if its text is long enough
    Column("cluster_id", Bytes),  # record_id of the first article of its story, if another
    Column("copy_of", Bytes),  # record_id of the article it is a near-duplicate of
    Column("reason", Text),
    Column("skipped", Text),  # left out by its feed's rules: filter, page (when that was read) or backlog (for good)
    Index("entry_feed", "feed_no", seen_on),
    Index("entry_shared", "shared_key", **_where("shared_key IS NOT NULL")),
    Index("entry_skipped", "feed_no", **_where("skipped IS NOT NULL")),
    Index("entry_duplicate", "duplicate_of", **_where("duplicate_of IS NOT NULL")),
    Index("entry_cluster", "cluster_id", **_where("cluster_id IS NOT NULL")),
)
"""What is known of an entry for as long as it is kept: a few hundred bytes for each of millions. `names` explains how
its feed, URL and times are read and written."""

identity = Table(
    "identity",
    metadata,
    Column("key", Bytes, primary_key=True),
    Column("entry_id", BigInteger, nullable=False),
    Column("extra", Boolean, nullable=False, server_default=false()),  # neither its record id nor its URL's hash
    Index("identity_extra", "entry_id", **_where("extra = 1", "extra")),
    sqlite_with_rowid=False,
)
"""The keys under which an entry is known: within its feed, and by canonical URL across feeds. Those that don't follow
from the entry's row are `extra`, with an index by entry (`identities.forget_keys`)."""

tombstone = Table(
    "tombstone",
    metadata,
    Column("key", Bytes, primary_key=True),
    sqlite_with_rowid=False,
)
"""Keys of entries that are no longer kept, or were taken down. Whatever comes under them is ignored."""

takedown = Table(
    "takedown",
    metadata,
    Column("record_id", Bytes, primary_key=True),
)
"""Articles that are forgotten here and still have to be removed from the output: record ids, or the key of a URL, which
may be or become a record id."""

barred = Table(
    "barred",
    metadata,
    Column("key", Bytes, primary_key=True),  # of a URL, or a record id; all 16 bytes
    Column("at", BigInteger, nullable=False),
    Column("unknown", Boolean, nullable=False),  # nothing was known of it
    Column(
        "lifted", Boolean, nullable=False, server_default=false()
    ),  # it may come again; the output has not been told yet
)
"""What operators asked to be kept out, under the names they gave, and what they took down, under all of its names."""

request = Table(
    "request",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("answer", Text),  # NULL until it is done
)
"""Requests that commands leave for the engine that holds the state."""

site = Table(
    "site",
    metadata,
    Column("name", Text, primary_key=True),
    Column("learned_at", BigInteger, nullable=False),
    Column("articles", Bytes, nullable=False),
)
"""The lines of a site's last articles, as `dedup.Window` encodes them."""

content = Table(
    "content",
    metadata,
    Column("key", Bytes, primary_key=True),
    Column("entry_id", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("content_expires", "expires_at"),
    sqlite_with_rowid=False,
)
"""Which entry has a text, for as long as `dedup.window` says."""

sketch = Table(
    "sketch",
    metadata,
    Column("entry_id", ROW_ID, primary_key=True, autoincrement=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("bins", Bytes, nullable=False),
    Column("shingles", Bytes, nullable=False),  # keys in `shingle` it is filed under, 4 bytes each
)
"""Sketches of texts, by which near-duplicates are recognised, for as long as `dedup.window` says."""

shingle = Table(
    "shingle",
    metadata,
    Column("key", ROW_ID, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False),
)
"""Which entry is filed under a word sequence: the first that had it. Each has a few of its own, so that a lookup
returns at most one entry per sequence, however common it is."""

reprint = Table(
    "reprint",
    metadata,
    Column("entry_id", ROW_ID, primary_key=True, autoincrement=False),
    Column("cluster_id", Bytes, nullable=False),
    Column("name", Text),
    Column("url", Text),
    Column("body", Bytes, nullable=False),  # of its record, zlib
    Column("site", Text),
    Column("lines", Bytes),  # as in the outbox
    Column("expires_at", BigInteger, nullable=False),
    Index("reprint_cluster", "cluster_id"),
    Index("reprint_expires", "expires_at"),
)
"""Articles that credit a publication whose own article has not come yet."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("op", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("ingested_at", BigInteger, nullable=False),
    Column("first_seen_at", BigInteger),  # of the entry, if the article is new
    Column("duplicate_of", Bytes),  # record_id
    Column("cluster_id", Bytes),  # record_id
    Column("body", Bytes, nullable=False),
    Column("site", Text),
    Column("lines", Bytes),  # of its text, to recognise those that are the site's
    Column("seq", BigInteger),
    Column("segment_id", BigInteger),
    Column("shard", SmallInteger, nullable=False, server_default="0"),  # of the output; follows from the record's id
    Index("outbox_waiting", "shard", "id", **_where("segment_id IS NULL")),
    Index("outbox_numbered", "segment_id", **_where("segment_id IS NOT NULL")),
)
"""Records that are decided but not published yet; `outbox.mark` deletes them."""

writer = Table(
    "writer",
    metadata,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
)
"""For each shard of the output, from 0 on: the writer's name under which its records are numbered, and the last number
given. Whoever numbers records locks the shard's row first."""

segment = Table(
    "segment",
    metadata,
    Column("id", ROW_ID, primary_key=True),
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
    Column("roles", Text, nullable=False),  # separated by commas
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("under_way", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("backlog", Integer),
    Column("trouble", Text),
)
"""The processes that work on a shared state, as they last reported. Empty in a state that one process holds."""
