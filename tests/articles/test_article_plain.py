"""plain.py: text that is safe to store, out of HTML that is not."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cost import within
from worker.articles import plain


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        pytest.param("just text", "just text", id="no markup"),
        pytest.param("Tom &amp; Jerry &lt;3", "Tom & Jerry <3", id="entities without markup"),
        pytest.param("<p>One\n two</p><p>Three</p>", "One two\nThree", id="paragraphs are lines, the source's are not"),
        pytest.param("lead<p>One<br>two<br/>three", "lead\nOne\ntwo\nthree", id="breaks, and text without an element"),
        pytest.param(
            "Run\nthis:<pre><code>$ make\r\n  all\n\n<b>do\nne</b></code></pre>and\nthat",
            "Run this:\n$ make\nall\ndo\nne\nand that",
            id="the source's lines, where they are shown",
        ),
        pytest.param(
            "<pre>a<div>b</div>c<pre>d\ne</pre><script>\n</script>f</pre>", "a\nb\nc\nd\ne\nf", id="within them"
        ),
        pytest.param("a<P\x01rE>b\nc", "a\nb\nc", id="and however that is written"),
        pytest.param("<ul><li>a<li>b</ul>end", "a\nb\nend", id="unclosed items"),
        pytest.param("un<b>believ</b>able <i>news</i>", "unbelievable news", id="inline elements do not split words"),
        pytest.param(
            "<table><tr><td>1</td><td>2</td></tr><tr><th>3</th></tr></table>", "1 | 2\n3", id="rows are lines"
        ),
        pytest.param(
            "<table><tr><td><img src=x> <td>a<td>&nbsp;<td>b<td> </tr><tr><td><p>c</p><td><p>d</p></table>e | f",
            "a | | b\nc\nd\ne | f",
            id="empty cells count between others",
        ),
        pytest.param(
            'so<sup><a href="#f1">1</a></sup><sup id=r><a href="#f2">[2]</a></sup> '
            'it<a class="footnote-anchor" href="#f3">3</a>',
            "so[1][2] it[3]",
            id="marks of notes are no part of a word",
        ),
        pytest.param(
            'A note.&nbsp;<a href="#r1">↩︎</a> <a href="#r2">↩<sup>2</sup></a>'
            '<h2>On<a href="#on">#</a></h2><a href="#7">7</a>',
            "A note.\nOn\n7",
            id="the way back from a note, and to a heading",
        ),
        pytest.param(
            "10<sup>6</sup> m<sup>2</sup>, 10<sup>-3</sup>, the 1<sup>st</sup> CO<sub>2</sub><sup> </sup>x",
            "10⁶ m², 10⁻³, the 1st CO2 x",
            id="powers",
        ),
        pytest.param(
            'One.<div class="subscription-widget-wrap"><div><p>Subscribe for free.</p></div></div><p>Two.</p>'
            '<p class="button-wrapper"><a href="/share"><span>Share</span></a></p>end',
            "One.\nTwo.\nend",
            id="appeals of newsletters",
        ),
        pytest.param("<script>x()</script><style>p{}</style>text<!-- no -->", "text", id="what is not text"),
        pytest.param("a<script>x</script> b", "a b", id="what follows a script"),
        pytest.param(
            "<noscript>turn it on</noscript><iframe>old</iframe><svg><text>S</text></svg>ok", "ok", id="embeds"
        ),
        pytest.param("a&nbsp;&nbsp; b\u2003c", "a b c", id="white space of all kinds is folded"),
        pytest.param("co\u00adoperate &shy;now", "cooperate now", id="soft hyphens"),
        pytest.param("<p>Cafe\u0301</p>", "Café", id="NFC"),
        pytest.param("<p>1 < 2 and a<b</p>", "1 < 2 and a", id="stray angle brackets"),
        pytest.param("&lt;b&gt; <i>is</i> bold", "<b> is bold", id="escaped markup is text"),
        pytest.param("<p>\x00a\x08\ufeff\ud800b</p>", "ab", id="what JSON can't take"),
        pytest.param("<p>&#0;&#xD800;ok</p>", "ok", id="the same as references"),
        pytest.param("<?php echo 1 ?>x<p>y", "x\ny", id="processing instructions"),
        pytest.param("<?xml version='1.0' encoding='utf-16'?><p>ü</p>", "ü", id="a declaration that is wrong"),
        pytest.param("</body></html><p>after</p>", "after", id="ends that nothing began"),
        pytest.param("<img src='data:image/png;base64," + "A" * 5000 + "'>seen", "seen", id="an image inline"),
        pytest.param("<p>נ<b>ס</b></p>", "נס", id="right to left"),
        pytest.param("a\x0bb\x0c<p>c\u2029d\x85e</p>", "a b\nc d e", id="other breaks of the source"),
        pytest.param("<td>a<td>b<br>c<select><option>d</select>", "a | b\nc", id="cells, a break, a choice"),
        pytest.param("<b></b>", "", id="nothing"),
        pytest.param("<!-- only -->", "", id="a comment alone"),
        pytest.param("", "", id="empty"),
    ],
)
def test_html_becomes_lines_of_text(markup: str, text: str) -> None:
    """A paragraph is a line; what a reader does not see is gone."""
    seen = plain.from_html(markup)
    assert seen.replace("\ufffd", "") == text


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param("<div>" * 100_000 + "deep", id="deep nesting"),
        pytest.param("<!--" * 100_000, id="comments that never end"),
        pytest.param("<!---->" * 60_000, id="comments"),
        pytest.param("<p " + " ".join(f"a{i}=1" for i in range(60_000)) + ">x", id="attributes of one tag"),
        pytest.param(("<p " + " ".join(f"a{i}" for i in range(390)) + ">x</p>") * 250, id="attributes of many tags"),
        pytest.param("<" * 500_000, id="angle brackets"),
        pytest.param("<p>" + "&" * 500_000, id="ampersands"),
        pytest.param("<script>" * 50_000, id="scripts"),
        pytest.param("<p>x" * 60_000, id="paragraphs"),
        pytest.param("a" + "\u0315\u0300" * 50_000, id="combining marks"),
        pytest.param("\x00" * 500_000, id="NUL"),
        pytest.param("<sup>" * 2000 + "<b>x</b>" * 60_000, id="a note within notes"),
        pytest.param("<a href=#><div>" * 1000 + "<b>x</b>" * 60_000, id="a link within links"),
        pytest.param('<p class="button-wrap">' * 20_000, id="appeals"),
    ],
)
def test_floods_take_linear_time(flood: str) -> None:
    """Half a megabyte made to be slow takes well under a second (libxml2 and NFC would take up to half a minute)."""
    with within(1.5):
        plain.from_html(flood)


def test_a_rule_of_dashes_is_kept_and_so_are_thirty_marks() -> None:
    """Only combining marks beyond what any script stacks are dropped from a run of signs."""
    assert plain.lines("-" * 100) == "-" * 100
    assert plain.lines("x" + "\u0332" * 200 + "y") == "x" + "\u0332" * 30 + "y"


def test_lines_drops_what_is_empty() -> None:
    """Plain text keeps its lines, trimmed, without empty ones."""
    assert plain.lines(" a  b \r\n\r\n\t c\u2028d ") == "a b\nc\nd"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        pytest.param("short", 10, "short", id="short enough"),
        pytest.param("ten chars!", 10, "ten chars!", id="exactly so"),
        pytest.param("one two three four", 14, "one two three…", id="ends at a word"),
        pytest.param("one two threefour", 11, "one two th…", id="no word ends in the last fifth"),
        pytest.param("x" * 30, 10, "x" * 9 + "…", id="one long word"),
        pytest.param("", 10, None, id="nothing"),
    ],
)
def test_cut_ends_at_a_word(text: str, limit: int, expected: str | None) -> None:
    """A text is cut to its limit, the ellipsis included, at a word where that loses little."""
    assert plain.cut(text, limit) == expected
    assert expected is None or len(expected) <= limit


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [(None, None), ("", None), (" \n\u00ad ", None), (" a\n b ", "a b"), ("A &amp;amp; B", "A & B")],
)
def test_unescaped_undoes_double_escaping(given_text: str | None, expected: str | None) -> None:
    """Values of attributes and JSON-LD are often escaped once too often; they come out on one line."""
    assert plain.unescaped(plain.unescaped(given_text)) == expected


def test_line_leaves_entities_alone() -> None:
    """A feed's title is plain text: `&lt;` in it is meant."""
    assert plain.line("How to write &lt;p&gt;\n") == "How to write &lt;p&gt;"
    assert plain.line(None) is None


