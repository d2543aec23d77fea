"""The engine: ticks, dispatches, consumes, finishes in groups, drains.

engine.py      the parts, their ticks, and the order in which they start and stop
intake.py      how a process comes to its work: its own claims, or what many schedule and many take
dispatch.py    store.claim → bus, for as many as may be under way
scheduling.py  store.lease → bus, for as many as all that fetch can have under way
taking.py      bus → store.begin
jobs.py        work → poll | walk | ingest → finisher
finisher.py    groups of finished work → one transaction
publishing.py  records into sealed segments; what commands ask; upkeep
leases.py      what is under way, whose leases are renewed
clock.py       the wall clock, compared with the monotonic one
heartbeat.py   signs of life, to others on the same state
room.py        whether the disks have room for more
events.py      what was done, in the log;  trouble.py  what can't be done now
ticks.py       what is done each second, or each hour
cancel.py      tasks that go on beside, waited for and ended
limits.py      how long, how many

It takes what decides from others, and keeps nothing that the store does not know: it may be killed at any instant.
"""

from worker.engine.clock import Clock
from worker.engine.engine import Engine
from worker.engine.limits import KEEP_S

__all__ = ["KEEP_S", "Clock", "Engine"]
