"""A site's own lines leave the text; no line of an article does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dedup.generated_sites import START, GeneratedSite, Made, generated
from worker.dedup import Window, line_keys, taken_out
from worker.dedup.lines import ARTICLES, EDGE, LEAST
from worker.model import Millis

APPEAL = "Support independent journalism: become a member today."
DISCLAIMER = "This article is for information only and is no investment advice."


def keys_of(
    *lines: str, title: str | None = None, authors: Sequence[str] = (), published: Millis | None = None
) -> bytes:
    return line_keys("\n".join(lines), title=title, authors=authors, published=published)


def made_keys(made: Made) -> bytes:
    return keys_of(*made.lines, title=made.title, authors=[made.author], published=made.published)


def prose(number: int, lines: int = 3) -> list[str]:
    """Lines that no other number has."""
    return [f"In place number {number} the heron of the day was seen to do thing {line}." for line in range(lines)]


def learned(articles: Sequence[bytes]) -> Window:
    window = Window()
    for id, keys in enumerate(articles):
        window = window.after((id, keys))
    return window


def left(lines: Sequence[str], window: Window, **said: object) -> list[str]:
    """What of an article's lines is published."""
    out = taken_out(keys_of(*lines, **said), window.repeated())  # type: ignore[arg-type]
    return [line for place, line in enumerate(lines) if place not in out]


# --- the bar, on sites that are made up -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sites() -> list[GeneratedSite]:
    return [generated(seed) for seed in range(40)]


def gone_and_lost(site: GeneratedSite, *, first: int, at_once: bool) -> tuple[int, int, list[str]]:
    """How many repeated lines the articles from `first` on have, how many of them are gone, and what else is gone.

    at_once: all articles are published together; else each with what was known when it came.
    """
    window = learned([made_keys(made) for made in site.articles]) if at_once else Window()
    repeated = gone = 0
    lost = []
    for number, made in enumerate(site.articles):
        keys = made_keys(made)
        if not at_once:
            window = window.after((number, keys))
        out = taken_out(keys, window.repeated())
        lost += [line for place, line in enumerate(made.lines) if place in out and line not in site.repeated]
        if number >= first:
            repeated += sum(line in site.repeated for line in made.lines)
            gone += sum(made.lines[place] in site.repeated for place in out)
    return repeated, gone, lost


@pytest.mark.parametrize(
    ("first", "at_once"),
    [
        pytest.param(12, False, id="each published as it comes, after a dozen"),
        pytest.param(0, True, id="all published together, from the first on"),
    ],
)
def test_repeated_lines_are_gone_and_no_other(sites: list[GeneratedSite], first: int, at_once: bool) -> None:
    """Five lines in thirty articles of each of forty sites: at least 98 % of them are gone, of the articles' own none,
    nor refrains, headings, or lines that differ in their numbers."""
    found = [gone_and_lost(site, first=first, at_once=at_once) for site in sites]
    assert [line for *_, lost in found for line in lost] == []
    assert sum(gone for _, gone, _ in found) >= 0.98 * sum(repeated for repeated, _, _ in found)
    assert sum(repeated for repeated, _, _ in found) > 2_500


# --- what is a site's line --------------------------------------------------------------------------------------------

SHARED = {
    "an appeal at the end": ([], [APPEAL], True),
    "an appeal at the beginning": ([APPEAL], [], True),
    "a label at the very end": ([], ["Share"], True),
    "a label beside an appeal": ([], [APPEAL, "Share"], True),
    "a label alone at the beginning: it may be a heading": (["Ingredients"], [], False),
    "numbers alone": ([], ["12 34"], False),
    "no words at all": ([], ["* * *"], False),
}


@pytest.mark.parametrize(("before", "after", "goes"), SHARED.values(), ids=SHARED.keys())
def test_what_stands_under_every_article(before: list[str], after: list[str], goes: bool) -> None:
    """By its length and its place, where that counts."""
    articles = [[*before, *prose(number), *after] for number in range(12)]
    window = learned([keys_of(*lines) for lines in articles])
    for number, lines in enumerate(articles):
        assert left(lines, window) == (prose(number) if goes else lines)


