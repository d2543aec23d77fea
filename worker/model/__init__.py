"""The values that travel between the rooms.

A feed is polled: `Poll` → `Outcome` → `ParsedFeed` of `Entry` → `PollDone`. An older page of it is read in the same
way, by a `Walk`.

An entry is ingested: `Ingest` → `Outcome` → `Article` → `IngestDone`.

What the commit (`finish`) made of the results comes back as `Finished`.

All of them are frozen, plain and picklable. Times are `Millis`, milliseconds since 1970 (UTC); keys have 16 bytes.
"""

from worker.model.article import BY_TEXT, Article
from worker.model.broker import Broker, Message
from worker.model.bucket import ObjectPath, object_path
from worker.model.document import Attachment, Author, Entry, FoundFeed, Hub, NotAFeed, ParsedFeed
from worker.model.done import (
    AsBefore,
    Broken,
    Done,
    FeedVersion,
    HandedBack,
    IngestDone,
    Moved,
    PollDone,
    Retry,
    RobotsRead,
    Sought,
    Subscribed,
    Walked,
)
from worker.model.drafts import Draft, SeenEntry, text_mark
from worker.model.feed import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Effort,
    EntryId,
    Extraction,
    Feed,
    FeedId,
    FeedList,
    FullText,
    KeptOut,
    Millis,
    Op,
    Precision,
)
from worker.model.finished import Finished, Ingested
from worker.model.member import ALL_ROLES, ROLES, Member, Role
from worker.model.outcome import (
    MAX_REDIRECTS,
    Accepted,
    FailureClass,
    FailureKind,
    Fetched,
    FetchFailed,
    NotModified,
    Outcome,
    Redirected,
    Throttled,
)
from worker.model.rules import NO_RULES, Backlog, Filter, Rewrite, Rules
from worker.model.state import Server, State
from worker.model.story import AGENCY, Credit, Sketch
from worker.model.timing import NO_HINTS, Freshness, Hints
from worker.model.work import (
    NO_VALIDATORS,
    Claim,
    Due,
    HostPolicy,
    Ingest,
    Lease,
    Poll,
    RobotsCopy,
    Subscribe,
    Validators,
    Walk,
    Work,
)

__all__ = [
    "AGENCY",
    "ALL_ROLES",
    "BY_TEXT",
    "DAY_MS",
    "HOUR_MS",
    "MAX_REDIRECTS",
    "MINUTE_MS",
    "NO_HINTS",
    "NO_RULES",
    "NO_VALIDATORS",
    "ROLES",
    "Accepted",
    "Article",
    "AsBefore",
    "Attachment",
    "Author",
    "Backlog",
    "Broken",
    "Broker",
    "Claim",
    "Credit",
    "Done",
    "Draft",
    "Due",
    "Effort",
    "Entry",
    "EntryId",
    "Extraction",
    "FailureClass",
    "FailureKind",
    "Feed",
    "FeedId",
    "FeedList",
    "FeedVersion",
    "FetchFailed",
    "Fetched",
    "Filter",
    "Finished",
    "FoundFeed",
    "Freshness",
    "FullText",
    "HandedBack",
    "Hints",
    "HostPolicy",
    "Hub",
    "Ingest",
    "IngestDone",
    "Ingested",
    "KeptOut",
    "Lease",
    "Member",
    "Message",
    "Millis",
    "Moved",
    "NotAFeed",
    "NotModified",
    "ObjectPath",
    "Op",
    "Outcome",
    "ParsedFeed",
    "Poll",
    "PollDone",
    "Precision",
    "Redirected",
    "Retry",
    "Rewrite",
    "RobotsCopy",
    "RobotsRead",
    "Role",
    "Rules",
    "SeenEntry",
    "Server",
    "Sketch",
    "Sought",
    "State",
    "Subscribe",
    "Subscribed",
    "Throttled",
    "Validators",
    "Walk",
    "Walked",
    "Work",
    "object_path",
    "text_mark",
]
