"""Requests that commands leave for the engine that holds the state, because only it may change the state."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from worker.model import Millis, State
from worker.store.database import tables as t
from worker.store.database.notes import ANSWERING
from worker.store.database.opening import open_beside

ANSWERING_MS = 15_000

KEPT = 1_000
"""How many requests and answers are kept; nobody waits for older ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    id: int
    verb: str
    subject: str


def ask(state: State, verb: str, subject: str) -> int:
    """Leaves a request for the engine. Returns its number. Raises StateError."""
    with open_beside(state) as connection:
        return leave(connection, verb, subject)


def answer_to(state: State, number: int) -> str | None:
    """The engine's answer; None while there is none yet. Raises StateError."""
    with open_beside(state) as connection:
        return read_answer(connection, number)


def leave(connection: Connection, verb: str, subject: str) -> int:
    statement = insert(t.request).values(verb=verb, subject=subject).returning(t.request.c.id)
    return int(connection.execute(statement).scalar_one())


def read_answer(connection: Connection, number: int) -> str | None:
    return connection.scalar(select(t.request.c.answer).where(t.request.c.id == number))


def unanswered(connection: Connection) -> list[Request]:
    rows = connection.execute(select(t.request).where(t.request.c.answer.is_(None)).order_by(t.request.c.id))
    return [Request(id=row.id, verb=row.verb, subject=row.subject) for row in rows]


def are_mine(connection: Connection, who: str, *, now: Millis) -> bool:
    """Whether this process, of those that share the state, carries out requests. One of them does, until it has not
    renewed its claim for ANSWERING_MS."""
    mine = t.meta.c.key == ANSWERING
    found = connection.scalar(select(t.meta.c.value).where(mine).with_for_update())
    told = f"{who} {now + ANSWERING_MS}"
    if found is None:
        connection.execute(insert(t.meta).values(key=ANSWERING, value=told))
        return True
    other, until = found.split()
    if other != who and int(until) > now:
        return False
    connection.execute(update(t.meta).where(mine).values(value=told))
    return True


def answer(connection: Connection, number: int, text: str) -> None:
    connection.execute(update(t.request).where(t.request.c.id == number).values(answer=text))
    connection.execute(delete(t.request).where(t.request.c.id <= number - KEPT))
