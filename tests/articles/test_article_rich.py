"""rich.py: a text as HTML, of which nothing but words and addresses comes from the source."""

from __future__ import annotations

from html.parser import HTMLParser
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import needs_corpus, pages
from tests.cost import within
from worker.articles import from_entry, from_page, plain, rich, with_html
from worker.model import Entry

URL = "https://own.example/2026/one"
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
TAGS = {"p", "ul", "ol", "li", "blockquote", "pre", "table", "tr", "td", "th", *HEADINGS, *rich._INLINE.values()}


class Written(HTMLParser):
    """What a browser is told by some HTML: its text, its tags, where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags, self.targets = "", set[str](), list[str]()
        self.open = list[str]()
        """Elements that are still open at the end; `/` before those that were never begun."""
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.open.append(f"/{tag}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.open.append(tag)
        if tag == "a":
            ((name, target),) = attrs
            assert name == "href"
            self.targets.append(target or "")
        else:
            assert not attrs

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def of_fragment(fragment: str) -> str:
    """With the text that feedmill takes from it."""
    return rich.of_fragment(plain.from_html(fragment), fragment, url=URL)


@pytest.mark.parametrize(
    ("fragment", "html"),
    [
        pytest.param(
            '<p>One <b>and</b>\n <i class=x>two</i>, <a href="../three?a=1&amp;b" onclick=x>three</a>.</p>',
            '<p>One <strong>and</strong> <em>two</em>, <a href="https://own.example/three?a=1&amp;b">three</a>.</p>',
            id="emphasis and links, which are made absolute",
        ),
        pytest.param(
            "a &lt;b&gt; &amp; c<p>d</p>", "<p>a &lt;b&gt; &amp; c</p>\n<p>d</p>", id="characters are escaped"
        ),
        pytest.param(
            "<h2>Head</h2><ul><li>one<li><p>two</p></ul><blockquote><p>said</p><p>so</p></blockquote>",
            "<h2>Head</h2>\n<ul><li>one</li>\n<li>two</li></ul>\n<blockquote><p>said</p>\n<p>so</p></blockquote>",
            id="headings, items and quotations",
        ),
        pytest.param(
            "<ol><li>one<ul><li>a<p>again<li><h3>b</h3></ul>two</ol><li>x<li>y",
            "<ol><li>one\n<ul><li>a\n<p>again</p></li>\n<li><h3>b</h3></li></ul>\n<p>two</p></li></ol>"
            "\n<ul><li>x</li>\n<li>y</li></ul>",
            id="lists in lists, and items in none",
        ),
        pytest.param(
            "<ul><li><h2>All</h2><p>of it</p><ul><li>too</li></ul></li></ul>",
            "<h2>All</h2>\n<p>of it</p>\n<ul><li>too</li></ul>",
            id="an item around the whole text is none",
        ),
        pytest.param(
            "<blockquote>" * 9 + "<p>a</p>" + "<ul><li>" * 9 + "b",
            f"{'<blockquote>' * 6}<p>a</p>\n<p>b</p>{'</blockquote>' * 6}",
            id="no more than six around each other",
        ),
        pytest.param(
            "one <b>and<br>two <b>more</b><br></b>four <i>words</i>",
            "<p>one <strong>and</strong></p>\n<p><strong>two more</strong></p>\n<p>four <em>words</em></p>",
            id="lines between breaks, over which emphasis goes on",
        ),
        pytest.param(
            "<div>a<table><tr><td>x<td><table><tr><th>b<th><b>c</b><tr><td>d<td>e <a href=/f>f</a></table></table>",
            "<p>a</p>\n<p>x</p>\n<table><tr><th>b</th><th><strong>c</strong></th></tr>"
            '\n<tr><td>d</td><td>e <a href="https://own.example/f">f</a></td></tr></table>',
            id="tables, also in one that serves the layout",
        ),
        pytest.param("<div>a<table><tr><td>b</table></div>", "<p>a</p>\n<p>b</p>", id="which serve the layout"),
        pytest.param(
            '<p><a href="#n1">note</a> <a name=x>x</a> <a href="javascript:x">y</a> <a href="mailto:a@b.c">z</a></p>',
            "<p>note x y z</p>",
            id="links to no page are none",
        ),
        pytest.param(
            "<p>a<script>evil()</script><style>x</style><font color=red>b</font><img src=x onerror=y></p>",
            "<p>ab</p>",
            id="everything else leaves nothing",
        ),
        pytest.param(
            "<pre><code>def f(a):\r\n    if <b>a</b> &lt;  2:\n\n\treturn\u2028 a\n</code></pre><p>So\n it is.",
            "<pre><code>def f(a):</code>\n<code>    if <strong>a</strong> &lt;  2:</code></pre>"
            "\n<p>return</p>\n<p>a</p>\n<p>So it is.</p>",
            id="lines of code, which stay as they are",
        ),
        pytest.param(
            "<p>So <i>it</i> was<sup id=r><a href='#n1'>1</a></sup>, 10<sup>6</sup> m.</p>"
            "<ol><li id=n1><p>See <a href=/y>y</a>. <a href='#r'>↩</a></p></li></ol>",
            '<p>So <em>it</em> was[1], 10⁶ m.</p>\n<ol><li>See <a href="https://own.example/y">y</a>.</li></ol>',
            id="lines with footnote marks, footnotes and powers",
        ),
        pytest.param("plain\ntext", "<p>plain</p>\n<p>text</p>", id="without markup"),
    ],
)
def test_lines_keep_their_links_and_emphasis(fragment: str, html: str) -> None:
    assert of_fragment(fragment) == html


def test_a_mark_that_composes_with_a_bracket_stays_a_mark() -> None:
    """NFC makes one character of `>` and U+0338, which would end no tag."""
    html = of_fragment("<p>a <b>\u0338b</b> c</p>")
    assert html == "<p>a <strong>\u0338b</strong> c</p>"
    assert of_fragment("<p>x <b>e\u0301</b></p>") == "<p>x <strong>\u00e9</strong></p>"


@pytest.mark.parametrize(
    "markup",
    [
        '<p><a href="https://e.example/&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;">x</a></p>',
        "<p><a href=\"https://e.example/'onmouseover='alert(1)\">x</a></p>",
        '<p><a href="&#106;avascript:alert(1)">x</a> <a href="java\tscript:alert(1)">y</a></p>',
        '<p><a href="\x01javascript:alert(1)">x</a> <a href="data:text/html,<script>alert(1)</script>">y</a></p>',
        "<p>&lt;img src=x onerror=alert(1)&gt; &amp;lt;script&amp;gt;</p>",
        "<p><svg><style><img src=x onerror=alert(1)></style></svg><math><mi href='javascript:x'>a</mi></math>b</p>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>a</p></noscript><p>b</p>",
        "<p><b <script>alert(1)</script>>x</b></p>",
        "<p><plaintext>x</p><textarea></p></textarea><title>t</title><xmp><b></xmp></p>",
        "<p>\ud800a\x00b\x1bc \u202ed</p>",
        "<!-- --!><img src=x onerror=alert(1)> --><p>x</p><![CDATA[<script>]]><?php x ?>",
        "<p><em><a href='https://a.example/'><em><a href='https://b.example/'>x</a></em></a></em></p>",
        "<ul onclick=alert(1)><li><script>alert(1)</script>a<ol start='1' type=a><li value=3>b<table><li>c",
        "<table background=javascript:x><tr onclick=x><td style='x:y'>a<td>&lt;td&gt;<tr><li>b<td><pre>c</td></table>",
        "<pre onload=x><li>a\n<td>&lt;/pre&gt;<script>x</script>\n</pre><blockquote cite=javascript:x><li>b<h2>c",
        "<li>a<blockquote>b<li>c</blockquote><pre><ul><li>d</li></ul></pre><td>e<tr>f<td>g<td>h",
    ],
)
def test_nothing_of_a_hostile_source_is_markup(markup: str) -> None:
    check(of_fragment(markup), plain.from_html(markup))


PIECES = [*"<>/&;\"'=! -ab\n\u0338\x00", "<p>", "<b>", "<a href=", "script", "&lt;", "<!--", "<br>", "<li>"]
PIECES += ["<ul>", "</ul>", "<ol>", "<blockquote>", "</blockquote>", "<pre>", "<table>", "<tr>", "<td>", "<h2>"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_whatever_the_source_is(markup: str) -> None:
    check(of_fragment(markup), plain.from_html(markup))


def check(html: str, text: str) -> None:
    """It has a line for each of the text's, with the same words, and nothing that could do anything; what begins in
    one line ends in a later one."""
    assert html.count("\n") == text.count("\n")
    assert Written(html).open == []
    for line, said in zip(html.split("\n"), text.split("\n"), strict=True):
        written = Written(line)
        assert squashed(written.text) == squashed(said)
        assert written.tags <= TAGS | {"a"}
        assert all(target.startswith(("http://", "https://")) for target in written.targets)


def squashed(text: str) -> str:
    """Without the marks that a text has at its items and cells."""
    return normalize("NFC", "".join(text.split()).replace("|", "").lstrip("-"))


def test_marks_that_are_too_many_for_a_text_do_not_get_in_one_by_one() -> None:
    check(html := of_fragment(markup := "<p>a" + "<b>\u0316</b>" * 40), plain.from_html(markup))
    assert "<strong>" not in html


def test_a_table_of_a_page_has_an_empty_line_below_its_head() -> None:
    """Where the text has dashes; and rows as they are in the text, with their cells' marks."""
    page = b"<html><p>One.</p><table><tr><th>a<th>b|c<tr><td>d<td><a href=/e>e</a><p>f</table><p>Two."
    text = "One.\n| a | b|c |\n|---|---|\n| d | e f |\n| g | h |\nTwo."
    html = rich.of_page(text, page, url=URL, content_type=None)
    assert html.split("\n") == [
        "<p>One.</p>",
        "<table><tr><th>a</th><th>b|c</th></tr>",
        "",
        '<tr><td>d</td><td><a href="https://own.example/e">e</a> f</td></tr>',
        "<tr><td>g</td><td>h</td></tr></table>",
        "<p>Two.</p>",
    ]


