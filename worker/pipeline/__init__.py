"""The order of the calls: poll(feed), ingest(entry), publish(rows). Decisions are made by the rooms below.

tasks.py     what runs in the CPU processes: bytes in, plain values out
polls.py     fetch → feeds.parse → dedup.identity → schedule.next_poll
ingests.py   fetch → articles → dedup hashes → draft of a record
publish.py   outbox rows → segments
"""

from worker.pipeline.ingests import Ingester
from worker.pipeline.polls import Poller
from worker.pipeline.publish import Publisher

__all__ = ["Ingester", "Poller", "Publisher"]
