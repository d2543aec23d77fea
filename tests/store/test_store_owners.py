"""Whose a URL is that feeds of several sites show."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.conftest import OpenRun
from tests.store.invariants import check_state
from tests.store.samples import (
    DAY,
    FEED,
    HOUR,
    KEEP_MS,
    NO_PATIENCE,
    START,
    WINDOW_MS,
    Plans,
    Run,
    ask,
    key,
    make_draft,
    make_entry,
    make_feed,
    make_version,
)
from worker.dedup import Name, led_key, sketch
from worker.model import NO_VALIDATORS, Draft, Extraction, HandedBack, Ingest, Millis, SeenEntry, Sketch, State
from worker.store import Store, read_story
from worker.store.known import feeds

URL = "https://a.example/one"
HOME, STRANGER = make_entry("one", url=URL), make_entry("lie", feed="b", url=URL)


def words(text: str, *, extraction: Extraction = "feed_only", title: str = "lie") -> Draft:
    """A record whose text is not the page's."""
    return make_draft(text, extraction=extraction, title_key=make_entry(title).title_key)


async def hand_back(run: Run) -> None:
    """As a worker does that ends."""
    await run.finish(*(HandedBack(lease=work.lease) for work in run.held))


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


@pytest.mark.parametrize("pointer", [None, b"see there"])
async def test_so_does_one_whose_document_comes_from_there(run: Run, state: State, pointer: bytes | None) -> None:
    """Wherever it is listed; and it stands for the URL, whatever the stranger says from then on."""
    await run.start(make_feed("a", "https://third.example/feed"), "b")
    await run.poll("b", STRANGER)
    home = replace(HOME, pointer=pointer)
    assert (await run.poll("a", home, version=make_version("x"))).duplicates == 1
    await run.ingest("lie", words("a lie"), feed="b")
    run.later(HOUR)
    done = await run.poll("a", home, version=make_version("y"))
    assert (done.new, done.changed, done.duplicates) == ((1, 0, 0) if pointer is None else (0, 1, 0))
    await run.ingest("one", make_draft("the article"))
    run.later(HOUR)
    await run.poll("b", replace(STRANGER, version=key("version", "other")))
    await run.ingest("lie", words("another lie"), feed="b")
    run.later(HOUR)
    done = await run.poll("a", home, version=make_version("z"))
    assert (done.new, done.changed, done.duplicates) == (0, 0, 0)
    check_state(state)


