"""apart.py: lines below an article, elsewhere on its page."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from lxml.html import fromstring

from tests.articles.conftest import PARAGRAPHS
from tests.cost import within
from worker.articles import apart, blocks, from_page
from worker.articles.blocks import Block

STORY = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
BOX = "<h2>The best of the coast, every morning</h2><p>More than forty thousand people have it with their tea.</p>"
LINES = ["The best of the coast, every morning", "More than forty thousand people have it with their tea."]


def lines(article: str) -> list[str]:
    html = f"<html><body><nav><a href='/'>Home</a></nav><article>{article}</article></body></html>"
    page = from_page(html.encode(), url="https://site.example/a", content_type="text/html", entry=None)
    assert page.extraction == "ok"
    return page.text.split("\n")


def places(shown: Sequence[tuple[str, Block]]) -> apart.Places:
    """Of a text that has all of these blocks."""
    return blocks.in_order([key for key, _ in shown], [(key, block.element) for key, block in shown])


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
        assert apart.end(["Go!"] * 20_000, places(shown)) == 20_000


MENU = "<ul><li>Ferries and their timetables</li></ul>"


@pytest.mark.parametrize(
    "box",
    [
        f"<nav>{MENU}</nav>",
        f'<div role="navigation"><div>{MENU}</div></div>',
        f'<div role="dialog"><p>{LINES[0]}</p></div>',
        f"<figure><img src=a.jpg><div><figcaption><p>{LINES[0]}</p></figcaption></div></figure>",
        f'<div class="article-newsletter"><div><p>{LINES[0]}</p></div></div>',
        f'<section class="RelatedBox_root__x1"><h3>{LINES[0]}</h3></section>',
    ],
)
def test_what_a_page_marks_as_no_text_is_none(box: str) -> None:
    """Amid the text, too, if an extractor has taken it."""
    one, two, three, four = PARAGRAPHS
    page = fromstring(f"<html><body><p>{one}</p>{box}<p>{two}</p><p>{three}</p><p>{four}</p></body></html>")
    shown = [(blocks.squashed(block.text), block) for block in blocks.read(page)]
    lines = [block.text for _, block in shown]
    assert apart.marked(lines, places(shown)) == {1}


def test_a_page_that_marks_its_text_as_something_else_has_one() -> None:
    """Some wrap the whole page in a menu, or call it what they can do with it; galleries consist of captions."""
    for wrapped in (f"<nav>{STORY}</nav>", f'<div class="js-share">{STORY}</div>', f'<p class="related">{STORY}'):
        page = fromstring(f"<html><body><div>{wrapped}</div><nav>{MENU}</nav></body></html>")
        shown = [(blocks.squashed(block.text), block) for block in blocks.read(page)]
        lines = [block.text for _, block in shown]
        assert apart.marked(lines, places(shown)) == {len(PARAGRAPHS)}
    captions = "".join(f"<figure><figcaption>{line}</figcaption></figure>" for line in PARAGRAPHS * 3)
    page = fromstring(f"<html><body>{captions}</body></html>")
    shown = [(blocks.squashed(block.text), block) for block in blocks.read(page)]
    assert apart.marked(list(PARAGRAPHS * 3), places(shown)) == set()


@pytest.mark.parametrize("name", ["relatedness", "shareholders", "prosecutor", "commentary"])
def test_other_names_say_nothing(name: str) -> None:
    page = fromstring(
        f'<html><body><p>{PARAGRAPHS[0] * 5}</p><div class="{name}"><p>{LINES[0]}</p></div></body></html>'
    )
    shown = [(blocks.squashed(block.text), block) for block in blocks.read(page)]
    assert apart.marked([block.text for _, block in shown], places(shown)) == set()


def test_lines_in_menus_leave_a_text() -> None:
    """That of a page as it is served: trafilatura takes the dialog that its holder begins with."""
    assert lines(f'<div class="story"><div role="dialog"><p>{BOX[4:20]} and more.</p></div>{STORY}</div>') == list(
        PARAGRAPHS
    )
