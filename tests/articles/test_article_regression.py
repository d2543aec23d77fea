"""The demo's pages, whose texts are known to the word: no effort may give less of them, or more, than it does today."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from statistics import mean

import pytest

from worker import dedup
from worker.articles import from_page
from worker.demo.site import DemoPage, Site
from worker.model import Article, Effort

# Mean F1 over the words of a page, as it was in November 2026, less .002 for other versions of lxml.
FLOORS: dict[Effort, float] = {"fast": 0.996, "normal": 0.996, "thorough": 0.995}


def extracted(site: Site, page: DemoPage, effort: Effort) -> Article:
    host, _, path = page.url.partition("://")[2].partition("/")
    answer = site.respond(host, f"/{path}")
    return from_page(answer.body, url=page.url, content_type=answer.content_type, entry=None, effort=effort)


def f1(text: str, wanted: str) -> float:
    here, there = Counter(dedup.words(text)), Counter(dedup.words(wanted))
    return 2 * (here & there).total() / (here.total() + there.total())


@pytest.fixture(scope="module", params=FLOORS)
def made(request: pytest.FixtureRequest) -> tuple[Effort, list[tuple[DemoPage, Article]]]:
    effort: Effort = request.param
    site = Site(now=datetime(2026, 11, 23, 12, tzinfo=UTC), port=80)
    return effort, [(page, extracted(site, page, effort)) for page in site.pages]


def test_texts_are_as_they_were(made: tuple[Effort, list[tuple[DemoPage, Article]]]) -> None:
    """By the mean, and no page is lost."""
    effort, articles = made
    scores = {page.url: f1(article.text, page.text) for page, article in articles}
    assert mean(scores.values()) >= FLOORS[effort]
    assert {url: score for url, score in scores.items() if score < 0.9} == {}


def test_titles_and_languages_are_right(made: tuple[Effort, list[tuple[DemoPage, Article]]]) -> None:
    """On every page, at every effort."""
    _, articles = made
    assert [article.title for _, article in articles] == [page.title for page, _ in articles]
    assert [(article.language or "")[:2] for _, article in articles] == [page.language[:2] for page, _ in articles]


def test_no_furniture_is_left(made: tuple[Effort, list[tuple[DemoPage, Article]]]) -> None:
    """What the pages have around their articles."""
    _, articles = made
    assert [phrase for page, article in articles for phrase in page.furniture if phrase in article.text] == []
