"""Lines that a site has under its articles: learned as they are committed, left out as they are published."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import DAY, HOUR, START, Run, ask, key, make_draft, make_entry
from worker import dedup
from worker.model import Draft, Millis, State
from worker.store import read_story
from worker.store.known.lines import FORGET_MS, html_without

pytestmark = pytest.mark.both("slow")

APPEAL = "Support independent journalism: become a member today."
DOZEN = [f"entry-{number}" for number in range(12)]


def draft_of(name: str, *more: str, site: str = "a.example", **changes: Any) -> Draft:
    """An article with two lines of its own, and the appeal of its site."""
    own = [f"This is what there is to say of {name}, by itself.", f"And so is this, of {name} and of nothing else."]
    text = "\n".join([*own, *more, APPEAL])
    record = {
        "id": key("guid", "a", name).hex(),
        "content_text": text,
        "content_html": "\n".join(f"<p>{line}</p>" for line in text.split("\n")),
        "_ingest": {"word_count": dedup.word_count(text), "removed_lines": 0},
    }
    lines = dedup.line_keys(text, title=None, authors=(), published=None)
    return make_draft(text, body=orjson.dumps(record), site=site, lines=lines, **changes)


async def write(run: Run, *names: str, **changes: Any) -> None:
    await run.poll("a", *map(make_entry, names))
    for name in names:
        await run.ingest(name, draft_of(name, **changes))


async def published(run: Run) -> list[dict[str, Any]]:
    return [orjson.loads(row.body) for row in await run.publish()]


def has_appeal(record: dict[str, Any]) -> bool:
    return APPEAL in record["content_text"].split("\n")


async def test_what_waits_is_published_without_them(run: Run) -> None:
    """The first articles of a site too, as long as they wait; words are counted again, and the lines."""
    await run.start("a")
    await write(run, *DOZEN)
    records = await published(run)
    assert len(records) == 12
    for record in records:
        assert not has_appeal(record)
        kept = record["content_text"].split("\n")
        assert len(kept) == 2
        assert record["content_html"].split("\n") == [f"<p>{line}</p>" for line in kept]
        assert record["_ingest"]["word_count"] == dedup.word_count(record["content_text"])
        assert record["_ingest"]["removed_lines"] == 1


async def test_what_was_published_before_stays_as_it_is(run: Run, state: State) -> None:
    """Nobody knew: the first articles keep their lines, and nothing that is learned later makes an update of them."""
    await run.start("a")
    for name in DOZEN:
        await run.poll("a", make_entry(name))
        await run.ingest(name, draft_of(name))
        first = (await published(run))[0]
        assert has_appeal(first) == (DOZEN.index(name) < 9)
        run.later(HOUR)
    for name in (DOZEN[0], DOZEN[-1]):  # both are looked at again, and say what they said
        await run.poll("a", make_entry(name, words="other"))
        assert (await run.ingest(name, draft_of(name))).op is None
        run.later(DAY)
    assert await published(run) == []
    story = read_story(state, key("guid", "a", DOZEN[-1]).hex())
    assert [entry.removed_lines for entry in story.entries] == [1]


@pytest.mark.both("always")
async def test_a_correction_comes_without_them(run: Run) -> None:
    """What an article says otherwise is an update, which leaves out what is known by then."""
    await run.start("a")
    await write(run, DOZEN[0])
    assert has_appeal((await published(run))[0])
    run.later(HOUR)
    await write(run, *DOZEN[1:])
    await published(run)
    run.later(HOUR)
    await run.poll("a", make_entry(DOZEN[0], words="other"))
    assert (await run.ingest(DOZEN[0], draft_of(DOZEN[0], "A correction."))).op == "update"
    (update,) = await published(run)
    assert not has_appeal(update)
    assert update["content_text"].endswith("A correction.")


async def test_sites_learn_apart(run: Run) -> None:
    """A line that stands in every article of one says nothing of another."""
    await run.start("a")
    await write(run, *DOZEN)
    run.later(HOUR)
    await write(run, "elsewhere", site="b.example")
    assert [has_appeal(record) for record in await published(run)] == [False] * 12 + [True]


async def test_duplicates_teach_nothing(run: Run, state: State) -> None:
    """One text under a dozen addresses is one article."""
    await run.start("a")
    await run.poll("a", *map(make_entry, DOZEN))
    for name in DOZEN:
        await run.ingest(name, draft_of("the same"))
    assert len(learned(state)["a.example"].articles) == 1


async def test_a_segment_that_is_taken_up_again_is_the_same(open_run: OpenRun) -> None:
    """Its bytes follow from its rows, whatever is learned between a crash and the next start."""
    async with open_run() as run:
        await run.start("a")
        await write(run, *DOZEN[:6])
        before = await run.store.number(now=run.now, limit=100)
        assert before is not None
    async with open_run(now=Millis(START + HOUR)) as run:
        await run.start("a", poll_all=True)
        await write(run, *DOZEN[6:])
        assert await run.store.number(now=run.now, limit=100) == before
        assert all(has_appeal(orjson.loads(row.body)) for row in before.rows)


async def test_a_site_that_goes_quiet_is_forgotten(run: Run, state: State) -> None:
    """And nothing is kept of it."""
    await run.start("a")
    await write(run, *DOZEN)
    await run.store.upkeep(now=run.now)
    assert learned(state).keys() == {"a.example"}
    await run.store.upkeep(now=Millis(run.now + FORGET_MS + 1))
    assert learned(state) == {}


def learned(state: State) -> dict[str, dedup.Window]:
    found = ask(state, "SELECT name, articles FROM site")
    return {name: dedup.Window.decode(articles) for name, articles in found}


LISTED = "<ul><li>a\n<ul><li>b\n<p>c</p></li>\n<li>d</li></ul></li></ul>\n<p>e</p>\n<pre>f\n  g</pre>"


@pytest.mark.parametrize(
    ("places", "html"),
    [
        ({4}, "<ul><li>a\n<ul><li>b\n<p>c</p></li>\n<li>d</li></ul></li></ul>\n<pre>f\n  g</pre>"),
        ({0}, "<ul><li><ul><li>b\n<p>c</p></li>\n<li>d</li></ul></li></ul>\n<p>e</p>\n<pre>f\n  g</pre>"),
        ({3}, "<ul><li>a\n<ul><li>b\n<p>c</p></li></ul></li></ul>\n<p>e</p>\n<pre>f\n  g</pre>"),
        ({1, 2, 3, 6}, "<ul><li>a</li></ul>\n<p>e</p>\n<pre>f</pre>"),
        ({0, 1, 2, 3, 5}, "<p>e</p>\n<pre>  g</pre>"),
        ({0, 1, 3, 4, 5, 6}, "<ul><li><ul><li><p>c</p></li></ul></li></ul>"),
        (set(range(7)), ""),
    ],
)
def test_what_is_left_of_lists_still_begins_and_ends(places: set[int], html: str) -> None:
    """A line may be the first or the last one of its list, of an item, or of code."""
    assert html_without(LISTED, places) == html


def test_what_is_left_of_a_table_still_begins_and_ends() -> None:
    table = "<table><tr><th>a</th></tr>\n\n<tr><td>b</td></tr>\n<tr><td>c</td></tr></table>"
    assert html_without(table, {0, 3}) == "<table>\n<tr><td>b</td></tr></table>"