VARIES = {
    "the article's title": "The post {title} appeared first on The Harbour Gazette.",
    "its author": "{author} writes about ships for The Harbour Gazette.",
    "its day": "First published by The Harbour Gazette on {day} March 2026",
}


@pytest.mark.parametrize("line", VARIES.values(), ids=VARIES.keys())
def test_a_line_that_differs_in_what_the_record_has(line: str) -> None:
    """Title, authors and date are in fields of their own: the rest of the line is the site's."""
    articles = []
    for number in range(12):
        said = {
            "title": f"Herons of place {number}",
            "authors": [f"Ada {'abcdefghijkl'[number]}berg"],
            "published": Millis(START + number * 86_400_000),
        }
        filled = line.format(title=said["title"], author=said["authors"][0], day=8 + number)  # type: ignore[index]
        articles.append(([*prose(number), filled], said))
    window = learned([keys_of(*lines, **said) for lines, said in articles])  # type: ignore[arg-type]
    for number, (lines, said) in enumerate(articles):
        assert left(lines, window, **said) == prose(number)


def test_a_line_that_differs_in_its_numbers_is_the_articles() -> None:
    """They are what it is about: a magnitude, a price, a result."""
    bulletins = [[*prose(n, 1), f"The quake had a magnitude of {n}.{n} on the open scale."] for n in range(30)]
    window = learned([keys_of(*lines, published=START) for lines in bulletins])
    assert all(left(lines, window, published=START) == lines for lines in bulletins)


def test_a_number_without_a_year_is_no_date() -> None:
    """Even where it is that of the day, and the line names the article, and the year is in another line."""
    articles = []
    for number in range(12):
        title, day = f"Herons of place {number}", 8 + number
        at = Millis(START + number * 86_400_000)
        year = f"It was the year 2026 at last, said {'abcdefghijkl'[number]}berg."
        seen = f"{title} were seen {day} times at the harbour of the town."
        articles.append(([*prose(number), year, seen], title, at))
    window = learned([keys_of(*lines, title=title, published=at) for lines, title, at in articles])
    assert all(left(lines, window, title=title, published=at) == lines for lines, title, at in articles)


def test_the_title_itself_is_no_sites_line() -> None:
    """Though each article has its own there, and nothing else in the line."""
    articles = [([f"Herons of place {n}", *prose(n)], f"Herons of place {n}") for n in range(12)]
    window = learned([keys_of(*lines, title=title) for lines, title in articles])
    assert all(left(lines, window, title=title) == lines for lines, title in articles)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_refrain_of_some_articles_is_theirs(count: int) -> None:
    """A series, or the background of a story."""
    series = [[*prose(number), *([DISCLAIMER] if number < count else [])] for number in range(12)]
    window = learned([keys_of(*lines) for lines in series])
    assert all(left(lines, window) == lines for lines in series)


def test_a_site_of_few_articles_has_no_lines_of_its_own() -> None:
    """Of nine nobody knows what is the site's."""
    window = learned([keys_of(*prose(number), APPEAL) for number in range(LEAST - 1)])
    assert left([*prose(0), APPEAL], window) == [*prose(0), APPEAL]
    assert left([*prose(0), APPEAL], window.after((LEAST, keys_of(*prose(LEAST), APPEAL)))) == prose(0)


def test_one_article_counts_once() -> None:
    """However often it is corrected."""
    window = Window()
    for version in range(40):
        window = window.after((7, keys_of(*prose(7), f"Correction {version}.", APPEAL)))
    assert len(window.articles) == 1


def test_versions_of_one_text_teach_once() -> None:
    """A live blog that is posted anew with each addition, a reprint, a second address: eleven of them are one."""
    story = prose(99, lines=20)
    posts = [keys_of(f"Addition {n} to it.", *story) for n in range(11)]
    window = learned([*posts, *(keys_of(*prose(n)) for n in range(12))])
    assert len(window.articles) == 13
    assert left([*story, "Something else."], window) == [*story, "Something else."]


