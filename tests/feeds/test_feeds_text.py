"""Language tags and the small pieces of text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.feeds import text


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        pytest.param("EN", "en", id="case"),
        pytest.param("en_us", "en-US", id="underscore"),
        pytest.param("zh-hans-cn", "zh-Hans-CN", id="script"),
        pytest.param("de-1996", "de-1996", id="variant"),
        pytest.param("es-419", "es-419", id="region in digits"),
        pytest.param("sl-rozaj", "sl-rozaj", id="another variant"),
        pytest.param("English", None, id="a name"),
        pytest.param("en, de", None, id="two"),
        pytest.param("x", None, id="too short"),
        pytest.param("", None, id="empty"),
    ],
)
def test_language_tags(written, tag):
    """In the case that RFC 5646 recommends."""
    assert text.language(written) == tag


@given(st.text())
def test_lines_are_one_line_and_clean(given_text):
    """Whatever comes in."""
    for got in (text.line(given_text, 20), text.line_of_html(given_text, 20)):
        assert got is None or (got == got.strip() and len(got) <= 20 and len(got.splitlines()) == 1)
        assert got is None or not any(c < " " or "\x7f" <= c <= "\x9f" for c in got)


def test_line_ends_are_one_kind():
    """Those of every system become line feeds."""
    assert text.clean("a\r\nb\rc\td ", 100) == "a\nb\nc\td"


MARKUP = st.lists(
    st.sampled_from(["<p>", "</p>", "<", ">", "a", "é" * 40, "<a href='x'>", " < ", "x" * 600]), max_size=12
)


@given(st.lists(MARKUP.map("".join).map(str.strip).filter(bool), min_size=1, max_size=4))
def test_the_longest_is_that_with_most_text(pieces: list[str]) -> None:
    """Of equals the first."""
    longest = max(pieces, key=lambda piece: len(re.sub("<[^<>]*>", "", piece)))
    summary, content = text.summary_and_content(pieces[0], pieces[1:])
    assert (content or summary) == longest


@given(st.text(st.sampled_from("a\r\n\t\x00\x1f\x7f\x80\x9f\u00a0é\ud800中")))
def test_what_is_clean_stays_and_what_is_not_goes(given_text: str) -> None:
    """Whichever way it is looked for."""
    kept = re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", "", re.sub("\r\n?", "\n", given_text))
    assert text.clean(given_text, 1000) == kept.strip()
