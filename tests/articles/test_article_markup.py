"""markup.py: a page's source to a tree, the same as trafilatura's own reading of it."""

from __future__ import annotations

import pytest
import trafilatura
from lxml import etree
from lxml.html import HtmlElement

from worker.articles import markup

PAGE = (
    "<html lang=en><head><title>The Quay</title></head><body><!-- no --><p>Tide &amp; time<br>wait.</p></body></html>"
)


@pytest.mark.parametrize(
    "html",
    [
        pytest.param(PAGE, id="a page"),
        pytest.param(f"<!DOCTYPE html>\n{PAGE}", id="a doctype"),
        pytest.param(
            f'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://www.w3.org/x.dtd">\n{PAGE}', id="slashes in it"
        ),
        pytest.param(PAGE.replace("lang=en", 'lang="en"/').replace("/>", "/>\n", 1), id="a root that closes itself"),
        pytest.param(f'<?xml version="1.0" encoding="iso-8859-1"?>\n{PAGE}', id="an XML declaration"),
        pytest.param(PAGE.replace("Tide", "Тиде 潮 🌊"), id="beyond ASCII"),
        pytest.param("<div><p>One</p><p>Two</p></div>", id="a fragment"),
        pytest.param("<form><input name=a><select><option>1</select></form><html>", id="a form"),
        pytest.param(f"{PAGE}<body><p>More.</p></body>", id="two bodies"),
    ],
)
def test_a_page_is_read_as_trafilatura_reads_it(html: str) -> None:
    """Only faster: what was measured with its trees holds for these."""
    ours, theirs = markup.parse(html), trafilatura.load_html(html)
    assert ours is not None
    assert theirs is not None
    assert etree.tostring(ours) == etree.tostring(theirs)


@pytest.mark.parametrize("text", ["", " \n", "<!-- -->", "Only words.", '{"a": 1}'])
def test_what_is_no_html_is_no_tree(text: str) -> None:
    """As with trafilatura, to which a page with nothing in it is none either."""
    theirs = trafilatura.load_html(text) if text.strip() else None
    assert (markup.parse(text) is None) == (theirs is None)


def test_each_element_is_an_html_element() -> None:
    """Forms and their fields as well: none has a class that a search has to look up in Python."""
    tree = markup.parse("<html><body><form><input><label>a</label></form><p>b</p></body></html>")
    assert tree is not None
    assert {type(element) for element in tree.iter()} == {HtmlElement}