def test_a_line_that_the_text_has_in_another_place_costs_the_others_nothing() -> None:
    page = b"<html><p><b>One</b>.</p><p>Two, <i>too</i>.</p><p>By <a href=/me>me</a>.</p>"
    assert rich.of_page("By me.\nOne.\nTwo, too.", page, url=URL, content_type=None).split("\n") == [
        '<p>By <a href="https://own.example/me">me</a>.</p>',
        "<p><strong>One</strong>.</p>",
        "<p>Two, <em>too</em>.</p>",
    ]


def test_rows_of_no_table_are_in_one() -> None:
    assert of_fragment("<tr><td>b<td>c</tr><tr><td>d<td>e</tr>").split("\n") == [
        "<table><tr><td>b</td><td>c</td></tr>",
        "<tr><td>d</td><td>e</td></tr></table>",
    ]


def test_words_of_a_row_that_are_in_no_cell_are_in_one() -> None:
    assert of_fragment("<table><tr>a<br><b>c</b></table>").split("\n") == [
        "<table><tr><td>a</td></tr>",
        "<tr><td><strong>c</strong></td></tr></table>",
    ]


def test_rows_stay_in_a_table_and_items_in_a_list_however_deep() -> None:
    quoted = "<blockquote>" * 5
    html = of_fragment(f"{quoted}<blockquote><table><tr><td>a<td>b<tr><td>c<td>d</table>")
    assert html.split("\n") == [
        f"{quoted}<table><tr><td>a</td><td>b</td></tr>",
        f"<tr><td>c</td><td>d</td></tr></table>{quoted.replace('<', '</')}",
    ]
    html = of_fragment(f"<p>a</p>{quoted}<ul><li>b<li>c</ul>")
    assert html.split("\n")[1:3] == [f"{quoted}<p>b</p>", f"<p>c</p>{quoted.replace('<', '</')}"]


