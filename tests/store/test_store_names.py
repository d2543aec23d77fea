"""What many entries have in common, and the numbers for it."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.store.samples import HOUR, Run, ask, make_draft, make_entry
from worker.model import Extraction, State
from worker.store import read_story
from worker.store.known.names import EXTRACTIONS, origin

ORIGINS = {
    "https://a.example/x/y?z=/": "https://a.example/",
    "http://a.example/": "http://a.example/",
    "http://a/b": "http://a/",
    "http://a": "http://a",
    "https://a.example:8443/x": "https://a.example:8443/",
    "https://a.example?x": "https://a.example?x",
    "": "",
}


@pytest.mark.parametrize("url", ORIGINS)
def test_an_origin_is_all_before_the_path_and_its_slash(url: str) -> None:
    assert origin(url) == ORIGINS[url]
    assert url.startswith(origin(url))


async def test_a_name_is_kept_once_and_every_url_is_told_whole(run: Run, state: State) -> None:
    """Of however many entries, feeds and polls."""
    await run.start("a", "b")
    shown = {
        "a": ["https://a.example/1", "https://a.example/", "http://a.example/2?q=3#4", None],
        "b": ["https://a.example/3", "https://b.example:81/4/"],
    }
    for _ in range(2):
        for feed, links in shown.items():
            entries = [make_entry(str(number), feed=feed, url=url) for number, url in enumerate(links)]
            await run.poll(feed, *entries)
        run.later(HOUR)
    names = [text for (text,) in ask(state, "SELECT text FROM name")]
    origins = ["https://a.example/", "http://a.example/", "https://b.example:81/"]
    assert sorted(names) == sorted([*origins, "a", "b"])
    for feed, links in shown.items():
        for number, url in enumerate(links):
            own = make_entry(str(number), feed=feed, url=url).own
            (entry,) = read_story(state, own.hex()).entries
            assert (entry.feed_id, entry.url) == (feed, url)


def test_the_numbers_of_extractions_stay_as_they_are() -> None:
    """States of all versions have them."""
    assert EXTRACTIONS == ("ok", "feed_only", "blocked", "paywalled", "failed", "skipped")
    assert set(EXTRACTIONS) == set(get_args(Extraction))


@pytest.mark.parametrize("extraction", EXTRACTIONS)
async def test_what_came_of_a_page_is_told_by_its_name(run: Run, state: State, extraction: Extraction) -> None:
    await run.start("a")
    await run.poll("a", make_entry("one"))
    await run.ingest("one", make_draft("said", extraction=extraction))
    (entry,) = read_story(state, make_entry("one").own.hex()).entries
    assert entry.extraction == extraction
