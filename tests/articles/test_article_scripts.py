"""Articles that stand in script data alone."""

from __future__ import annotations

import json

import pytest
import trafilatura

from tests.articles.conftest import PARAGRAPHS
from worker.articles import from_page, scripts

URL = "https://westmere.example/2026/harbour"
TEXT = "\n".join(PARAGRAPHS)
MARKUP = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
NEXT = {"props": {"pageProps": {"article": {"title": "The harbour", "body": MARKUP, "tags": ["harbour"]}}}}
ARC = {
    "headlines": {"basic": "The harbour"},
    "content_elements": [
        {"type": "text", "content": PARAGRAPHS[0]},
        {"type": "image", "caption": "A ferry at the pier, photographed by nobody."},
        *({"type": "text", "content": paragraph} for paragraph in PARAGRAPHS[1:]),
    ],
}
STATE = {"post": {"title": "The harbour", "content": {"html": MARKUP}}}
LISTED = {"headline": "The harbour", "paragraphs": list(PARAGRAPHS)}


def shell(script: str) -> str:
    return (
        '<!DOCTYPE html><html><head><title>The harbour</title><meta property="og:type" content="article"></head>'
        f'<body><div id="__next"></div>{script}</body></html>'
    )


SHELLS = {
    "Next.js": f'<script id="__NEXT_DATA__" type="application/json">{json.dumps(NEXT)}</script>',
    "Arc": f"<script>window.Fusion=window.Fusion||{{}};Fusion.globalContent={json.dumps(ARC)};</script>",
    "a state": f"<script>window.__PRELOADED_STATE__ = {json.dumps(STATE)};</script>",
    "by key": f'<script>window["__STATE__"]={json.dumps([LISTED])}</script>',
}


@pytest.mark.parametrize("script", SHELLS.values(), ids=SHELLS.keys())
def test_the_article_of_a_shell_is_in_its_data(script: str) -> None:
    """Whatever made the page; images' captions are none of it."""
    article = from_page(shell(script).encode(), url=URL, content_type="text/html", entry=None)
    assert (article.extraction, article.text) == ("ok", TEXT)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            f"<script>window.S={json.dumps({'title': 'x', 'note': MARKUP})}</script>", id="under another name"
        ),
        pytest.param(f"<script>window.S={json.dumps({'banner': {'body': MARKUP}})}</script>", id="of no article"),
        pytest.param('<script>window.S={"title":"x","body":"<p>Please wait for the page.</p>"}</script>', id="short"),
        pytest.param(f"<script>window.S={json.dumps({'title': 'x', 'body': MARKUP})[:-9]}</script>", id="cut off"),
        pytest.param("<script>window.S=" + "[" * 100_000 + "</script>", id="nested without end"),
        pytest.param("<script>" + "a={" * 5000 + "</script>", id="many beginnings"),
    ],
)
def test_what_is_no_article_s_body_is_not_taken(script: str) -> None:
    """Nor does it cost much."""
    tree = trafilatura.load_html(shell(script))
    assert tree is not None
    assert scripts.body(tree) == ""


def test_a_page_that_shows_its_text_is_taken_by_it() -> None:
    """Data is looked into where next to nothing is shown."""
    data = json.dumps({"title": "The airport", "body": MARKUP.replace("harbour", "airport")})
    page = shell(f"<article>{MARKUP}</article><script>window.S={data}</script>")
    assert from_page(page.encode(), url=URL, content_type="text/html", entry=None).text == TEXT
