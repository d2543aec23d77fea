"""What a state keeps under a name, for who comes later."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from worker.store.database import tables as t

RELOAD = "reload"
"""What is to be told of the last reload of the configuration."""
TROUBLE = "trouble"
"""What the worker that holds the state can't do now; of workers that share one, each says it of itself."""
REACH = "reach"
"""Stands for how servers were reached at the last start."""
CLOCK = "clock"
"""An instant, in ms, that the wall clock has shown of who held the state."""
LISTS = "lists"
"""A digest of the lists that the rows of a shared state say what they say. Not there: nobody knows."""
ANSWERING = "answering"
"""Who carries out requests, of those that share a state, and until when."""
MOVED = "moved"
"""Where the state went."""
ARRIVING = "arriving"
"""Where the state comes from, as long as it is not whole here, or still one there."""
OF_THE_DATABASE = frozenset({RELOAD, TROUBLE, LISTS, ANSWERING, MOVED, ARRIVING})
"""They are about the database itself, or who works on it: a state that moves leaves them behind."""


def kept(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(t.meta.c.value).where(t.meta.c.key == name))


def keep(connection: Connection, name: str, said: str | None) -> None:
    """In place of what was kept before; None: nothing."""
    connection.execute(delete(t.meta).where(t.meta.c.key == name))
    if said is not None:
        connection.execute(insert(t.meta).values(key=name, value=said))
