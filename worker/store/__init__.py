"""The truth: what is due, known, leased, delivered. One transaction a batch.

tables.py      the tables, and what they mean
migrations/    how they came to be, from the first version on
database.py    opens it: pragmas, migrations, the lock of one process a state
postgresql.py  … a database that many processes share;  reaching.py  … and may be away when a worker starts
starting.py    a process begins to work on it, alone or as one of many;  members.py  … which tell of each other
notes.py       what is kept under a name, for who comes later
upkeep.py      what it is freed of as time goes on
clocks.py      by which time they go, and what becomes of that when it is set
integrity.py   whether its file is whole
moving.py      … of all of it, to another database
backup.py      a copy of it, made beside the engine that writes
store.py       what the engine calls: one thread owns the writing connection, callers await
feeds.py       the configured feeds and the hosts' policies → rows
lists.py       … that change while work is under way
claims.py      due work for free slots of ready hosts; leases renewed, voided
works.py       … with all that is needed to do it;  takings.py  … and taken up by who was handed it
locks.py       what a transaction holds, where others run beside it
dialects.py    one statement for many rows, as each database carries it out best
finish.py      a batch of `Done` → one transaction: fences, slots, hosts, and by kind
standing.py    … of polls: what they say of the feed, and when it is polled next
polls.py       … and its entries, by;  floods.py  … if there are not too many
arrivals.py    new, known, changed, left out, duplicates;  owners.py  … of whose URL
shelf.py       … by what is known of them
entries.py     … of entries: what their drafts lead to;  articles.py  … new articles that meet nothing, together
ingestion.py   … such a draft;  records.py  … its record;  ends.py  … and the end of its work
duplicates.py  entries that are another article, by URL or text;  texts.py  who has a text
stories.py     … near-duplicates: what is filed, found, clustered, and named when it comes later
walks.py       older pages of feeds, gone through beside their polls
lines.py       lines that are a site's, learned from its articles, left out of its records
hosts.py       how hosts are treated that refuse, or ask for patience in their robots.txt
subscriptions.py  hubs that are asked to tell of new entries;  pushes.py  … and what they say;  hubs.py  … how they do
robots.py      what sites ask of robots
refs.py        entries that are known, by key;  identities.py  … and their keys;  keys.py  … as these are stored
names.py       what many entries have in common, each once
batches.py     lists in pieces that every database takes
left_out.py    entries that their feed's rules leave out
graves.py      entries that are no longer kept;  takedowns.py  … or must not be
requests.py    what commands ask of the engine;  steering.py  … of feeds and of work that was put aside
outbox.py      rows numbered into segments, and marked when they are published
publications.py  what was published, and under which name; whether a directory has it
recovery.py    records that stand in an output directory → rows
turns.py       the turns of hosts, which commands take as well
status.py      what people ask;  why.py  … of an article;  overview.py  … in figures;  listing.py  … a page at a time
reader.py      a connection and a thread for that, while the worker runs
"""

from worker.store.backup import backup
from worker.store.clocks import monotonic_ms, wall_clock
from worker.store.database import database_url, is_there, is_worked_on
from worker.store.hubs import HubStanding, HubStatus, hub_of, read_hubs
from worker.store.listing import (
    Copies,
    ListedEntry,
    News,
    PutAside,
    Which,
    copies,
    entries_by_day,
    entries_of,
    feeds_by_id,
    feeds_page,
    longest_failing,
    quarantine,
    quiet_since,
    told_alike,
)
from worker.store.members import all_members, is_alive, read_members
from worker.store.moving import move
from worker.store.outbox import OutboxRow, OutboxSegment
from worker.store.overview import Overview, database_bytes, read_overview
from worker.store.publications import REMEMBERED, Publications, Sealed
from worker.store.reaching import PATIENCE_S, reached
from worker.store.reader import Reader
from worker.store.recovery import Learned, Recovery, Written
from worker.store.requests import Request, answer_to, ask, read_answer
from worker.store.status import (
    FeedStatus,
    HostStatus,
    Totals,
    read_feeds,
    read_hosts,
    read_moved,
    read_publications,
    read_reload,
    read_status,
    read_trouble,
)
from worker.store.steering import AtRest, Look
from worker.store.store import Store
from worker.store.turns import Turn, end_turn, take_turn
from worker.store.why import EntryStory, Queued, Story, key_of, read_story, story_of

__all__ = [
    "PATIENCE_S",
    "REMEMBERED",
    "AtRest",
    "Copies",
    "EntryStory",
    "FeedStatus",
    "HostStatus",
    "HubStanding",
    "HubStatus",
    "Learned",
    "ListedEntry",
    "Look",
    "News",
    "OutboxRow",
    "OutboxSegment",
    "Overview",
    "Publications",
    "PutAside",
    "Queued",
    "Reader",
    "Recovery",
    "Request",
    "Sealed",
    "Store",
    "Story",
    "Totals",
    "Turn",
    "Which",
    "Written",
    "all_members",
    "answer_to",
    "ask",
    "backup",
    "copies",
    "database_bytes",
    "database_url",
    "end_turn",
    "entries_by_day",
    "entries_of",
    "feeds_by_id",
    "feeds_page",
    "hub_of",
    "is_alive",
    "is_there",
    "is_worked_on",
    "key_of",
    "longest_failing",
    "monotonic_ms",
    "move",
    "quarantine",
    "quiet_since",
    "reached",
    "read_answer",
    "read_feeds",
    "read_hosts",
    "read_hubs",
    "read_members",
    "read_moved",
    "read_overview",
    "read_publications",
    "read_reload",
    "read_status",
    "read_story",
    "read_trouble",
    "story_of",
    "take_turn",
    "told_alike",
    "wall_clock",
]
