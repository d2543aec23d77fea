"""Entries that were ingested: which become records, and which are duplicates."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from tests.store.conftest import OpenRun
from tests.store.samples import HOUR, LEASE_MS, START, WINDOW_MS, Run, ask, key, make_draft, make_entry, make_version
from worker.dedup import Name
from worker.model import Broken, FeedId, HostPolicy, Millis, Moved, State
from worker.store import read_status
from worker.store.database import tables as t
from worker.store.database.opening import open_beside

pytestmark = pytest.mark.both("slow")


async def queue(run: Run, *names: str) -> None:
    """Feeds a, b, c …, each with one of the entries, all queued."""
    feeds = "abcdef"[: len(names)]
    await run.start(*feeds)
    for feed, name in zip(feeds, names, strict=True):
        await run.poll(feed, make_entry(name, feed=feed))


async def show_again(run: Run, name: str, words: str) -> None:
    """The feed says something else of an entry."""
    run.later(HOUR)
    assert (await run.poll("a", make_entry(name, words=words))).changed == 1


async def test_an_article_is_written(run: Run) -> None:
    """The first article of an entry is a record with op new, revision 1 and the bytes of its draft."""
    await queue(run, "one")
    run.later(1_234)
    finished = await run.ingest("one", make_draft("the text"))
    assert (finished.op, finished.duplicates, finished.quarantined) == ("new", 0, False)
    assert await run.claim_all() == []
    (row,) = await run.publish()
    assert (row.op, row.revision, row.body) == ("new", 1, b"record: the text")
    assert (row.ingested_at, row.duplicate_of) == (run.now, None)


async def test_a_changed_article_is_an_update(run: Run) -> None:
    """Articles that change are written under the same id, each with the next revision."""
    await queue(run, "one")
    first = (await run.ingest_of("one")).record_id
    await run.ingest("one", make_draft("first"))
    for text in ("second", "third"):
        await show_again(run, "one", text)
        assert (await run.ingest_of("one")).record_id == first
        assert (await run.ingest("one", make_draft(text))).op == "update"
    rows = await run.publish()
    assert [(row.op, row.revision) for row in rows] == [("new", 1), ("update", 2), ("update", 3)]


async def test_an_article_that_says_the_same_is_not_written(run: Run) -> None:
    """A feed that changes its words about an article that stands as it was makes no record, however often."""
    await queue(run, "one")
    await run.ingest("one", make_draft("first"))
    for words in ("typo", "typo corrected"):
        await show_again(run, "one", words)
        assert (await run.ingest("one", make_draft("first", body=b"other markup"))).op is None
    assert len(await run.publish()) == 1
    assert await run.claim_all() == []


async def test_an_article_may_change_back(run: Run) -> None:
    """An article that says again what it said two revisions ago is an update like any other."""
    await queue(run, "one")
    for text in ("this", "that", "this"):
        await run.ingest("one", make_draft(text))
        await show_again(run, "one", f"not {text} {run.now}")
    assert [row.revision for row in await run.publish()] == [1, 2, 3]


async def test_a_text_that_another_has_is_a_duplicate(run: Run, state: State) -> None:
    """The same text under two URLs is one record; the second entry is noted and done with."""
    await queue(run, "one", "other")
    assert (await run.ingest("one", make_draft("text"))).op == "new"
    finished = await run.ingest("other", make_draft("text", body=b"copy"), feed="b")
    assert (finished.op, finished.duplicates) == (None, 1)
    assert [row.body for row in await run.publish()] == [b"record: text"]
    assert await run.claim_all() == []
    totals = read_status(state)[1]
    assert (totals.articles, totals.duplicates, totals.queued) == (1, 1, 0)


async def test_one_text_twice_in_a_batch_is_written_once(run: Run) -> None:
    """Of two articles with one text that are committed together, the first is written."""
    await queue(run, "one", "other")
    first, second = await run.ingest_of("one"), await run.ingest_of("other", feed="b")
    results = await run.finish(run.ingested(first, make_draft("text")), run.ingested(second, make_draft("text")))
    assert [(result.op, result.duplicates) for result in results] == [("new", 0), (None, 1)]


async def test_texts_too_short_to_identify_are_no_duplicates(run: Run) -> None:
    """Articles without a text key are told apart by key and URL alone."""
    await queue(run, "one", "other")
    assert (await run.ingest("one", make_draft("short", text_key=None))).op == "new"
    assert (await run.ingest("other", make_draft("short", text_key=None), feed="b")).op == "new"


@pytest.mark.parametrize(
    ("after_ms", "op"),
    [
        pytest.param(WINDOW_MS - 1, None, id="within the window"),
        pytest.param(WINDOW_MS, "new", id="when it has passed"),
    ],
)
async def test_a_text_is_remembered_for_the_window(run: Run, after_ms: int, op: str | None) -> None:
    """A text is its first entry's for the window, to the millisecond; then another may have it, and keeps others from
    it in turn."""
    await queue(run, "one", "other", "third")
    await run.ingest("one", make_draft("text"))
    run.now = Millis(START + after_ms)
    run.held.clear()
    assert (await run.ingest("other", make_draft("text"), feed="b")).op == op
    assert (await run.ingest("third", make_draft("text"), feed="c")).duplicates == 1


async def test_an_update_prolongs_its_own_text(run: Run) -> None:
    """The window of a text counts from the last record of the entry that has it."""
    await queue(run, "one", "other")
    await run.ingest("one", make_draft("text"))
    run.later(WINDOW_MS - HOUR)
    await show_again(run, "one", "other authors")
    update = make_draft("text", revision_key=key("authors"))
    assert (await run.ingest("one", update)).op == "update"
    run.later(HOUR)
    run.held.clear()
    assert (await run.ingest("other", make_draft("text"), feed="b")).duplicates == 1


async def test_an_update_does_not_take_a_text_from_another(run: Run) -> None:
    """An entry that comes to say what another says is updated, and the text stays the other's."""
    await queue(run, "one", "other", "third")
    await run.ingest("one", make_draft("mine"))
    first = (await run.ingest_of("other", feed="b")).record_id
    await run.ingest("other", make_draft("text"), feed="b")
    await show_again(run, "one", "now as the other")
    assert (await run.ingest("one", make_draft("text"))).op == "update"
    assert (await run.ingest("third", make_draft("text", pointer=b"see"), feed="c")).duplicates == 1
    assert (await run.publish())[-1].duplicate_of == first


