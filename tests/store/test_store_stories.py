"""Near-duplicates share a cluster, and the original is named whenever it comes; each told once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select

from tests.dedup.test_sketches import article
from tests.store.conftest import OpenRun
from tests.store.samples import DAY, HOUR, START, WINDOW_MS, Run, key, make_draft, make_entry
from tests.store.test_store_plans import scans, statements
from tests.store.test_store_recovery import make_written
from worker import dedup
from worker.dedup import Name
from worker.model import Credit, Draft, Finished, State
from worker.store import OutboxRow, Recovery
from worker.store.database import tables as t
from worker.store.database.opening import reading

pytestmark = pytest.mark.both("slow")

BEHIND = ["This article first appeared in the Quay Letter.", "Follow us, and join the ten thousand who do already."]


def told(text: list[str], *, credit: Credit | None = None, **changes: Any) -> Draft:
    """The record of an article that says `text`, and whom it credits."""
    whole = "\n".join(text)
    original = None if credit is None else {"name": credit.name, "url": credit.url}
    body = {"id": key(whole).hex(), "content_text": whole, "_ingest": {"original": original}}
    values = {"body": orjson.dumps(body), "sketch": dedup.sketch(whole), "credit": credit}
    return make_draft(whole, **(values | changes))


async def shown(run: Run, name: str, draft: Draft, *, feed: str) -> Finished:
    """A feed shows an entry, whose article is `draft`."""
    run.later(2 * HOUR)
    await run.poll(feed, make_entry(name, feed=feed), fresh=None)
    return await run.ingest(name, draft, feed=feed)


def record_id(name: str, feed: str) -> str:
    return make_entry(name, feed=feed).own.hex()


def said(row: OutboxRow) -> tuple[str, str | None, str | None]:
    return row.op, row.cluster_id, row.duplicate_of


@pytest.fixture
async def two(run: Run) -> Run:
    await run.start("a", "b", "c")
    return run


async def test_a_reprint_is_written_whole_and_names_the_first(two: Run) -> None:
    """It has lines of its own, and so may be wanted."""
    await shown(two, "one", told(article(1)), feed="a")
    await shown(two, "reprint", told([*article(1), *BEHIND]), feed="b")
    await shown(two, "other", told(article(2)), feed="b")
    first = record_id("one", "a")
    other = record_id("other", "b")
    rows = await two.publish()
    assert [said(row) for row in rows] == [("new", first, None), ("new", first, first), ("new", other, None)]
    assert orjson.loads(rows[1].body)["content_text"].endswith(BEHIND[-1])


async def test_a_copy_of_a_copy_names_the_first(two: Run) -> None:
    """Cut from the reprint, it has the reprint's lines."""
    await shown(two, "one", told(article(1)), feed="a")
    await shown(two, "reprint", told([*BEHIND, *article(1)]), feed="b")
    await shown(two, "cut", told([*BEHIND, *article(1)[:-6]]), feed="c")
    first = record_id("one", "a")
    assert [said(row)[1:] for row in await two.publish()] == [(first, None), (first, first), (first, first)]


async def test_short_texts_have_no_cluster(two: Run) -> None:
    """Nobody can say what they are copies of; once the whole text is there, it has one."""
    await shown(two, "one", told(article(1)), feed="a")
    await shown(two, "two", told(["Sign in to read on."], text_key=None), feed="b")
    two.later(2 * HOUR)
    await two.poll("b", make_entry("two", feed="b", words="more"))
    await two.ingest("two", told([*article(1), *BEHIND]), feed="b")
    first = record_id("one", "a")
    assert [said(row) for row in await two.publish()][1:] == [("new", None, None), ("update", first, first)]


async def test_an_article_keeps_its_cluster(two: Run) -> None:
    """Whatever it says later: also another story's text, or hardly any."""
    await shown(two, "one", told(article(1)), feed="a")
    await shown(two, "two", told(article(2)), feed="b")
    for words, draft in (("now", told([*article(1), *BEHIND])), ("then", told(["Withdrawn."], text_key=None))):
        two.later(2 * HOUR)
        await two.poll("b", make_entry("two", feed="b", words=words))
        await two.ingest("two", draft, feed="b")
    await shown(two, "three", told([*BEHIND, *article(2)]), feed="c")
    second = record_id("two", "b")
    rows = await two.publish()
    assert [said(row) for row in rows[1:4]] == [
        ("new", second, None),
        ("update", second, None),
        ("update", second, None),
    ]
    assert said(rows[4]) == ("new", record_id("three", "c"), None)  # nobody says that any more


