"""The values that travel between the rooms.

A feed is polled: `Poll` → `Outcome` → `ParsedFeed` of `Entry` → `PollDone`; so is an older page of it, by `Walk`.
An entry is ingested: `Ingest` → `Outcome` → `Article` → `IngestDone`.
What `finish` made of them comes back as `Finished`.

All of them are frozen, plain and picklable. Instants are `Millis`, milliseconds of UTC since 1970; keys are 16 bytes.
"""

from worker.model.article import (
    Article,
)
from worker.model.broker import (
    Broker,
    Message,
)
from worker.model.bucket import (
    ObjectPath,
    object_path,
)
from worker.model.document import (
    Attachment,
    Author,
    Entry,
    FoundFeed,
    Hub,
    NotAFeed,
    ParsedFeed,
)
from worker.model.done import (
    AsBefore,
    Broken,
    Done,
    Draft,
    FeedVersion,
    Finished,
    HandedBack,
    IngestDone,
    Ingested,
    Moved,
    PollDone,
    Retry,
    RobotsRead,
    SeenEntry,
    Sought,
    Subscribed,
    Walked,
)
from worker.model.feed import (
    Effort,
    EntryId,
    Extraction,
    Feed,
    FeedId,
    FeedList,
    FullText,
    Millis,
    Op,
    Precision,
)
from worker.model.member import (
    ALL_ROLES,
    ROLES,
    Member,
    Role,
)
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
from worker.model.rules import (
    NO_RULES,
    Backlog,
    Filter,
    Rewrite,
    Rules,
)
from worker.model.state import Server, State
from worker.model.story import (
    AGENCY,
    Credit,
    Sketch,
)
from worker.model.timing import (
    NO_HINTS,
    Freshness,
    Hints,
)
from worker.model.work import (
    NO_VALIDATORS,
    Claim,
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
    "MAX_REDIRECTS",
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
]