@pytest.mark.parametrize(
    ("fragment", "base"),
    [
        pytest.param(f"<a href=/{'a' * 1_900}>" + "x<br>" * 9_000, URL, id="a link over many lines"),
        pytest.param("<p><a href=x>x</a></p>" * 9_000, f"{URL}/{'b' * 7_900}/", id="many links on a long address"),
        pytest.param("<p>" + "<a href=x>x</a>" * 9_000, f"{URL}/{'b' * 7_900}/", id="in one line"),
        pytest.param("".join(map("<{}>".format, rich._INLINE)) + "x<br>" * 9_000, URL, id="all emphasis there is"),
        pytest.param("<ul><li>" * 200 + "x<br>y<p>z" * 9_000, URL, id="lists around each other"),
        pytest.param("<table><tr><td>x" * 40 + "<td>y<tr><td>x" * 9_000, URL, id="tables in each other"),
    ],
)
def test_what_is_short_in_its_source_does_not_become_huge(fragment: str, base: str) -> None:
    text = plain.from_html(fragment)
    html = rich.of_fragment(text, fragment, url=base)
    check(html, text)
    assert len(html) < 10 * len(fragment) + len(rich.of_lines(text))


@pytest.mark.parametrize(
    "markup",
    [
        pytest.param("<div>" + "line<br>" * 20_000, id="line breaks"),
        pytest.param("<div>x" * 1_000 + "</div>" * 1_000, id="elements in each other"),
        pytest.param("<p>" + "<b>x" * 2_000, id="emphasis in emphasis"),
        pytest.param("<p " + " ".join(f"a{n}=1" for n in range(60_000)) + ">x</p>", id="attributes"),
        pytest.param("<p><a href='https://a.example/'>x</a></p>" * 10_000, id="the same line over and over"),
        pytest.param("<ul><li>a" * 100 + "<li>b<p>c" * 10_000, id="lists in lists"),
        pytest.param("<table><tr>" * 100 + "<td>a<td>b<tr>" * 10_000, id="rows of tables in tables"),
        pytest.param("<table><tr>" + "<td>a" * 40_000, id="cells of a row"),
    ],
)
def test_no_source_takes_long(markup: str) -> None:
    text = plain.from_html(markup)
    with within(1):
        rich.of_fragment(text, markup, url=URL)