async def test_the_window_ends(two: Run) -> None:
    """A text is not met again after it, whether or not upkeep has been there."""
    await shown(two, "one", told(article(1)), feed="a")
    two.later(WINDOW_MS)
    await shown(two, "late", told([*article(1), *BEHIND]), feed="b")
    assert said((await two.publish())[1]) == ("new", record_id("late", "b"), None)


async def test_each_copy_prolongs_the_story(two: Run) -> None:
    """A copy is met by its copy, whose cluster is that of the first."""
    await shown(two, "one", told(article(1)), feed="a")
    two.later(20 * DAY)
    await shown(two, "next", told([*article(1), *BEHIND]), feed="b")
    two.later(20 * DAY)
    await shown(two, "last", told([*BEHIND, *article(1), *BEHIND]), feed="c")
    first = record_id("one", "a")
    assert [said(row)[1:] for row in await two.publish()] == [(first, None), (first, first), (first, first)]


async def test_upkeep_leaves_nothing_of_what_is_over(two: Run, state: State) -> None:
    """Sketches, what they are filed under, and what waits for its original."""
    for seed in range(5):
        draft = told(article(seed), credit=Credit(name="Nobody Else"))
        await shown(two, f"n{seed}", draft, feed="a")
    assert counts(state) == (5, 20, 5)
    two.later(WINDOW_MS - 4 * HOUR)
    await two.store.upkeep(now=two.now)
    assert 0 < counts(state)[0] < 5
    two.later(DAY)
    await two.store.upkeep(now=two.now)
    assert counts(state) == (0, 0, 0)


