"""A reprint and its original give one text, each with its own date, and the reprint says where it is from."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.articles import reprints
from tests.articles.reprints import OURS, Case
from tests.corpus import needs_corpus
from worker.articles import from_page
from worker.dedup import common, is_copy, sketch
from worker.model import Article, Credit

CASES = [
    pytest.param("ours", id="ours"),
    pytest.param("real", marks=needs_corpus, id="Global Research of 5 August 2017, from South Front of the day before"),
]
BARE = pytest.mark.parametrize("bare", [False, True], ids=["with metadata", "bare"])


def case_of(name: str) -> Case:
    return OURS if name == "ours" else reprints.real()


def reprint(case: Case, *, bare: bool) -> Article:
    page = reprints.reprint(case, bare=bare).encode()
    return from_page(page, url=case.reprinter_url, content_type="text/html", entry=None)


def original(case: Case, *, bare: bool) -> Article:
    page = reprints.original(case, bare=bare).encode()
    return from_page(page, url=case.original_url, content_type="text/html", entry=None)


def day(article: Article) -> tuple[str, str | None]:
    assert article.published is not None
    return datetime.fromtimestamp(article.published / 1000, UTC).date().isoformat(), article.date_precision


@BARE
@pytest.mark.parametrize("name", CASES)
def test_both_pages_give_the_article_and_nothing_else(name: str, bare: bool) -> None:
    """No by-line, date, label, appeal, credit, copyright, disclaimer or contact is left; no paragraph is lost."""
    case = case_of(name)
    text = "\n".join(case.text)
    assert reprint(case, bare=bare).text == text
    assert original(case, bare=bare).text == text


@BARE
@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_it_is_right(name: str, bare: bool) -> None:
    """Title, author, each page's own day, region and theme, and the original with its address."""
    case = case_of(name)
    copied, first = reprint(case, bare=bare), original(case, bare=bare)
    assert copied.title == first.title == case.title
    assert [author.name for author in copied.authors] == [author.name for author in first.authors] == [case.original]
    expected = ("2026-03-14", "2026-03-13") if name == "ours" else ("2017-08-05", "2017-08-04")
    assert (day(copied), day(first)) == ((expected[0], "day"), (expected[1], "day"))
    assert list(copied.tags) == [tag for label, tags in case.labels if label in ("Region", "Theme") for tag in tags]
    assert copied.original == Credit(name=case.original, url=case.original_url)
    assert (copied.sources["original"], first.original) == ("page", None)


def test_they_are_copies_of_each_other() -> None:
    """By their sketches; with the whole worker, in tests/whole."""
    one, other = sketch(reprint(OURS, bare=True).text), sketch(original(OURS, bare=False).text)
    assert one
    assert other
    assert is_copy(common(one, other), same_feed=False)