def test_pages_that_say_nothing_of_their_own_teach_nothing() -> None:
    """A notice in the place of articles is one version of one text; and it is left as it is, not empty."""
    assert len(learned([keys_of(APPEAL, DISCLAIMER)] * 30).articles) == 1
    window = learned([keys_of(*prose(number), APPEAL, DISCLAIMER) for number in range(12)])
    assert left([APPEAL, DISCLAIMER], window) == [APPEAL, DISCLAIMER]
    assert window.after((77, keys_of(APPEAL, DISCLAIMER))) == window


def test_a_line_that_is_gone_from_the_site_is_forgotten() -> None:
    """With the last articles that had it."""
    window = learned([keys_of(*prose(number), APPEAL) for number in range(12)])
    for number in range(100, 100 + ARTICLES):
        assert len(window.articles) <= ARTICLES
        window = window.after((number, keys_of(*prose(number), DISCLAIMER)))
    assert left([*prose(0), APPEAL, "And more of that.", DISCLAIMER], window) == [
        *prose(0),
        APPEAL,
        "And more of that.",
    ]


def test_the_middle_of_a_long_text_is_not_looked_at() -> None:
    """What a window holds is bounded, whatever an article is."""
    long = [*prose(1, lines=EDGE), APPEAL, *prose(2, lines=EDGE)]
    window = learned([keys_of(*prose(number, 2), *long, *prose(-number, 2)) for number in range(3, 60)])
    assert len(window.encode()) <= ARTICLES * (10 + 8 * 2 * EDGE)
    assert left(long, learned([keys_of(*prose(n), APPEAL) for n in range(12)])) == long


LINES = st.lists(st.sampled_from([*(f"Line {n} of the many that there are here." for n in range(12)), "a", "b", "—"]))
SITE = st.lists(st.builds("\n".join, LINES), max_size=40)


@given(SITE)
def test_what_goes_stands_in_many_articles(texts: list[str]) -> None:
    """Of whatever articles: a line that goes from one stands in at least six of the last; something is always left; and
    a window is what it was when it was written and read."""
    keys = [line_keys(text, title=None, authors=(), published=None) for text in texts]
    window = learned(keys)
    assert Window.decode(window.encode()) == window
    for text, key in zip(texts, keys, strict=True):
        lines = text.split("\n")
        out = taken_out(key, window.repeated())
        assert len(out) < len(lines)
        for place in out:
            assert sum(lines[place] in other.split("\n") for other in texts) >= 6


@given(st.text(), st.none() | st.text(), st.lists(st.text()), st.none() | st.integers(-(10**13), 10**14))
def test_any_text_has_keys(text: str, title: str | None, authors: list[str], published: int | None) -> None:
    """Eight bytes a line, whatever it is made of."""
    at = None if published is None else Millis(published)
    assert len(line_keys(text, title=title, authors=authors, published=at)) == 8 * len(text.split("\n"))


def test_who_says_what_two_others_say_teaches() -> None:
    """It is neither's version: of each it has but a half."""
    one, other = prose(1), prose(2)
    window = learned([keys_of(*one), keys_of(*other), keys_of(*one, *other), keys_of(*other, *one)])
    assert [id for id, _ in window.articles] == [0, 1, 2]


@given(st.lists(st.tuples(st.integers(0, 40), st.lists(st.integers(0, 30), max_size=12)), max_size=60))
def test_articles_are_learned_together_as_one_by_one(articles):
    """Among them versions of articles that are learned already, and such as say nothing of their own."""
    taught = [
        (id, keys_of(*(f"Line {line} of them, which the heron knows." for line in lines))) for id, lines in articles
    ]
    one_by_one = Window()
    for each in taught:
        one_by_one = one_by_one.after(each)
    assert Window().after(*taught) == one_by_one
