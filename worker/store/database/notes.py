"""Values that a state stores under a name."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from worker.store.database import tables as t

RELOAD = "reload"
"""What `status` reports about the last reload of the configuration."""
REACH = "reach"
"""A digest of the settings by which servers were reached at the last start."""
CLOCK = "clock"
"""A time, in ms, that the wall clock has shown to the process holding the state."""
DOUBTED = "doubted"
"""Until when the wall clock is not believed far enough to delete anything by it, and the last time before; in ms."""
LISTS = "lists"
"""On a shared state: a digest of the lists that the feed rows match. Absent if that is not known."""
ANSWERING = "answering"
"""On a shared state: which process carries out requests, and until when."""
RECOVERED = "recovered"
"""How many records were there when the state was last read back; its writers have numbered the later ones."""
MOVED = "moved"
"""Where the state was moved to."""
ARRIVING = "arriving"
"""Where the state comes from, until the copy is complete and the old state is marked."""
OF_THE_DATABASE = frozenset({RELOAD, LISTS, ANSWERING, MOVED, ARRIVING})
"""Notes about the database itself or who works on it, which don't move with a state."""


def kept(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(t.meta.c.value).where(t.meta.c.key == name))


def keep(connection: Connection, name: str, said: str | None) -> None:
    """Replaces the value; None deletes it."""
    connection.execute(delete(t.meta).where(t.meta.c.key == name))
    if said is not None:
        connection.execute(insert(t.meta).values(key=name, value=said))
