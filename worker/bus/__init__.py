"""Hands claimed work to workers. In process now; what crosses machines comes with the same methods.

The store decides what may run and takes back what is not finished; a bus may lose everything and nothing is lost.
"""

from worker.bus.local import LocalBus

__all__ = ["LocalBus"]
