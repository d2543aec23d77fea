"""The order of the calls: poll(feed), ingest(entry), publish(rows). Decisions are made by the rooms below.

tasks.py     what runs in the CPU processes: bytes in, plain values out
polls.py     fetch → feeds.parse → dedup.identity; or, for a feed that is lost, feeds.discover
robots.py    whether a page may be asked for
spared.py    hosts whose pages kill what reads them
ingests.py   fetch → articles → dedup hashes → draft of a record
publish.py   outbox rows → segments
pairing.py   whether state and output directory belong together
recover.py   an output directory → the state
room.py      whether the disks have room for more
"""

from worker.pipeline.ingests import Ingester
from worker.pipeline.pairing import check_pairing
from worker.pipeline.polls import Poller
from worker.pipeline.publish import Publisher
from worker.pipeline.recover import Recovered, recover
from worker.pipeline.robots import Gate
from worker.pipeline.room import Room

__all__ = ["Gate", "Ingester", "Poller", "Publisher", "Recovered", "Room", "check_pairing", "recover"]
