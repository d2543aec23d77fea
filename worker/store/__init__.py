"""The state, which alone says what is due, known, leased and delivered. It changes in one transaction per batch.

store.py      the methods the engine calls
starting.py   what a process does when it starts on a state, alone or as one of many
members.py    the processes that share a state
requests.py   requests that commands leave for the engine
steering.py   pause, resume, poll at once, retry, read again
lists.py      feed lists and policies that change while work is under way
upkeep.py     deletes what is no longer needed

reading/      answers to what people ask about the state
finish/       a batch of `Done` → one transaction: which entries are new, and what becomes of them
published/    rows → segments, and records that have to be taken back
work/         due work for free slots of ready hosts: claimed, leased, taken up
known/        feeds, entries, texts and stories, found by their keys
database/     tables and migrations, in SQLite or PostgreSQL

Imports point down this list of rooms, as they do in `worker`.
"""

from worker.store.database.backup import backup
from worker.store.database.clocks import monotonic_ms, wall_clock
from worker.store.database.holding import is_worked_on
from worker.store.database.moving import move
from worker.store.database.opening import database_url, is_there
from worker.store.database.reaching import PATIENCE_S, reached
from worker.store.members import all_members, is_alive, read_members
from worker.store.published.learning import Written
from worker.store.published.outbox import OutboxRow, OutboxSegment
from worker.store.published.publications import REMEMBERED, Publications, Sealed
from worker.store.published.recovery import Learned, Recovery
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