def counts(state: State) -> tuple[int, ...]:
    with reading(state) as connection:
        tables = (t.sketch, t.shingle, t.reprint)
        return tuple(connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


async def test_common_words_are_one_articles_alone(two: Run, state: State) -> None:
    """Of lines under every article of a site, the first is filed; the others under words of their own. None of them
    is a copy, and the next look-up brings no more for it."""
    boiler = article("boilerplate", words=120)
    for seed in range(30):
        await shown(two, f"n{seed}", told([*article(seed, words=200), *boiler]), feed="a")
    rows = await two.publish()
    assert len({row.cluster_id for row in rows}) == 30
    assert counts(state) == (30, 120, 0)


async def test_a_form_in_one_feed_makes_no_story(two: Run) -> None:
    """Two thirds are the same each day; in another feed it is a copy."""
    await shown(two, "monday", told([*article(1), *article("monday", words=90)]), feed="a")
    await shown(two, "tuesday", told([*article(1), *article("tuesday", words=90)]), feed="a")
    await shown(two, "elsewhere", told([*article(1), *article("elsewhere", words=90)]), feed="b")
    clusters = [row.cluster_id for row in await two.publish()]
    assert clusters[:2] == [record_id("monday", "a"), record_id("tuesday", "a")]
    assert clusters[2] in clusters[:2]


async def test_a_feed_that_collects_sites_has_their_reprints(two: Run) -> None:
    """What it shows of two sites are two sites'."""
    run = two
    for name, host in (("monday", "x"), ("tuesday", "y")):
        run.later(2 * HOUR)
        await run.poll("a", make_entry(name, feed="a", url=f"https://{host}.example/{name}"))
        await run.ingest(name, told([*article(1), *article(name, words=90)]), feed="a")
    first = record_id("monday", "a")
    assert [said(row)[1:] for row in await run.publish()] == [(first, None), (first, first)]


# --- who had it first -------------------------------------------------------------------------------------------------

A = "https://a.example/one"


@pytest.mark.both("always")
async def test_the_original_that_came_before_is_named(two: Run, state: State) -> None:
    """With its own address, and the name that the reprint has for it."""
    await shown(two, "one", told(article(1)), feed="a")
    credit = Credit(name="The Quay", url="https://a.example/")
    await shown(two, "reprint", told([*article(1), *BEHIND], credit=credit), feed="b")
    row = (await two.publish())[1]
    assert said(row) == ("new", record_id("one", "a"), record_id("one", "a"))
    assert orjson.loads(row.body)["_ingest"]["original"] == {"name": "The Quay", "url": A}
    assert counts(state) == (2, 8, 0)  # nothing is waited for


async def test_the_original_that_comes_after_is_named_once(two: Run) -> None:
    """It is nobody's copy; each of its reprints gets one update, and what they say later goes on naming it."""
    credit = Credit(url="https://a.example/")
    await shown(two, "r1", told([*article(1), *BEHIND], credit=credit), feed="b")
    await shown(two, "r2", told([*BEHIND, *article(1)], credit=credit), feed="c")
    first, one = record_id("r1", "b"), record_id("one", "a")
    await shown(two, "one", told(article(1)), feed="a")
    rows = await two.publish()
    assert [said(row) for row in rows] == [
        ("new", first, None),
        ("new", first, first),
        ("new", first, None),
        ("update", first, one),
        ("update", first, one),
    ]
    assert [row.revision for row in rows] == [1, 1, 1, 2, 2]
    for row in rows[3:]:
        record = orjson.loads(row.body)
        assert record["_ingest"]["original"] == {"name": None, "url": A}
        assert article(1)[0] in record["content_text"]
    two.later(2 * HOUR)
    await two.poll("a", make_entry("one", feed="a", words="again"))
    await two.ingest("one", told([*article(1), "A correction."]), feed="a")
    two.later(2 * HOUR)
    await two.poll("b", make_entry("r1", feed="b", words="again"))
    await two.ingest("r1", told([*article(1), *BEHIND, "Corrected."], credit=credit), feed="b")
    rows = await two.publish()
    assert [said(row) for row in rows] == [("update", first, None), ("update", first, one)]
    assert orjson.loads(rows[1].body)["_ingest"]["original"] == {"name": None, "url": A}


@pytest.mark.both("always")
async def test_a_reprint_that_was_deleted_is_not_named(two: Run) -> None:
    """Its text would come back by it."""
    await two.poll("b", make_entry("reprint", feed="b"))
    work = await two.ingest_of("reprint", feed="b")
    reprint = told([*article(1), *BEHIND], credit=Credit(url="https://a.example/"))
    await two.finish(two.ingested(work, reprint, look_at=two.now))
    for wait in (1, 6, 18, 0):
        work = await two.ingest_of("reprint", feed="b")
        gone = make_draft("", removal=b"gone", extraction="feed_only")
        await two.finish(two.ingested(work, gone, followed=True))
        two.later(wait * HOUR)
    await shown(two, "one", told(article(1)), feed="a")
    first, one = record_id("reprint", "b"), record_id("one", "a")
    assert [said(row) for row in await two.publish()] == [
        ("new", first, None),
        ("delete", first, None),
        ("new", one, None),
    ]


async def test_an_original_with_the_very_text_is_written(two: Run) -> None:
    """The reprint came first, and must not keep it out. What has the text from then on is the original's duplicate."""
    await shown(two, "reprint", told(article(1), credit=Credit(url=A)), feed="b")
    await shown(two, "one", told(article(1)), feed="a")
    await shown(two, "again", told(article(1), pointer=b"{}"), feed="c")
    first, one = record_id("reprint", "b"), record_id("one", "a")
    assert [said(row) for row in await two.publish()] == [
        ("new", first, None),
        ("new", first, None),
        ("update", first, one),
        ("duplicate", first, one),
    ]


async def test_a_reprint_with_the_very_text_is_written(two: Run) -> None:
    """Its lines of credit are no part of the text, and yet it has them. In one feed it is a duplicate like others."""
    credit = Credit(url=A)
    await shown(two, "one", told(article(1)), feed="a")
    await shown(two, "reprint", told(article(1), credit=credit), feed="b")
    await shown(two, "again", told(article(1), credit=credit), feed="a")
    one = record_id("one", "a")
    assert [said(row) for row in await two.publish()] == [("new", one, None), ("new", one, one)]


async def test_nobody_is_named_who_is_not_credited(two: Run) -> None:
    """Who was the second to have it may have had it from a third."""
    await shown(two, "reprint", told([*article(1), *BEHIND], credit=Credit(url="https://z.example/")), feed="b")
    await shown(two, "copy", told(article(1)), feed="a")
    first = record_id("reprint", "b")
    assert [said(row) for row in await two.publish()] == [("new", first, None), ("new", first, first)]


async def test_agencies_are_not_waited_for(two: Run) -> None:
    """What they wrote stands on a thousand sites."""
    credit = Credit(name="a", url="https://a.example/", is_agency=True)
    await shown(two, "reprint", told([*article(1), *BEHIND], credit=credit), feed="b")
    await shown(two, "one", told(article(1)), feed="a")
    assert [row.op for row in await two.publish()] == ["new", "new"]


# --- as configured ----------------------------------------------------------------------------------------------------


@pytest.mark.both("always")
async def test_near_duplicates_may_be_dropped(open_run: OpenRun) -> None:
    """Like others; but for one that a reprint is from."""
    async with open_run(near="drop") as run:
        await run.start("a", "b", "c")
        await shown(run, "reprint", told([*article(1), *BEHIND], credit=Credit(url=A)), feed="b")
        copy = told([*BEHIND, *article(1)], pointer=b"{}")  # `exact: link` is for those that are
        assert (await shown(run, "copy", copy, feed="c")).duplicates == 1
        assert (await shown(run, "one", told(article(1)), feed="a")).op == "new"
        assert [row.op for row in await run.publish()] == ["new", "new", "update"]


async def test_they_may_not_be_looked_for(open_run: OpenRun, state: State) -> None:
    """Then nothing is filed, and no record has a cluster."""
    async with open_run(near="off") as run:
        await run.start("a", "b")
        await shown(run, "one", told(article(1)), feed="a")
        await shown(run, "reprint", told([*article(1), *BEHIND], credit=Credit(url=A)), feed="b")
        assert [said(row) for row in await run.publish()] == [("new", None, None)] * 2
        assert counts(state) == (0, 0, 0)


async def test_what_is_forgotten_is_nobodys_original(two: Run, state: State) -> None:
    """Nothing of an article that was taken down is met again: its words, and the record kept for its original."""
    await shown(two, "reprint", told([*article(1), *BEHIND], credit=Credit(url=A)), feed="b")
    await two.publish()
    await two.store.forget(Name(bytes.fromhex(record_id("reprint", "b"))), now=two.now)
    assert counts(state) == (0, 0, 0)
    await shown(two, "one", told(article(1)), feed="a")
    assert [said(row) for row in await two.publish()] == [("new", record_id("one", "a"), None)]


async def test_stories_come_back_from_the_records(state: State, open_run: OpenRun) -> None:
    """After the loss of the state: copies join the cluster that was, and the original is told to who waits for it."""
    reprint = told([*article(1), *BEHIND], credit=Credit(url=A))
    cluster = bytes.fromhex(record_id("reprint", "b"))
    copy = make_entry("copy", feed="b")
    with Recovery(state, replace=False) as recovery:
        texts = {"text_key": reprint.text_key, "revision_key": reprint.revision_key, "sketch": reprint.sketch}
        first = make_written("reprint", feed="b", cluster_id=cluster, credit=reprint.credit, body=reprint.body, **texts)
        second = make_written("copy", feed="b", cluster_id=cluster, copy_of=cluster, text_key=key("t"))
        recovery.learn([first, second], sealed={}, now=START, window_ms=WINDOW_MS)
    async with open_run() as run:
        await run.start("a", "b", "c")
        await run.poll("b", copy)
        await run.ingest("copy", told(["Shorter now."], text_key=None), feed="b")
        await shown(run, "cut", told([*article(1)[:-6]]), feed="c")
        await shown(run, "one", told(article(1)), feed="a")
        of, one = cluster.hex(), record_id("one", "a")
        rows = [said(row) for row in await run.publish()]
    assert rows == [("update", of, of), ("new", of, of), ("new", of, None), ("update", of, one)]


async def test_a_reprint_that_is_named_anew_lacks_what_its_record_lacks(two: Run) -> None:
    """Lines that its site has under many of its articles do not come back with the update."""

    def lined(text: list[str], **changes: Any) -> Draft:
        lines = dedup.line_keys("\n".join(text), title=None, authors=(), published=None)
        return told(text, site="b.example", lines=lines, **changes)

    for number in range(11, 22):
        await shown(two, f"other-{number}", lined([*article(number), *BEHIND]), feed="b")
    credit = Credit(url="https://a.example/")
    await shown(two, "reprint", lined([*article(1), *BEHIND], credit=credit), feed="b")
    await shown(two, "original", told(article(1)), feed="a")
    rows = [row for row in await two.publish() if orjson.loads(row.body)["content_text"].startswith(article(1)[0])]
    assert [row.op for row in rows] == ["new", "new", "update"]
    assert {orjson.loads(row.body)["content_text"] for row in rows} == {"\n".join(article(1))}


async def test_to_place_an_article_scans_nothing(two: Run, state_path: Path) -> None:
    """However many there are: a copy, an original that comes later, a correction."""
    with statements() as found:
        await shown(two, "r1", told([*article(1), *BEHIND], credit=Credit(url=A)), feed="b")
        await shown(two, "r2", told([*BEHIND, *article(1)]), feed="c")
        await shown(two, "one", told(article(1)), feed="a")
        two.later(2 * HOUR)
        await two.poll("a", make_entry("one", feed="a", words="again"))
        await two.ingest("one", told([*article(1), "A correction."]), feed="a")
    for table in ("sketch", "shingle", "reprint"):
        assert any(f"FROM {table}" in statement for statement in found)
    assert scans(state_path, found) == []
