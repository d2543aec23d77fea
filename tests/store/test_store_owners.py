"""Whose a URL is that feeds of several sites show."""

from __future__ import annotations

import pytest

from tests.store.conftest import OpenRun
from tests.store.invariants import check_state
from tests.store.samples import HOUR, Run, key, make_draft, make_entry, make_feed
from worker.dedup import sketch
from worker.model import Draft, Extraction, SeenEntry, Sketch, State
from worker.store import read_story

URL = "https://a.example/one"
HOME, STRANGER = make_entry("one", url=URL), make_entry("lie", feed="b", url=URL)


def words(text: str, *, extraction: Extraction = "feed_only", title: str = "lie") -> Draft:
    """A record whose text is not the page's."""
    return make_draft(text, extraction=extraction, title_key=make_entry(title).title_key)


async def shown(run: Run, feed: str, entry: SeenEntry) -> tuple[int, int]:
    """New and duplicate, of a poll an hour later."""
    run.later(HOUR)
    done = await run.poll(feed, entry)
    return done.new, done.duplicates


@pytest.mark.parametrize("extraction", ["feed_only", "paywalled", "blocked", "failed", "skipped"])
async def test_the_feed_of_its_site_takes_a_url_from_a_strangers_words(
    run: Run, state: State, extraction: Extraction
) -> None:
    """And stands for it from then on: others of its site, and strangers, are its duplicates."""
    await run.start("a", "b", "c", make_feed("a2", "https://www.a.example/sport"))
    assert (await run.poll("b", STRANGER)).new == 1
    await run.ingest("lie", words("a lie", extraction=extraction), feed="b")
    assert await shown(run, "a", HOME) == (1, 0)
    assert (await run.ingest("one", make_draft("the article"))).op == "new"
    check_state(state)
    assert await shown(run, "a2", make_entry("same", feed="a2", url=URL)) == (0, 1)
    assert await shown(run, "c", make_entry("third", feed="c", url=URL)) == (0, 1)
    assert await shown(run, "b", STRANGER) == (0, 0)
    assert await shown(run, "a", HOME) == (0, 0)
    check_state(state)
    story = read_story(state, URL)
    own = next(entry for entry in story.entries if entry.feed_id == "a")
    assert sorted(one.feed_id for one in story.entries if one.duplicate_of == own.record_id) == ["a2", "c"]
    assert [row.body for row in await run.publish()] == [b"record: a lie", b"record: the article"]


@pytest.mark.parametrize(
    ("draft", "feed", "url"),
    [
        pytest.param(make_draft("the page"), "a", URL, id="who has the page stands for it"),
        pytest.param(words("words"), "c", URL, id="another stranger has no better right"),
        pytest.param(words("words"), "a", "https://c.example/one", id="nor has a feed at another site's page"),
        pytest.param(None, "a", URL, id="what is still to be read may be the page"),
    ],
)
async def test_a_url_stays_with_who_showed_it_first(run: Run, draft: Draft | None, feed: str, url: str) -> None:
    """As ever."""
    await run.start("a", "b", "c")
    await run.poll("b", make_entry("lie", feed="b", url=url))
    if draft is not None:
        await run.ingest("lie", draft, feed="b")
    assert await shown(run, feed, make_entry("one", feed=feed, url=url)) == (0, 1)


async def test_what_waited_behind_a_stranger_is_new_again(run: Run, state: State) -> None:
    """The feed of the site came while the page was still to be had; it could not be. Another stranger waits on."""
    await run.start("a", "b", "c")
    await run.poll("b", STRANGER)
    third = make_entry("third", feed="c", url=URL)
    assert (await run.poll("a", HOME)).duplicates == (await run.poll("c", third)).duplicates == 1
    await run.ingest("lie", words("a lie"), feed="b")
    check_state(state)
    assert await shown(run, "c", third) == (0, 0)
    assert await shown(run, "a", HOME) == (1, 0)
    check_state(state)


@pytest.mark.parametrize(("title", "op"), [("lie", "new"), ("one", None)])
async def test_a_strangers_title_does_not_keep_the_pages_own(run: Run, title: str, op: str | None) -> None:
    """Its words may be the page's to the letter: under another title, they are written with the page's own."""
    await run.start("a", "b")
    await run.poll("b", STRANGER)
    await run.ingest("lie", words("the same", title=title), feed="b")
    assert await shown(run, "a", HOME) == (1, 0)
    assert (await run.ingest("one", make_draft("the same", title_key=HOME.title_key))).op == op


async def test_what_is_taken_over_stays_so_after_a_restart(open_run: OpenRun, state: State) -> None:
    """It is known by the state, and not by this process."""
    async with open_run() as run:
        await run.start("a", "b")
        await run.poll("b", STRANGER)
        await run.ingest("lie", words("a lie"), feed="b")
        run.later(HOUR)
        await run.poll("a", HOME)
        now = run.now
    async with open_run(now=now) as run:
        await run.start("a", "b", "c")
        await run.ingest("one", make_draft("the article"))
        assert await shown(run, "b", STRANGER) == (0, 0)
        assert await shown(run, "c", make_entry("third", feed="c", url=URL)) == (0, 1)
        check_state(state)


LONG = sketch(" ".join(f"word{n} of the article" for n in range(100)))
EDITED = sketch(" ".join(f"word{n} of the article" for n in range(95)) + " and a correction")
OTHER = sketch(" ".join(f"another{n} thing entirely" for n in range(100)))


@pytest.mark.parametrize(
    ("after", "freed"),
    [
        pytest.param(EDITED, False, id="edited, it stands for the others"),
        pytest.param(OTHER, True, id="another text"),
        pytest.param(None, True, id="next to no text"),
    ],
)
async def test_who_says_another_thing_stands_for_those_at_its_own_page_alone(
    run: Run, state: State, after: Sketch | None, freed: bool
) -> None:
    """By its text, and by where its link had led to before; who lists the same page is its duplicate as ever."""
    await run.start("a", "b", "c", "d")
    led_to = "https://c.example/one"
    await run.poll("b", make_entry("x", feed="b", url=URL))
    await run.ingest("x", make_draft("text", sketch=LONG, url_keys=(key("url", led_to),)), feed="b")
    waiting = [make_entry("text", feed="a"), make_entry("there", feed="c", url=led_to)]
    here = make_entry("here", feed="d", url=URL)
    await run.poll("a", waiting[0])
    assert (await run.ingest("text", make_draft("text", sketch=LONG))).duplicates == 1
    assert (await run.poll("c", waiting[1])).duplicates == (await run.poll("d", here)).duplicates == 1
    run.later(HOUR)
    await run.poll("b", make_entry("x", feed="b", url=URL, words="changed"))
    assert (await run.ingest("x", make_draft("else", sketch=after), feed="b")).op == "update"
    check_state(state)
    assert [await shown(run, *each) for each in zip("ac", waiting, strict=True)] == [(int(freed), 0)] * 2
    assert await shown(run, "d", here) == (0, 0)
    if freed:
        assert (await run.ingest("text", make_draft("text", sketch=LONG))).op == "new"
        assert (await run.ingest("there", make_draft("that", sketch=None), feed="c")).op == "new"
    check_state(state)