@given(
    st.text(alphabet=st.characters())
    | st.text("<>&;/ap\u0301\ud800\x00\n\u00ad -!")
    | st.text("<>&;/pt#1x2f\x0b\x0c\x1f")
)
@example("<p>\x0ca<td>\x1fb")
@example("<p>&#12;a<td>&#x1f;b&#xfffe;&#xd800;&#11;")
def test_any_text_becomes_storable(text: str) -> None:
    """Whatever comes in, what comes out is JSON, has no empty line, and is unchanged by a second cleaning."""
    out = plain.from_html(text)
    orjson.dumps(out)
    assert plain.lines(out) == out


@pytest.mark.parametrize("before", [1, 1999, 2000, 2001, 2002, 7000])
@pytest.mark.parametrize("after", [1, 3000])
@pytest.mark.parametrize(("attributes", "is_kept"), [(1999, True), (2000, False), (4100, False)])
def test_start_tags_of_some_length_are_no_paragraphs(before: int, after: int, attributes: int, is_kept: bool) -> None:
    """Wherever they stand: 2,000 characters behind the first letter are too many."""
    markup = "a" * before + "<p" + "x".rjust(attributes) + ">" + "b" * after
    assert plain.from_html(markup) == "a" * before + ("\n" if is_kept else " ") + "b" * after


@pytest.mark.parametrize(
    ("said", "found"),
    [
        pytest.param('By &lt;a href="/x"&gt;Ada &lt;/a&gt;and Bo', "By Ada and Bo", id="a link, escaped once more"),
        pytest.param("One.<br/>Two.<p>Three", "One. Two. Three", id="breaks are spaces"),
        pytest.param("un<b>believ</b>able", "unbelievable", id="inline markup splits no word"),
        pytest.param("What a <canvas> is, and List<T>", "What a <canvas> is, and List<T>", id="what it is about"),
        pytest.param("a < b, b > a", "a < b, b > a", id="comparisons"),
        pytest.param("<a>" * 3, None, id="nothing but markup"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_what_is_stated_of_an_article_has_no_markup(said: str | None, found: str | None) -> None:
    """Descriptions are text; what a page is about may look like markup."""
    assert plain.stated(said) == found
