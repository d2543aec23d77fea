"""Hands claimed work to workers.

protocol.py    the interface that engines use
local.py       a bus within one process
jetstream.py   a bus between machines, through NATS JetStream
message.py     the form of a claim on that bus
records.py     a stream of published records, for other programs
connection.py  the connection to the broker

The store decides what may run, and takes back what is not finished, so a bus may lose everything without harm.
"""

from worker.bus.local import LocalBus
from worker.bus.protocol import Bus

__all__ = ["Bus", "LocalBus"]
