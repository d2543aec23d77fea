"""The engine: ticks, dispatches, consumes, finishes in groups, drains.

engine.py      the parts, their ticks, and the order in which they start and stop
intake.py      where a process gets its work: from its own claims, or from a bus
dispatch.py    store.claim → work for this process, as much as may be under way in it
scheduling.py  store.lease → shared bus, as much as may be under way in all processes that fetch
taking.py      shared bus → store.begin
jobs.py        work → done → finisher
finisher.py    groups of finished work → one transaction
publishing.py  records into sealed segments; requests of commands; upkeep of the output
leases.py      the leases of work under way, and their renewal
clock.py       the wall clock, compared with the monotonic one
heartbeat.py   reports of this process to the others on the same state
room.py        whether there is room for more
events.py      what was done, in the log
trouble.py     what currently fails, in the log
ticks.py       what is done every second, or every hour
cancel.py      background tasks: run, waited for and cancelled
limits.py      time limits and sizes

Decisions are made elsewhere, and nothing is kept that the store does not know, so it may be killed at any moment.
"""

from worker.engine.cancel import running
from worker.engine.clock import Clock
from worker.engine.engine import Engine
from worker.engine.limits import KEEP_S

__all__ = ["KEEP_S", "Clock", "Engine", "running"]