async def test_the_duplicates_of_a_copy_are_its_originals(run: Run, state: State) -> None:
    """Also those by its URL, from before its text was known."""
    await queue(run, "one", "other", "third")
    await run.ingest("one", make_draft("text"))
    await run.ingest("third", make_draft("something else"), feed="c")
    run.later(HOUR)
    there = make_entry("there", feed="c", url="https://b.example/other")
    assert (await run.poll("c", there)).duplicates == 1
    assert (await run.ingest("other", make_draft("text"), feed="b")).duplicates == 1
    duplicates = "SELECT count(*), count(DISTINCT duplicate_of) FROM entry WHERE duplicate_of IS NOT NULL"
    assert ask(state, duplicates) == [(2, 1)]


async def test_work_that_ends_twice_in_a_batch_has_ended_once(run: Run) -> None:
    """As where an answer comes again: its lease is its own for one result."""
    await queue(run, "one")
    done = run.ingested(await run.ingest_of("one"), make_draft("text"))
    assert [finished.accepted for finished in await run.finish(done, done)] == [True, False]
    assert [row.op for row in await run.publish()] == ["new"]


async def test_a_linked_duplicate_points_to_the_first(run: Run) -> None:
    """Where duplicates are linked, a record without content names the one that had the text first."""
    await queue(run, "one", "other")
    first = (await run.ingest_of("one")).record_id
    await run.ingest("one", make_draft("text", pointer=b"unused"))
    finished = await run.ingest("other", make_draft("text", pointer=b"see there"), feed="b")
    assert (finished.op, finished.duplicates) == (None, 1)
    rows = await run.publish()
    assert [(row.op, row.body) for row in rows] == [("new", b"record: text"), ("duplicate", b"see there")]
    assert (rows[1].revision, rows[1].duplicate_of) == (1, first)


async def test_a_duplicate_that_says_the_same_again_stays_one(run: Run) -> None:
    """An entry that changes while it turns out to be a duplicate is read again: one pointer, no record."""
    await run.start("a", "b")
    await run.poll("b", make_entry("one", feed="b"))
    await run.ingest("one", make_draft("text"), feed="b")
    await run.poll("a", make_entry("copy"), next_due=run.now)
    under_way = await run.ingest_of("copy")
    await run.poll("a", make_entry("copy", words="corrected"))
    await run.finish(run.ingested(under_way, make_draft("text", pointer=b"see there")))
    await run.ingest("copy", make_draft("text", revision_key=key("authors"), pointer=b"see there"))
    assert await run.claim_all() == []
    assert [(row.op, row.revision) for row in await run.publish()] == [("new", 1), ("duplicate", 1)]


