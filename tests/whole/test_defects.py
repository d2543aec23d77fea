"""What a defect of feedmill's own costs: the one job that meets it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tests.site import Answer, Site
from tests.whole.conftest import Worker
from worker.model import Finished
from worker.store.finish import commit
from worker.store.finish.articles import finish_articles
from worker.store.finish.ingestion import Ingestion


@pytest.mark.parametrize(
    "defect",
    [
        pytest.param(ValueError("embedded null character"), id="the store can't take a value"),
        pytest.param(IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed")), id="the database refuses it"),
    ],
)
def test_what_cannot_be_committed_holds_nothing_up(
    site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch, defect: Exception
) -> None:
    """One entry fails inside the commit: the others of its group are written, it alone is tried again later."""

    def failing(connection: Connection, batch: Sequence[Ingestion], **how: Any) -> list[Finished]:
        if any(b"Poison" in done.draft.body for done in batch):
            raise defect
        return finish_articles(connection, batch, **how)

    monkeypatch.setattr(commit, "finish_articles", failing)
    titles = ["One", "Two", "Poison", "Three", "Four"]
    items = "".join(f"<item><guid>{title}</guid><title>{title}</title></item>" for title in titles)
    body = f"<rss version='2.0'><channel><title>T</title>{items}</channel></rss>".encode()
    worker.configure([site.add("a", "/feed", Answer(body=body, content_type="application/rss+xml"))])
    tally = worker.once()
    assert (tally.new, tally.broken) == (4, 1)
    assert sorted(record["title"] for record in worker.records()) == ["Four", "One", "Three", "Two"]
    with closing(sqlite3.connect(worker.state)) as state:
        assert state.execute("SELECT errors, quarantined FROM work WHERE entry_id IS NOT NULL").fetchall() == [(1, 0)]
    monkeypatch.undo()
    with closing(sqlite3.connect(worker.state)) as state, state:
        state.execute("UPDATE work SET due_at = 0 WHERE entry_id IS NOT NULL")
    assert worker.once().new == 1
