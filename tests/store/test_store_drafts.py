"""Entries that came with their drafts, or are finished in one batch: they come to the same as one by one by work of
their own."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.dedup.test_sketches import article
from tests.store.samples import DAY, KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans, Run, key, make_draft, make_entry
from worker import dedup
from worker.model import Credit, Draft, Finished, Ingest, IngestDone, Millis, SeenEntry
from worker.record import rfc3339
from worker.store import Store
from worker.store.finish import commit
from worker.store.finish.entries import finish_entry
from worker.store.finish.ingestion import Ingestion, Near

CREDIT = Credit(name=None, url="https://all.example/one")
TEXTS = {
    "": [],
    "short": ["Sign in to read on."],
    "one": article(1),
    "near": [*article(1), "Follow us, and join the ten thousand who do already."],
    "two": article(2),
    "other near": [*article(2), "This article first appeared in the Quay Letter."],
}
FEEDS = ("a", "b", "c")
TABLES = ("entry", "identity", "content", "sketch", "shingle", "reprint", "site", "tombstone")
COUNTED = ("new", "changed", "duplicates", "skipped")


@dataclass(frozen=True)
class Shown:
    """An entry as a feed shows it, and what its draft says."""

    name: str
    url: str | None
    text: str
    words: str = ""
    credits: bool = False
    reveals: str | None = None
    """Another URL of its."""
    skip: str | None = None
    """What leaves it out: `feed`, by what that says; `language`, by what the draft says."""
    guid: str = ""
    """Another than it has by its name."""

    def entry(self, feed: str, *, linked: bool) -> SeenEntry:
        seen = make_entry(self.name, feed=feed, url=self.url, words=f"{self.words}{self.text}{self.skip}")
        if self.guid:
            own = key("guid", feed, self.guid)
            seen = replace(seen, own=own, look_up=(own,))
        pointer = orjson.dumps({"id": seen.own.hex(), "pointer": True, "_ingest": {}}) if linked else None
        left_out = "by its feed" if self.skip == "feed" else None
        entry = orjson.dumps([feed, self.name, self.text, self.credits, self.reveals, self.skip])
        return replace(seen, page=None, host="", pointer=pointer, skipped=left_out, entry=entry)


def draft_of(entry: bytes, record_id: str, first_seen_at: Millis, *, linked: bool) -> Draft:
    feed, name, text, credits, reveals, skip = orjson.loads(entry)
    whole = "\n".join(TEXTS[text])
    body = {
        "id": record_id,
        "content_text": whole,
        "_ingest": {"first_seen_at": rfc3339(first_seen_at), "original": {"name": None} if credits else None},
    }
    return make_draft(
        whole,
        body=orjson.dumps(body),
        pointer=orjson.dumps({**body, "content_text": ""}) if linked else None,
        text_key=dedup.text_key(whole),
        title_key=key("title", name),
        sketch=dedup.sketch(whole),
        credit=CREDIT if credits else None,
        url_keys=() if reveals is None else (key("url", reveals),),
        site=f"{feed} all.example",
        lines=dedup.line_keys(whole, title=None, authors=(), published=None) if whole else b"",
        skipped="by its language" if skip == "language" else None,
    )


class World:
    """A store of its own, to which feeds show entries."""

    def __init__(self, run: Run, path: Path, *, with_poll: bool, at_once: bool, linked: bool) -> None:
        """with_poll: drafts come with the polls. at_once: what is queued is finished in one batch, else one by one."""
        self.run, self._path = run, path
        self._with_poll, self._at_once, self._linked = with_poll, at_once, linked
        self.counted: dict[str, int] = dict.fromkeys((*COUNTED, "written"), 0)

    async def show(self, shown: Sequence[tuple[str, Sequence[Shown]]]) -> None:
        """One document of each of these feeds, in one commit, and all that follows from it."""
        self.run.later(3 * DAY)  # no revision has to wait
        polls = []
        for feed, entries in shown:
            seen = [one.entry(feed, linked=self._linked) for one in entries]
            if self._with_poll:
                seen = [replace(each, draft=self._draft(each.entry, each.own.hex(), self.run.now)) for each in seen]
            polls.append(self.run.polled(await self.run.poll_of(feed), *seen))
        for finished in await self.run.finish(*polls):
            self._count(finished)
            for ingested in finished.ingested:
                self._count(ingested.finished)
        queued = [work for work in await self.run.claim_all() if isinstance(work, Ingest)]
        order = [(feed, one.name) for feed, entries in shown for one in entries]
        queued.sort(key=lambda work: order.index(tuple(orjson.loads(work.entry)[:2])))
        done = [self._ingested(work) for work in queued]
        for batch in [done] if self._at_once else [[one] for one in done]:
            for finished in await self.run.finish(*batch):
                self._count(finished)

    def _ingested(self, work: Ingest) -> IngestDone:
        return self.run.ingested(work, self._draft(work.entry, work.record_id, work.first_seen_at))

    def _draft(self, entry: bytes, record_id: str, first_seen_at: Millis) -> Draft:
        return draft_of(entry, record_id, first_seen_at, linked=self._linked)

    def _count(self, finished: Any) -> None:
        for name in COUNTED:
            self.counted[name] += getattr(finished, name)
        self.counted["written"] += finished.op is not None

    async def all_of_it(self) -> dict[str, Any]:
        """All that is to be known of it."""
        queries = {name: f"SELECT * FROM {name}" for name in TABLES}  # noqa: S608
        queries["work"] = "SELECT entry_id, priority, due_at, url, entry, again FROM work WHERE entry_id IS NOT NULL"
        with closing(sqlite3.connect(self._path)) as state:
            tables = {name: sorted(map(repr, state.execute(query))) for name, query in queries.items()}
        rows = await self.run.publish()
        return {**tables, "records": rows, "ops": [row.op for row in rows], "counted": self.counted}


SHOWN = st.one_of(
    st.builds(
        Shown,
        name=st.sampled_from(("x", "y", "z")),
        url=st.sampled_from((None, "https://all.example/one", "https://all.example/two", "")),
        text=st.sampled_from(tuple(TEXTS)),
        words=st.sampled_from(("", "", "more")),
        credits=st.sampled_from((False, False, True)),
        reveals=st.sampled_from((None, None, None, "https://all.example/one", "https://all.example/three")),
    ),
    # Always the same: taken up, they would be queued, and judged after what comes with its draft.
    st.just(Shown("v", "https://all.example/one", "one", skip="language")),
    st.just(Shown("w", "https://all.example/two", "two", skip="feed")),
)
POLLS = st.lists(
    st.lists(
        st.tuples(st.sampled_from(FEEDS), st.lists(SHOWN, max_size=5, unique_by=lambda one: one.name)),
        max_size=3,
        unique_by=lambda poll: poll[0],
    ),
    min_size=1,
    max_size=4,
)


async def outcome(
    empty: Path,
    polls: Sequence[Sequence[tuple[str, Sequence[Shown]]]],
    *,
    near: Near,
    dead: Sequence[bytes] = (),
    **how: bool,
) -> dict[str, Any]:
    """What these polls come to."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(empty, Path(folder) / "state.db"))
        plans = Plans()
        async with Store(
            path, policies=lambda _: NO_PATIENCE, planner=plans, window_ms=WINDOW_MS, keep_ms=KEEP_MS, near=near
        ) as store:
            world = World(Run(store, plans), path, **how)
            await world.run.start(*FEEDS)
            await store.keep_out(dead)
            for poll in polls:
                await world.show(poll)
            return await world.all_of_it()