def test_what_only_begins_like_a_row_does_not_take_long() -> None:
    with within(1):
        rich.of_lines("|" + " | " * 30_000 + "x")


@needs_corpus
def test_the_pages_of_the_corpus_keep_their_lines() -> None:
    """The words are the text's, and most of the lines are found on their pages."""
    found, lines = 0, 0
    for body in pages(at_least=20_000, at_most=60_000)[::4]:
        article = from_page(body, url=URL, content_type=None, entry=None)
        made = with_html(article, Entry(), body=body, url=URL, content_type=None)
        if made.html is not None:
            check(made.html, article.text)
            plainly = rich.of_lines(article.text).split("\n")
            lines += len(plainly)
            found += sum(one != other for one, other in zip(made.html.split("\n"), plainly, strict=True))
    assert found > lines / 4


def test_an_article_from_its_feed_has_the_feeds_markup() -> None:
    entry = Entry(url=URL, content="<p>In <em>full</em>: <a href='/two'>two</a>.</p>")
    made = with_html(from_entry(entry), entry, body=b"", url=None, content_type=None)
    assert made.html == '<p>In <em>full</em>: <a href="https://own.example/two">two</a>.</p>'


def test_an_article_without_a_text_has_no_html() -> None:
    entry = Entry(url=URL, title="Title")
    assert with_html(from_entry(entry), entry, body=b"", url=None, content_type=None).html is None
