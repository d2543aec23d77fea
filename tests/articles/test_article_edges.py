"""edges.py: what stands around a text and is not of it."""

from __future__ import annotations

import pytest

from worker.articles import edges

BODY = ("The harbour opened again on Monday after three weeks.", "The first ferry left at dawn, said the master.")


def cut(*lines: str) -> list[str]:
    text = "\n".join(lines)
    return edges.cut(text, title="Harbour opens", authors=["Ada Lindqvist", "Bo Ek"]).split("\n")


@pytest.mark.parametrize(
    "line",
    [
        "HARBOUR OPENS.",
        "By Ada Lindqvist",
        "Von Ada Lindqvist und Bo Ek",
        "Ada Lindqvist, Reuters",
        "Ada Lindqvist, 22.11.2026",
        "May 5, 2024",
        "5 May 2024, 10:30",
        "12.03.2024, 14:05 Uhr",
        "2024-05-01",
        "12 de mayo de 2024",
        "2024年5月1日",
        "By Ada Lindqvist · 2024-05-01T07:05:08Z",
        "2024-05-01T07:05+02:00",
        "作者：Ada Lindqvist",
        "記者 Ada Lindqvist",
        "Share this article",
        "Advertisement",
        "Read more",
        "Teilen",
        "Lire la suite",
        "Поделиться",
        "続きを読む",
    ],
)
def test_what_is_not_of_the_text_leaves_it(line: str) -> None:
    """Its title, byline, date or a button, in the languages of the web, above the text; and all of them together."""
    assert cut(line, *BODY) == list(BODY)
    assert cut("Harbour opens", line, "Share", *BODY) == list(BODY)


@pytest.mark.parametrize("line", ["Bo Ek", "Von Ada Lindqvist", "5 May 2024", "Read more", "Anzeige"])
def test_the_end_is_trimmed_too(line: str) -> None:
    """Where a byline may stand as well."""
    assert cut(*BODY, line) == list(BODY)


@pytest.mark.parametrize(
    "line",
    [
        "By the time it opened, the ferry had left.",
        "Ada Lindqvist has run the port for eleven years.",
        "On May 5, 2024 it closed.",
        "The crisis of 2008",
        "Share of the market",
        "More than before",
        "Print is dead",
        "1,200 tonnes",
        "…",
    ],
)
def test_what_only_looks_like_it_stays(line: str) -> None:
    """A sentence, a heading, a number."""
    assert cut(line, *BODY) == [line, *BODY]
    assert cut(*BODY, line) == [*BODY, line]


def test_the_middle_is_left_alone() -> None:
    """A name or date between paragraphs may be a heading or a list's item."""
    lines = (*BODY * 3, "Ada Lindqvist", "May 5, 2024", "Read more", *BODY * 3)
    assert cut(*lines) == list(lines)


@pytest.mark.parametrize("text", ["", "Share", "Harbour opens", "By Ada Lindqvist\nMay 5, 2024"])
def test_something_is_left_of_every_text(text: str) -> None:
    """A text that is nothing but that stays as it is."""
    assert edges.cut(text, title="Harbour opens", authors=["Ada Lindqvist"]) == text