def one_by_one(connection: Connection, batch: Sequence[Ingestion], *, window_ms: int, near: Near) -> list[Finished]:
    return [finish_entry(connection, done, window_ms=window_ms, near=near) for done in batch]


def compared(empty: Path, polls: Sequence[Sequence[tuple[str, Sequence[Shown]]]], **how: Any) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(commit, "finish_articles", one_by_one)
        singly = asyncio.run(outcome(empty, polls, with_poll=False, at_once=False, **how))
    assert asyncio.run(outcome(empty, polls, with_poll=False, at_once=True, **how)) == singly
    assert asyncio.run(outcome(empty, polls, with_poll=True, at_once=True, **how)) == singly
    return singly


@pytest.mark.parametrize("linked", [False, True], ids=["duplicates are dropped", "duplicates are told"])
@pytest.mark.parametrize("near", ["link", "drop", "off"])
def test_each_way_comes_to_the_same(empty_state: Path, near: Near, linked: bool) -> None:
    """A document with one text twice, one URL twice, a near-copy, a reprint before its original, what is left out, an
    entry twice with other words, and one that was taken down; then updates of some, one under another guid, and another
    feed with the same."""
    one, two, three = (f"https://all.example/{name}" for name in ("one", "two", "three"))
    document = [
        Shown("reprint", None, "other near", credits=True),
        Shown("first", None, "one"),
        Shown("same text", None, "one"),
        Shown("near", None, "near"),
        Shown("short", one, "short"),
        Shown("same URL", one, "short"),
        Shown("left out", two, "two", skip="feed"),
        Shown("in another language", two, "two", skip="language"),
        Shown("twice", None, ""),
        Shown("twice", None, "", words="other words"),
        Shown("dead", None, "short"),
        Shown("renamed", three, ""),
    ]
    later = [
        replace(document[1], text="near"),
        replace(document[4], text="two"),
        Shown("original", two, "two"),
        replace(document[-1], text="short", guid="another"),
    ]
    polls = [[("a", document)], [("a", later), ("b", document[1:6])], [("b", later), ("c", document)]]
    dead = [key("guid", "a", "dead")]
    found = compared(empty_state, polls, near=near, linked=linked, dead=dead)
    assert found["counted"]["duplicates"] >= 4
    assert {"new", "update"} <= {*found["ops"]}
    assert ("duplicate" in found["ops"]) == linked


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # to make one smaller takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(polls=POLLS, near=st.sampled_from(("link", "link", "drop")), linked=st.booleans())
def test_whatever_comes_comes_to_the_same(
    empty_state: Path, polls: list[list[tuple[str, list[Shown]]]], near: Near, linked: bool
) -> None:
    """Any few polls of three feeds."""
    compared(empty_state, polls, near=near, linked=linked)
