"""The blocks of a page."""

from __future__ import annotations

import pytest
import trafilatura

from worker.articles import blocks

LONG = "A paragraph that is long enough to be taken for one of an article, as most of them are."


def shown(html: str) -> list[tuple[str, str, float]]:
    tree = trafilatura.load_html(f"<html><body>{html}</body></html>")
    assert tree is not None
    return [(block.text, block.tag, round(block.linked, 1)) for block in blocks.read(tree)]


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        pytest.param("<p>One <b>two</b> three</p>", [("One two three", "p", 0)], id="inline elements are within"),
        pytest.param("<p>One<br>two</p>", [("One", "p", 0), ("two", "p", 0)], id="line breaks end a block"),
        pytest.param(
            "<div>One<p>two</p>three</div>", [("One", "div", 0), ("two", "p", 0), ("three", "div", 0)], id="mixed"
        ),
        pytest.param("<p>One</p><script>two</script><p>three</p>", [("One", "p", 0), ("three", "p", 0)], id="scripts"),
        pytest.param("<p>One<!-- x --> two</p>", [("One two", "p", 0)], id="comments"),
        pytest.param('<p><a href="/x">One two</a></p>', [("One two", "p", 1)], id="a link"),
        pytest.param('<p><a href="#x">One two</a></p>', [("One two", "p", 0)], id="to itself"),
        pytest.param('<p><a href="/x">One</a> two</p>', [("One two", "p", 0.4)], id="in part"),
        pytest.param("<p>co\u00adop</p>", [("coop", "p", 0)], id="soft hyphens"),
    ],
)
def test_blocks_are_what_a_reader_sees(html: str, wanted: list[tuple[str, str, float]]) -> None:
    """In their order, each with its element and how much of it is links."""
    assert shown(html) == wanted


def test_the_longest_run_is_the_prose() -> None:
    """Not the links beside it, nor what stands in the footer."""
    links = "".join(f'<p><a href="/{n}">{LONG} {n}</a></p>' for n in range(9))
    tree = trafilatura.load_html(
        f"<html><body><div>{links}</div><main><p>{LONG}</p><p>{LONG} Twice.</p></main>"
        f"<footer>{f'<p>{LONG}</p>' * 5}</footer></body></html>"
    )
    assert tree is not None
    assert blocks.longest_run(tree) == [LONG, f"{LONG} Twice."]


def test_prose_may_stand_in_no_paragraphs() -> None:
    """But in a cell, between line breaks."""
    tree = trafilatura.load_html(
        f"<html><body><table><tr><td>{LONG}<br><br>{LONG} Twice.</td></tr></table></body></html>"
    )
    assert tree is not None
    assert blocks.longest_run(tree) == [LONG, f"{LONG} Twice."]


def test_a_page_without_prose_has_no_run() -> None:
    """Labels are none."""
    tree = trafilatura.load_html("<html><body><p>Home</p><p>News</p></body></html>")
    assert tree is not None
    assert blocks.longest_run(tree) == []