# --- URLs that pages reveal ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draft", "op"),
    [
        pytest.param({"title_key": key("title", "one"), "text_key": key("other")}, None, id="same title"),
        pytest.param({"title_key": key("other")}, None, id="same text, though its window is over"),
        pytest.param({"title_key": key("other"), "text_key": key("other")}, "new", id="neither: a front page, say"),
        pytest.param({"title_key": b"", "text_key": None}, "new", id="nothing to compare"),
    ],
)
async def test_a_page_that_names_anothers_url(run: Run, draft: dict[str, bytes | None], op: str | None) -> None:
    """A page that was redirected to, or names as canonical, the URL of another entry is its duplicate where title or
    text agree; sites redirect what is gone to their front page."""
    await queue(run, "one", "other")
    await run.ingest("one", make_draft("text", title_key=key("title", "one")))
    run.later(WINDOW_MS)
    run.held.clear()
    revealed = key("url", "https://a.example/one")
    finished = await run.ingest("other", make_draft("text", **draft, url_keys=(revealed,)), feed="b")
    assert (finished.op, finished.duplicates) == (op, 0 if op else 1)


async def test_a_revealed_url_is_known_from_then_on(run: Run) -> None:
    """The URL that a page names as its own identifies it to other feeds, though no feed has listed it before."""
    await queue(run, "one", "unrelated")
    revealed = "https://a.example/one?page=1"
    await run.ingest("one", make_draft("text", url_keys=(key("url", revealed),)))
    run.later(HOUR)
    assert (await run.poll("b", make_entry("copy", feed="b", url=revealed))).duplicates == 1


async def test_a_url_revealed_twice_is_taken_once(run: Run) -> None:
    """A page may name one URL as canonical and be redirected to it, and an update name it again."""
    await queue(run, "one")
    revealed = key("url", "https://a.example/one?page=1")
    assert (await run.ingest("one", make_draft("text", url_keys=(revealed, revealed)))).op == "new"
    await show_again(run, "one", "corrected")
    assert (await run.ingest("one", make_draft("corrected", url_keys=(revealed,)))).op == "update"


async def test_pages_that_name_each_other_are_written_once(run: Run, state: State) -> None:
    """Of two entries whose pages name each other's URL as canonical (http and https, say) one is written: neither is
    to stand for the other, and none at all be there."""
    await queue(run, "one", "other")
    urls = {"a": key("url", "https://a.example/one"), "b": key("url", "https://b.example/other")}
    for name in ("one", "other"):
        await run.ingest(
            name,
            make_draft(
                "text", title_key=key("title", {"one": "other", "other": "one"}[name]), url_keys=tuple(urls.values())
            ),
            feed={"one": "a", "other": "b"}[name],
        )
    assert [row.op for row in await run.publish()] == ["new"]
    totals = read_status(state)[1]
    assert (totals.articles, totals.duplicates) == (1, 1)


async def test_a_chain_of_duplicates_names_the_last(run: Run) -> None:
    """A duplicate of a duplicate is one of the entry that was written: whichever was found first, links lead there."""
    await run.start("a", "b", "c", "d")
    url = "https://b.example/one"
    await run.poll("a", make_entry("one"))
    root = (await run.ingest_of("one")).record_id
    await run.ingest("one", make_draft("text"))
    await run.poll("b", make_entry("one", feed="b"))
    await run.poll("c", make_entry("early", feed="c", url=url, pointer=b"early"))
    await run.ingest("one", make_draft("text", pointer=b"copy"), feed="b")
    await run.poll("d", make_entry("late", feed="d", url=url, pointer=b"late"))
    pointers = {row.body: row.duplicate_of for row in await run.publish() if row.op == "duplicate"}
    assert pointers[b"copy"] == pointers[b"late"] == root
    assert pointers[b"early"] == make_entry("one", feed="b").own.hex(), "which was to be written then, and points on"