@pytest.mark.parametrize(
    ("draft", "feed", "url"),
    [
        pytest.param(make_draft("the page"), "c", URL, id="who has the page stands for it"),
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


def by_page(feed: str, words: str = "") -> Draft:
    """The record of the page at `URL`, under the title that a feed gives it."""
    title = f"{feed} {words}"
    keys = {"title_key": key("title", title), "revision_key": key("revision", title)}
    if feed.startswith("d"):
        keys["url_keys"] = (key("url", URL), led_key(URL))
    return make_draft("the page", body=title.encode(), **keys)


@pytest.mark.parametrize("feed", ["a2", "c"])
async def test_what_moves_behind_another_is_found_at_its_new_url(run: Run, state: State, feed: str) -> None:
    """It stays a duplicate, since it has the same title. A feed of the site says where the article is, too."""
    await run.start("a", "c", make_feed("a2", "https://www.a.example/sport"))
    await run.poll("a", HOME)
    await run.ingest("one")
    theirs = make_entry("theirs", feed=feed, url=URL, title_key=HOME.title_key)
    assert await shown(run, feed, theirs) == (0, 1)
    to = "https://a.example/moved" if feed == "a2" else "https://c.example/one"
    moved = make_entry("theirs", feed=feed, url=to, words="moved", title_key=HOME.title_key)
    assert await shown(run, feed, moved) == (0, 0)
    check_state(state)
    assert feed in {entry.feed_id for entry in read_story(state, to).entries}


async def test_a_page_under_a_strangers_title_is_its_own_feeds(run: Run, state: State) -> None:
    """Which corrects it, once; the stranger's words count no more, nor do those of another feed of the site."""
    await run.start("a", "b", "c", make_feed("a2", "https://www.a.example/sport"))
    await run.poll("b", STRANGER)
    await run.ingest("lie", by_page("b"), feed="b")
    assert await shown(run, "c", make_entry("third", feed="c", url=URL)) == (0, 1)
    await run.poll("a", HOME)
    check_state(state)
    assert (await run.ingest("one", by_page("a"))).op == "update"
    section = make_entry("same", feed="a2", url=URL)
    assert await shown(run, "a2", section) == (0, 1)
    for feed, entry in (("b", STRANGER), ("a2", section), ("a", HOME)):
        again = replace(entry, version=key("version", feed))
        run.later(HOUR)
        assert (await run.poll(feed, again)).changed == (feed == "a")
    assert (await run.ingest("one", by_page("a", "again"))).op == "update"
    check_state(state)
    assert {entry.feed_id for entry in read_story(state, URL).entries if entry.duplicate_of is None} == {"a"}
    assert [(row.body, row.revision) for row in await run.publish()] == [(b"b ", 1), (b"a ", 2), (b"a again", 3)]


async def test_a_page_whose_feed_waited_behind_a_stranger_is_told_of_again(run: Run, state: State) -> None:
    """It came while the page was still to be had: its document is read whole, though it has not changed."""
    await run.start("a", "b")
    await run.poll("b", STRANGER)
    version = make_version("a")
    assert (await run.poll("a", HOME, version=version)).duplicates == 1
    await run.ingest("lie", by_page("b"), feed="b")
    run.later(HOUR)
    assert (await run.poll_of("a")).validators == NO_VALIDATORS
    assert (await run.poll("a", HOME, version=version)).changed == 1
    check_state(state)
    assert (await run.ingest("one", by_page("a"))).op == "update"
    run.later(HOUR)
    assert (await run.poll_of("a")).validators == version.validators
    assert (await run.poll("a", HOME, version=version)).changed == 0


@pytest.mark.parametrize("text", ["the page", None], ids=["long", "short"])
async def test_a_page_to_which_a_strangers_link_led_is_its_own_feeds(run: Run, state: State, text: str | None) -> None:
    """The link stays with its feed, as a duplicate, and with others that show it; with another text it is an article
    again if the page could be told by its own."""
    link = make_entry("link", feed="d", url="https://d.example/go")
    changes = {} if text else {"text_key": None}
    await run.start("a", "d", make_feed("d2", "https://d.example/2"))
    await run.poll("d", link)
    await run.ingest("link", replace(by_page("d"), **changes), feed="d")
    assert await shown(run, "a", HOME) == (0, 0)
    check_state(state)
    assert (await run.ingest("one", replace(by_page("a"), **changes))).op == "update"
    assert await shown(run, "d2", make_entry("same", feed="d2", url=link.url)) == (0, 1)
    changed = replace(link, version=key("version", "other"))
    assert await shown(run, "d", changed) == (0, 0)
    check_state(state)
    stories = {entry.feed_id: entry for entry in read_story(state, URL).entries}
    assert (stories["a"].duplicate_of, stories["a"].revision, stories["a"].url) == (None, 2, URL)
    assert {stories[feed].duplicate_of for feed in ("d", "d2")} == {stories["a"].record_id}
    if text:
        assert (await run.ingest("link", make_draft("something else"), feed="d")).op == "new"
    assert [(row.body, row.revision) for row in await run.publish()][:2] == [(b"d ", 1), (b"a ", 2)]
    check_state(state)
    await run.store.forget(Name(key("url", URL), URL), now=run.now)
    check_state(state)


async def test_no_feed_can_claim_that_a_link_led_to_its_page(run: Run) -> None:
    """Though its URL may be known for that of another's article: as that has moved there, it says."""
    await run.start("a", "evil")
    await run.poll("a", HOME)
    await run.ingest("one", by_page("a"))
    there = "https://evil.example/one"
    same = {"feed": "evil", "title_key": key("title", "a ")}
    assert await shown(run, "evil", make_entry("x", url=URL, **same)) == (0, 1)
    assert await shown(run, "evil", make_entry("x", url=there, words="moved", **same)) == (0, 0)
    assert await shown(run, "evil", make_entry("x", url=there, words="more", **same)) == (0, 0)
    assert await shown(run, "evil", make_entry("y", url=there, **same)) == (0, 1)
    run.later(HOUR)
    assert (await run.poll("a", replace(HOME, version=key("version", "other")))).changed == 1
    assert (await run.ingest("one", by_page("a", "again"))).op == "update"


@pytest.mark.parametrize(
    ("changes", "feed"),
    [
        pytest.param({"page": None}, "a", id="it reads no pages, and so could correct nothing"),
        pytest.param({"skipped": "left out by a filter"}, "a", id="its owner does not want the article"),
        pytest.param({}, "evil", id="it only calls itself a feed of the site"),
        pytest.param({}, "a-b", id="its site has a name like that"),
    ],
)
async def test_a_page_stays_with_a_stranger(run: Run, state: State, changes: dict[str, Any], feed: str) -> None:
    """If the other feed is not its own, or would not write it."""
    await run.start("b", feed)
    await run.poll("b", STRANGER)
    await run.ingest("lie", by_page("b"), feed="b")
    run.later(HOUR)
    named = make_version("x", url=f"https://{feed}.example/feed", site_url="https://a.example/")
    entry = replace(make_entry("one", feed=feed, url=URL), **changes)
    assert (await run.poll(feed, entry, version=named)).changed == 0
    assert (await run.poll("b", replace(STRANGER, version=key("version", "other")))).changed == 1
    check_state(state)


async def test_a_feed_that_its_site_redirects_elsewhere_or_that_is_found_there_is_its_own(run: Run) -> None:
    """It is listed at the site, or its document came from there."""
    await run.start("b", make_feed("proxy", "https://proxy.example/a"))
    await run.poll("b", STRANGER)
    await run.ingest("lie", by_page("b"), feed="b")
    entry = make_entry("one", feed="proxy", url=URL)
    run.later(HOUR)
    elsewhere = make_version("x", url="https://proxy.example/a")
    assert (await run.poll("proxy", entry, version=elsewhere)).duplicates == 1
    run.later(HOUR)
    entry = replace(entry, version=key("version", "other"))
    assert (await run.poll("proxy", entry, version=make_version("y"))).changed == 1


async def test_a_stranger_that_is_left_alone_changes_nothing_by_that(run: Run, state: State) -> None:
    """The page's own feed leaves the lists, and comes back: what neither says anew causes no record."""
    await run.start("a", "b")
    await run.poll("b", STRANGER)
    await run.ingest("lie", by_page("b"), feed="b")
    run.later(HOUR)
    await run.poll("a", HOME)
    await run.ingest("one", by_page("a"))
    await hand_back(run)
    await run.start("b", poll_all=True)
    assert (await run.poll("b", STRANGER)).changed == 0
    run.later(DAY)
    assert (await run.poll("b", replace(STRANGER, version=key("version", "other")))).changed == 1
    assert (await run.ingest("lie", by_page("b", "again"), feed="b")).op == "update"
    await hand_back(run)
    await run.start("a", "b", poll_all=True)
    run.later(DAY)
    assert (await run.poll("a", HOME)).changed == 1
    assert (await run.ingest("one", by_page("a"))).op == "update"
    assert (await run.poll("b", STRANGER)).changed == 0
    check_state(state)


SHOWING = {
    "a": HOME,
    "a2": make_entry("same", feed="a2", url=URL),
    "a3": make_entry("plain", feed="a3", url=URL.replace("https:", "http:")),
    "a4": make_entry("www", feed="a4", url=URL.replace("//", "//www.")),
    "b": STRANGER,
    "c": make_entry("third", feed="c", url=URL),
    "d": make_entry("link", feed="d", url="https://d.example/go"),
    "d2": make_entry("same-link", feed="d2", url="https://d.example/go"),
}
"""What feeds show of one page: four of its site, two by other spellings; two of strangers, and two of a site of
which a link leads to the page."""
MOST_REVISIONS = 2


@settings(deadline=None, max_examples=10, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from([*SHOWING, "read", "restart"]), min_size=4, max_size=14))
def test_no_two_feeds_change_an_article_in_turns(in_a_file: Callable[[Path], State], steps: list[str]) -> None:
    """Whoever is polled when, read whole each time, with restarts and reading in between: each article has one record
    and an update at most, and further polls change nothing. Once its own feed was polled, it is that feed's."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live(in_a_file(Path(folder)), steps))


@pytest.mark.parametrize("steps", [["b", "read", "a", "a3", "d", "read"], ["d", "read", "a", "d2"], ["a2", "d", "d2"]])
async def test_nor_do_they_on_either_database(state: State, steps: list[str]) -> None:
    """A stranger first, or a link that leads to the page; and two feeds of the site."""
    await _live(state, steps)


async def _live(state: State, steps: Sequence[str]) -> None:
    """Takes the steps, then polls and reads all to the end, and asserts that it is one."""
    listed = [make_feed(feed, f"https://{feed[0]}.example/{feed}") for feed in SHOWING]
    now = START
    rest = [*steps, "restart", "b", "read", "a", "read", *SHOWING, "a", "read"]

    @asynccontextmanager
    async def opened() -> AsyncIterator[Run]:
        plans = Plans()
        async with Store(
            state, policies=lambda _: NO_PATIENCE, planner=plans, window_ms=WINDOW_MS, keep_ms=KEEP_MS
        ) as store:
            run = Run(store, plans, now)
            await run.start(*listed, poll_all=True)
            yield run

    while rest:
        async with opened() as run:
            while rest and (step := rest.pop(0)) != "restart":
                await (_read_all(run) if step == "read" else _show(run, step))
            check_state(state)
            await hand_back(run)
            now = Millis(run.now + HOUR)
    async with opened() as run:
        rows = await run.publish()
        for feed in (*SHOWING, *reversed(SHOWING)):
            await _show(run, feed)
        await _read_all(run)
        assert await run.publish() == [], "something changed though nobody said anything new"
    revisions = Counter(row.body.partition(b" ")[0] for row in rows)
    assert len(rows) <= MOST_REVISIONS, revisions
    ((own,),) = ask(state, f"SELECT {FEED} FROM entry WHERE duplicate_of IS NULL")  # noqa: S608 # our own words
    assert own.startswith("a")


async def _show(run: Run, feed: str) -> None:
    run.later(HOUR)
    await run.poll(feed, SHOWING[feed])


async def _read_all(run: Run) -> None:
    """Reads all pages there are to read, each under the title that its feed gives it."""
    for _ in range(3):
        run.later(4 * HOUR)
        await run.claim_all()
        for work in [work for work in run.held if isinstance(work, Ingest)]:
            await run.finish(run.ingested(work, by_page(work.feed_id)))


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


@pytest.mark.parametrize("seen_when", ["before the first left", "after"])
async def test_what_a_feed_leaves_behind_is_the_next_ones_that_shows_it(run: Run, seen_when: str) -> None:
    """Corrections go on, as updates of the same article, where a feed gets another id or URL, or the lists keep only
    one of two that show it; it can be read again. What both show is not written twice, nor is what the first says once
    it is back."""
    url = "https://a.example/article"
    feeds = {name: make_feed(name, "https://a.example/feed") for name in "ab"}

    def said(feed: str, words: str = "") -> SeenEntry:
        return make_entry("article", feed=feed, url=url, version=key("version", words))

    await run.start(*feeds.values())
    await run.poll("a", said("a"))
    await run.ingest("article", make_draft("text"))
    if seen_when == "before the first left":
        assert (await run.poll("b", said("b"))).duplicates == 1
        run.later(HOUR)
    await hand_back(run)
    await run.start(feeds["b"], poll_all=True)
    same = await run.poll("b", said("b"))
    assert (same.new, same.changed) == (0, 0)
    for words in ("corrected", "corrected again"):
        run.later(DAY)
        assert (await run.poll("b", said("b", words))).changed == 1
        assert (await run.ingest("article", make_draft(words), feed="b")).op == "update"
    await run.store.read_again(Name(key("url", url), url), now=run.now)
    assert (await run.poll("b", said("b", "corrected again"))).changed == 1
    assert (await run.ingest("article", make_draft("corrected again"), feed="b")).op is None
    run.later(DAY)
    await run.start(*feeds.values(), poll_all=True)
    assert (await run.poll("a", said("a", "corrected again"))).new == 0
    assert [(row.body, row.revision) for row in await run.publish()] == [
        (make_draft(words).body, n) for n, words in enumerate(("text", "corrected", "corrected again"), start=1)
    ]


@pytest.mark.parametrize("linked", [True, False], ids=["with links", "without links"])
@pytest.mark.parametrize("swapped", [True, False], ids=["two ids swapped", "another id"])
async def test_entries_stay_those_of_the_feed_at_their_url(
    run: Run, state: State, swapped: bool, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under another id, or that of another feed: nothing is new, corrections go on, and so does what waits to be
    read. However many feeds are listed."""
    monkeypatch.setattr(feeds, "_ENLISTED", 1)
    names = ("one", "two") if swapped else ("one",)
    first = [make_feed(feed) for feed, _ in zip("ab", names, strict=False)]
    then = [make_feed(feed, was.url) for feed, was in zip("ba", first, strict=False)]

    async def shown(feed: str, name: str, words: str = "") -> tuple[int, int, int]:
        entry = make_entry(
            f"{name} of {feed}",
            feed=feed,
            url=f"https://{name}.example/article" if linked else None,
            title_key=key("title", name),
            version=key("version", name, words),
        )
        found = await run.poll(feed, entry, version=make_version(f"{name} {words}", entries=1))
        return found.new, found.changed, found.duplicates

    await run.start(*first)
    for feed, name in zip("ab", names, strict=False):
        assert await shown(feed, name) == (1, 0, 0)
        if not swapped:
            await run.ingest(name, feed=feed)
    run.later(HOUR)
    await hand_back(run)
    await run.start(*then, poll_all=True)
    for feed, name in zip("ba", names, strict=False):
        assert await shown(feed, name) == (0, 0, 0)
        if swapped:
            assert (await run.ingest(name, feed=feed)).op == "new"
    run.later(HOUR)
    for feed, name in zip("ba", names, strict=False):
        assert await shown(feed, name, "corrected") == (0, 1, 0)
        assert (await run.ingest(name, make_draft(f"{name} corrected"), feed=feed)).op == "update"
    check_state(state)


async def test_a_page_that_lists_many_things_goes_on_to_under_another_id(run: Run) -> None:
    """Each of its entries has the same link; what comes after its feed got another id is new, not a duplicate."""
    url = "https://a.example/status"
    await run.start(make_feed("a"))
    await run.poll("a", make_entry("first", url=url), make_entry("second", url=url))
    await run.ingest("first")
    await run.ingest("second")
    await run.start(make_feed("b", "https://a.example/feed"))
    third = make_entry("third", feed="b", url=url)
    assert (await run.poll("b", make_entry("first", feed="b", url=url), third)).new == 1
    assert (await run.ingest("third", feed="b")).op == "new"


async def test_a_page_that_lists_many_things_corrects_none_of_them(run: Run) -> None:
    """What was taken for a duplicate, as it has the same link, says nothing of the article that had the link first."""
    url = "https://a.example/status"
    await run.start(make_feed("a"))
    await run.poll("a", make_entry("first", url=url), make_entry("second", url=url))
    await run.ingest("first")
    await run.ingest("second")
    await run.start(make_feed("b", "https://a.example/other"))
    assert (await run.poll("b", make_entry("third", feed="b", url=url))).duplicates == 1
    run.later(DAY)
    assert (await run.poll("b", make_entry("third", feed="b", url=url, words="changed"))).changed == 0
