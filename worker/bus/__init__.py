"""Hands claimed work to workers: in process (`LocalBus`), or through NATS JetStream (`worker.bus.jetstream`).

Records go to whom they concern elsewhere through `worker.bus.records`.

The store decides what may run and takes back what is not finished; a bus may lose everything and nothing is lost.
"""

from worker.bus.local import LocalBus
from worker.bus.protocol import Bus

__all__ = ["Bus", "LocalBus"]
