"""Hands claimed work to workers on other machines. A process that works alone has no bus.

protocol.py    the interface that engines use
jetstream.py   a bus through NATS JetStream
message.py     the form of a claim on it
records.py     a stream of published records, for other programs
connection.py  the connection to the broker

The store decides what may run, and takes back what is not finished, so a bus may lose everything without harm.
"""

from worker.bus.protocol import Bus

__all__ = ["Bus"]
