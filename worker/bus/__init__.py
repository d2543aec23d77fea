"""Hands claimed work to workers.

protocol.py    what engines ask of a bus
local.py       … within one process;  jetstream.py  … between machines, through NATS JetStream
message.py     a claim on its way
records.py     a stream of records, for whom they concern elsewhere
connection.py  to the broker

The store decides what may run and takes back what is not finished; a bus may lose everything and nothing is lost.
"""

from worker.bus.local import LocalBus
from worker.bus.protocol import Bus

__all__ = ["Bus", "LocalBus"]
