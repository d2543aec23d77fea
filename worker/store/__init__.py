"""The truth: what is due, known, leased, delivered. One transaction a batch.

store.py      what the engine calls: one thread owns the writing connection, callers await
starting.py   a process begins to work on a state, alone or as one of many;  members.py  … which tell of each other
requests.py   what commands ask of the engine;  steering.py  … of feeds and of work that was put aside
lists.py      feed lists and policies that change while work is under way
upkeep.py     what a state is freed of as time goes on

reading/      what people ask
finish/       a batch of `Done` → one transaction: which entries are new, and what becomes of them
published/    rows → segments, and what has to be taken out of them again
work/         due work for free slots of ready hosts: claimed, leased, taken up
known/        feeds, entries, texts, stories: what is told from what, by key
database/     tables and migrations, in SQLite or PostgreSQL

Imports point down these rooms, as they do among those of `worker`.
"""

from worker.store.database.backup import backup
from worker.store.database.clocks import monotonic_ms, wall_clock
from worker.store.database.moving import move
from worker.store.database.opening import database_url, is_there, is_worked_on
from worker.store.database.reaching import PATIENCE_S, reached
from worker.store.members import all_members, is_alive, read_members
from worker.store.published.outbox import OutboxRow, OutboxSegment
from worker.store.published.publications import REMEMBERED, Publications, Sealed
from worker.store.published.recovery import Learned, Recovery, Written
from worker.store.reading.hubs import HubStanding, HubStatus, hub_of, read_hubs
from worker.store.reading.listing import (
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
from worker.store.reading.overview import Overview, database_bytes, read_overview
from worker.store.reading.reader import Reader
from worker.store.reading.status import (
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
from worker.store.reading.why import EntryStory, Queued, Story, key_of, read_story, story_of
from worker.store.requests import Request, answer_to, ask, read_answer
from worker.store.steering import AtRest, Look
from worker.store.store import Store
from worker.store.work.turns import Turn, end_turn, take_turn

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
