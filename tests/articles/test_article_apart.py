"""apart.py: lines below an article, elsewhere on its page."""

from __future__ import annotations

import pytest
from lxml.html import fromstring

from tests.articles.conftest import PARAGRAPHS
from tests.cost import within
from worker.articles import apart, blocks, from_page

STORY = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
BOX = "<h2>The best of the coast, every morning</h2><p>More than forty thousand people have it with their tea.</p>"
LINES = ["The best of the coast, every morning", "More than forty thousand people have it with their tea."]


def lines(article: str) -> list[str]:
    html = f"<html><body><nav><a href='/'>Home</a></nav><article>{article}</article></body></html>"
    page = from_page(html.encode(), url="https://site.example/a", content_type="text/html", entry=None)
    assert page.extraction == "ok"
    return page.text.split("\n")


@pytest.mark.parametrize(
    "article",
    [
        f'<div class="story">{STORY}</div><div class="letter">{BOX}</div>',
        f'<div class="story wide">{STORY}</div><section id="breakfast"><div>{BOX}</div></section>',
        f'<section class="story">{STORY}</section><div class="mt-2"><div>{BOX}</div></div>',
        f'<div class="mt-2"><div class="story">{STORY}</div></div><div class="mt-2 letter">{BOX}</div>',
        f'<div class="story">{STORY}</div>{BOX}',
    ],
)
def test_what_stands_elsewhere_is_not_of_the_text(article: str) -> None:
    """Below the element that holds it, whatever it says; classes that are short say how it looks, not what it is."""
    assert lines(article) == list(PARAGRAPHS)


@pytest.mark.parametrize(
    "article",
    [
        f'<div class="story">{STORY}</div><div class="story">{BOX}</div>',
        f'<div class="story part-1">{STORY}</div><div class="last part-2">{BOX}</div>',
        f'<div class="column"><div class="story">{STORY}</div></div><div class="column"><div>{BOX}</div></div>',
        f"<div>{STORY}</div><div>{BOX}</div>",
        f'<div class="story">{STORY}<div class="letter">{BOX}</div></div>',
        f'<div class="story">{"</div><div>".join(STORY.split("<p>"))}</div><div class="letter">{BOX}</div>',
        f'{STORY}<div class="letter">{BOX}</div>',
    ],
)
def test_parts_of_one_text_stay(article: str) -> None:
    """What is in elements of the same kind, or in the one that holds the text, or where none holds most of it."""
    assert lines(article) == [*PARAGRAPHS, *LINES]


@pytest.mark.parametrize(
    "line",
    [
        "Correction: the ferry left at six, not at dawn.",
        "An update on 3 May names the owner.",
        "Korrektur: Die Fähre fuhr um sechs.",
        "Rectificatif : le bac est parti à six heures.",
        "Уточнение: паром ушёл в шесть.",
    ],
)
def test_what_editors_say_of_it_stays(line: str) -> None:
    """Which some pages set apart; the boxes below it go."""
    below = f'<div class="remark"><p>{line}</p></div><div class="letter">{BOX}</div>'
    assert lines(f'<div class="story">{STORY}</div>{below}') == [*PARAGRAPHS, line]


def test_a_short_text_may_be_all_over_the_page() -> None:
    """Two paragraphs don't tell what holds them."""
    one, two, three, _ = PARAGRAPHS
    parts = f'<div class="story"><p>{one}</p><p>{two}</p></div><div class="letter"><p>{three[:40]}.</p></div>'
    assert lines(parts) == [one, two, f"{three[:40]}."]


def test_a_line_may_be_there_any_number_of_times() -> None:
    """Each is looked for behind the one before it."""
    shown = [("Go!", block) for block in blocks.read(fromstring(f"<div>{'<p>Go!</p>' * 20_000}</div>"))]
    with within(2):
        assert apart.end(["Go!"] * 20_000, ["Go!"] * 20_000, shown) == 20_000
