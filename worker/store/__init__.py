"""The truth: what is due, known, leased, delivered. One transaction a batch.

tables.py      the tables, and what they mean
migrations/    how they came to be, from the first version on
database.py    opens it: pragmas, migrations, the lock of one process a state
integrity.py   whether its file is whole
backup.py      a copy of it, made beside the engine that writes
store.py       what the engine calls: one thread owns the writing connection, callers await
feeds.py       the configured feeds and the hosts' policies → rows
claims.py      due work for free slots of ready hosts; leases renewed, voided, moved with the clock
finish.py      a batch of `Done` → one transaction: fences, slots, hosts, and by kind
standing.py    … of polls: what they say of the feed, and when it is polled next
polls.py       … and its entries, by
arrivals.py    new, known, changed, left out, duplicates
entries.py     … of entries: new and changed articles, duplicates
stories.py     … near-duplicates: what is filed, found, clustered, and named when it comes later
lines.py       lines that are a site's, learned from its articles, left out of its records
hosts.py       how hosts are treated that refuse, or ask for patience in their robots.txt
robots.py      what sites ask of robots
refs.py        entries that are known, by key
batches.py     lists in pieces that every database takes
left_out.py    entries that their feed's rules leave out
graves.py      entries that are no longer kept;  takedowns.py  … or must not be
requests.py    what commands ask of the engine;  steering.py  … of feeds and of work that was put aside
outbox.py      rows numbered into segments, and marked when they are published
publications.py  what was published, and under which name; whether a directory has it
recovery.py    records that stand in an output directory → rows
status.py      what people ask
status.py      what people ask;  why.py  … of an article
"""

from worker.store.backup import backup
from worker.store.database import database_url
from worker.store.outbox import OutboxRow, OutboxSegment
from worker.store.publications import Publications, Sealed
from worker.store.recovery import Learned, Recovery, Written
from worker.store.requests import Request, answer_to, ask
from worker.store.status import FeedStatus, HostStatus, Totals, read_hosts, read_not_before, read_status
from worker.store.store import Store
from worker.store.why import EntryStory, Queued, Story, read_story

__all__ = [
    "EntryStory",
    "FeedStatus",
    "HostStatus",
    "Learned",
    "OutboxRow",
    "OutboxSegment",
    "Publications",
    "Queued",
    "Recovery",
    "Request",
    "Sealed",
    "Store",
    "Story",
    "Totals",
    "Written",
    "answer_to",
    "ask",
    "backup",
    "database_url",
    "read_hosts",
    "read_not_before",
    "read_status",
    "read_story",
]