@pytest.mark.embedded
async def test_a_chain_does_not_hide_an_article(run: Run) -> None:
    """A duplicate whose first became a duplicate too is taken up when the one they both stood behind is forgotten."""
    await run.start("a", "b", "c")
    await run.poll("a", make_entry("root"))
    await run.poll("b", make_entry("middle", feed="b"))
    await run.poll("c", make_entry("leaf", feed="c", url="https://b.example/middle"))
    reveals = key("url", "https://a.example/root")
    middle = make_draft("middle", title_key=key("title", "root"), url_keys=(reveals,))
    assert (await run.ingest("middle", middle, feed="b")).duplicates == 1
    await run.start("c")
    run.later(HOUR)
    assert (await run.poll("c", make_entry("leaf", feed="c", url="https://b.example/middle"))).new == 1
    assert (await run.ingest("leaf", feed="c")).op == "new"


@pytest.mark.both("always")
async def test_a_text_that_was_taken_down_stays_away_for_good(run: Run, state: State) -> None:
    """Whoever says the same, and though its window is over when it is taken down. Others that begin to differ late in
    the hash are others."""
    await queue(run, "one", "two", "three")
    await run.ingest("one", make_draft("said"))
    await run.publish()
    run.later(WINDOW_MS)
    await run.store.upkeep(now=run.now)
    assert await run.store.forget(Name(key("url", "https://a.example/one")), now=run.now) == 1
    assert (await run.ingest("two", make_draft("said"), feed="b")).op is None
    other = key("text", "said")[:7] + bytes(9)
    assert (await run.ingest("three", make_draft("other", text_key=other), feed="c")).op == "new"
    assert read_status(state)[1].articles == 1


@pytest.mark.parametrize(("pointer", "new"), [(None, 1), (b"see there", 0)])
async def test_a_copy_that_turns_into_what_was_taken_down_takes_nothing_with_it(
    run: Run, pointer: bytes | None, new: int
) -> None:
    """The article that it was a copy of stands for itself then: else a stranger could keep it out."""
    await queue(run, "one", "copy")
    await run.ingest("one", make_draft("said"))
    await run.publish()
    await run.store.forget(Name(key("url", "https://a.example/one")), now=run.now)
    copy = run.ingested(await run.ingest_of("copy", feed="b"), make_draft("article"), look_at=Millis(run.now + HOUR))
    await run.finish(copy)
    own = make_entry("own", feed="c", pointer=pointer)
    await run.start("a", "b", "c")
    await run.poll("c", own, version=make_version("1"))
    assert (await run.ingest("own", make_draft("article", pointer=pointer), feed="c")).duplicates == 1
    run.later(HOUR)
    assert (await run.ingest("copy", make_draft("said"), feed="b")).op is None
    assert (await run.poll("c", own)).new == new
    assert (await run.ingest("own", make_draft("article"), feed="c")).op == ("new" if new else "update")


async def test_a_text_that_an_older_version_took_down_stays_away(run: Run, state: State) -> None:
    """It noted more of its hash."""
    await queue(run, "one")
    with open_beside(state) as connection:
        connection.execute(insert(t.tombstone).values(key=key("text", "said")[:10]))
    assert (await run.ingest("one", make_draft("said"))).op is None
    assert read_status(state)[1].articles == 0


@pytest.mark.parametrize("how", ["done", "broken", "moved"])
async def test_what_is_taken_down_while_it_is_read_is_refused(open_run: OpenRun, how: str) -> None:
    """Nothing else suffers by it. Its host is asked again when the lease would have ended: it may be at it still."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=0)) as run:
        await run.start("a", "b")
        await run.poll("a", make_entry("one"))
        work = await run.ingest_of("one")
        assert await run.store.forget(Name(key("url", "https://a.example/one")), now=run.now) == 1
        await run.poll("b", make_entry("two", feed="b"))  # whose work may have the number of what is gone
        ends = {
            "done": run.ingested(work, make_draft("one")),
            "broken": Broken(lease=work.lease, at=run.now, error="KeyError"),
            "moved": Moved(lease=work.lease, url="https://c.example/", host="c.example", hops=1),
        }
        assert not (await run.finish(ends[how]))[0].accepted
        assert (await run.ingest_of("two", feed="b")).url == "https://b.example/two"
        await run.store.hasten([FeedId("a")], now=run.now)
        run.later(LEASE_MS - 1)
        assert await run.claim() == []
        run.later(1)
        assert (await run.poll_of("a")).feed_id == "a"
