"""What commands ask of the engine that holds the state: it alone changes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update

from worker.store import tables as t
from worker.store.database import open_beside

KEPT = 1_000
"""Answers; older ones nobody waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    id: int
    verb: str
    subject: str


def ask(path: Path, verb: str, subject: str) -> int:
    """Leaves a request for the engine; its number. Raises StateError."""
    with open_beside(path) as connection:
        return leave(connection, verb, subject)


def answer_to(path: Path, number: int) -> str | None:
    """What the engine said; None while it has not. Raises StateError."""
    with open_beside(path) as connection:
        return read_answer(connection, number)


def leave(connection: Connection, verb: str, subject: str) -> int:
    statement = insert(t.request).values(verb=verb, subject=subject).returning(t.request.c.id)
    return int(connection.execute(statement).scalar_one())


def read_answer(connection: Connection, number: int) -> str | None:
    return connection.scalar(select(t.request.c.answer).where(t.request.c.id == number))


def unanswered(connection: Connection) -> list[Request]:
    rows = connection.execute(select(t.request).where(t.request.c.answer.is_(None)).order_by(t.request.c.id))
    return [Request(id=row.id, verb=row.verb, subject=row.subject) for row in rows]


def answer(connection: Connection, number: int, text: str) -> None:
    connection.execute(update(t.request).where(t.request.c.id == number).values(answer=text))
    connection.execute(delete(t.request).where(t.request.c.id <= number - KEPT))
