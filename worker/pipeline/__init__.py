"""The order of the calls: poll(feed), ingest(entry), publish(rows). Decisions are made by the rooms below.

polls.py      fetch → feeds.parse → dedup.identity; or, for a feed that is lost, feeds.discover
walks.py      older pages of feeds, in the same way
gets.py       … and what all requests have in common: headers, redirects, waits
robots.py     whether a page may be fetched
spared.py     hosts and feeds whose pages kill the process that reads them
ingests.py    fetch → articles → dedup hashes → draft of a record
archiving.py  pages → archive, as soon as that takes them
publish.py    outbox rows → segments of one shard
shards.py     the shards of the output that this process publishes to
streaming.py  sealed segments → a stream
pairing.py    whether state and output directory belong together
discover.py   the feeds of a site
trial.py      what a feed would give, without storing anything
turns.py      the requests of a command, each in its host's turn
websub.py     what hubs are asked, and what they send
requests.py   what commands ask of the process that holds the state
recover.py    an output directory → the state
room.py       whether the disks have space left
replay.py     archived pages → what would come of them now
"""

from worker.pipeline.archiving import Archiver
from worker.pipeline.discover import Discovered, Discoverer, Discovery
from worker.pipeline.ingests import Ingester
from worker.pipeline.pairing import check_pairing, read_refusal
from worker.pipeline.polls import Poller
from worker.pipeline.publish import Publisher
from worker.pipeline.recover import Recovered, recover, removal_keys
from worker.pipeline.replay import Compared, NotCompared, Replayed, replay
from worker.pipeline.requests import (
    NOT_ALL,
    NOT_KEPT_OUT,
    NOT_LET_IN,
    NOTHING_KNOWN,
    NOTHING_TO_READ,
    TAKEN_DOWN,
    carry_out,
    of_feeds,
)
from worker.pipeline.robots import Gate
from worker.pipeline.room import Room
from worker.pipeline.shards import Shards
from worker.pipeline.streaming import Streamed, Streaming, unsent_since
from worker.pipeline.trial import Article, Trial, Tried
from worker.pipeline.turns import Looks, Turns
from worker.pipeline.walks import Walker
from worker.pipeline.websub import Hubs

__all__ = [
    "NOTHING_KNOWN",
    "NOTHING_TO_READ",
    "NOT_ALL",
    "NOT_KEPT_OUT",
    "NOT_LET_IN",
    "TAKEN_DOWN",
    "Archiver",
    "Article",
    "Compared",
    "Discovered",
    "Discoverer",
    "Discovery",
    "Gate",
    "Hubs",
    "Ingester",
    "Looks",
    "NotCompared",
    "Poller",
    "Publisher",
    "Recovered",
    "Replayed",
    "Room",
    "Shards",
    "Streamed",
    "Streaming",
    "Trial",
    "Tried",
    "Turns",
    "Walker",
    "carry_out",
    "check_pairing",
    "of_feeds",
    "read_refusal",
    "recover",
    "removal_keys",
    "replay",
    "unsent_since",
]
