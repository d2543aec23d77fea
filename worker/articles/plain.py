"""Untrusted HTML and text → plain text that JSON, terminals and readers can take.

Text is NFC, without soft hyphens, control characters, lone surrogates or noncharacters; white space is collapsed.
"""

from __future__ import annotations

import functools
import html
import re
import unicodedata
from collections.abc import Iterable
from typing import cast

from lxml import etree

from worker import dedup
from worker.articles import wrapped

_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]")
_CONTROLS = bytes((*range(9), *range(0x0E, 0x1C), 0x7F))
# Characters that may hold a run of combining marks. CPython sorts such a run in quadratic time (100,000 marks: 9 s);
# beyond 30 of them none is left, which no script needs (Unicode's Stream-Safe Text Format, UAX #15 section 13).
_LONG_RUN = re.compile(r"[^\w\s]{31,}")
MAX_MARKS = 30
# Start tags over this length are inline images and widgets' states: no text. libxml2 takes quadratic time over the
# attributes of one tag (60,000 of them, 530 kB: 29 s); cut here, 500 kB of such tags take under a second.
_MAX_TAG = 2000
_LONG_TAG = re.compile(rf"<[a-zA-Z][^<>]{{{_MAX_TAG},}}>?")
# libxml2 ends the document at </html>, wherever that stands.
_SHELL = re.compile(r"</?(?:html|body)\b[^<>]*>?", re.IGNORECASE)
# Markup in what sites state in a few sentences: within a line, and between two.
_INLINE = re.compile(r"</?(?:a|abbr|b|cite|em|i|mark|q|s|small|span|strong|sub|sup|u)(?:\s[^<>]*)?>", re.IGNORECASE)
_BREAK = re.compile(r"</?(?:blockquote|br|div|h[1-6]|hr|img|li|ol|p|ul)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_SILENT = frozenset(
    {
        *("applet", "audio", "button", "canvas", "datalist", "embed", "head", "iframe", "math", "noscript", "object"),
        *("script", "select", "style", "svg", "template", "textarea", "title", "video"),
    }
)
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog"),
        *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5"),
        *("h6", "header", "hr", "legend", "li", "main", "nav", "ol", "option", "p", "pre", "section", "summary"),
        *("table", "tbody", "tfoot", "thead", "tr", "ul"),
    }
)
_CELLS = frozenset({"td", "th"})
# Buttons and forms that newsletters have amid their texts, by the classes of Substack and Ghost.
_APPEALS = ("subscription-widget", "button-wrap", "kg-signup-card", "kg-button-card")
_BACK = "↩↑⤴↵^#¶§\ufe0e\ufe0f"  # of links to a place on the page: from a note to where it belongs, at a heading
_MAY_BE_WRAPPED = re.compile("<(?:br|pre)", re.IGNORECASE)  # other elements set paragraphs apart
_BREAK_HERE = "\u2028"  # which is a line break in the source, too
_CELL_ENDS = "\ufdd0"  # a noncharacter, which no source has


def _notes(mode: str = "") -> str:
    """Rules for footnote marks, links back from footnotes, and powers."""
    return f"""
        <xsl:template match="sup[a[string-length(text()) &lt; 5]]
                             | a[contains(@class, 'footnote') and string-length(text()) &lt; 5]" {mode}>
          <xsl:variable name="note" select="translate(normalize-space(.), '[]()', '')"/>
          <xsl:if test="$note"><xsl:value-of select="concat('[', $note, ']')"/></xsl:if>
        </xsl:template>
        <xsl:template match="a[contains(@href, '#') and string-length(text()) &lt; 5 and (contains(text(), '↩')
                             or (not(*) and translate(text(), ' {_BACK}', '') = ''))]" priority="1" {mode}/>
        <xsl:template match="sup[not(*) and translate(., '0123456789+-−', '') = '']" {mode}>
          <xsl:value-of select="translate(., '0123456789+-−', '⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻')"/>
        </xsl:template>
    """


def _templates(mode: str = "") -> str:
    """Rules for turning elements into text; mode: an attribute, for those within `pre`."""
    break_here = f"<xsl:text>{_BREAK_HERE}</xsl:text>"
    return f"""
        <xsl:template match="{" | ".join(sorted(_BLOCKS))}" {mode}>
          {break_here}<xsl:apply-templates {mode}/>{break_here}
        </xsl:template>
        <xsl:template match="br" {mode}>{break_here}</xsl:template>
        <xsl:template match="{" | ".join(sorted(_CELLS))}" {mode}>
          <xsl:apply-templates {mode}/><xsl:text>{_CELL_ENDS}</xsl:text>
        </xsl:template>
        <xsl:template match="{" | ".join(sorted(_SILENT))}" {mode}/>
        {_notes(mode)}
    """


_TEXT = etree.XSLT(
    etree.fromstring(f"""
        <xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
          <xsl:output method="text"/>
          {_templates()}
          <xsl:template match="pre" priority="1">
            <xsl:text>{_BREAK_HERE}</xsl:text><xsl:apply-templates mode="pre"/><xsl:text>{_BREAK_HERE}</xsl:text>
          </xsl:template>
          {_templates('mode="pre"')}
          <xsl:template match="text()" mode="pre">
            <xsl:value-of select="translate(., '&#10;', '{_BREAK_HERE}')"/>
          </xsl:template>
        </xsl:stylesheet>
    """)
)
"""Turns a tree into its text, at less than half of the cost of a walk."""
_NOTED = etree.XSLT(
    etree.fromstring(f"""
        <xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
          <xsl:template match="@* | node()">
            <xsl:copy><xsl:apply-templates select="@* | node()"/></xsl:copy>
          </xsl:template>
          {_notes()}
        </xsl:stylesheet>
    """)
)
_FIND_APPEALS = etree.XPath(f"//*[{' or '.join(f'contains(@class, {name!r})' for name in _APPEALS)}]")
_PARSER = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, collect_ids=False)


@functools.lru_cache(maxsize=1)  # an entry's summary is also its text if it has no content
def from_html(markup: str) -> str:
    """The text of an HTML fragment, one line a paragraph; "" if there is none. Takes linear time.

    Markup nested deeper than 2,048 elements is cut off there (libxml2's limit).
    """
    if "<" not in markup:
        return lines(html.unescape(markup))
    tree = etree.fromstring(tamed(markup), _PARSER)
    if any(name in markup for name in _APPEALS):
        for appeal in cast("list[etree._Element]", _FIND_APPEALS(tree)):
            appeal.tag = "button"
    text = str(_TEXT(tree))
    # Line breaks of the source are spaces, but in `pre`; those of the page come from its elements.
    source = text.replace("\n", " ").split(_BREAK_HERE)
    shown = wrapped.unwrapped(source) if _MAY_BE_WRAPPED.search(markup) else source
    return _folded(map(_row, shown) if _CELL_ENDS in text else shown)


def noted(tree: etree._Element) -> etree._Element:
    """A copy of the tree in which footnote marks, links back and powers are what `from_html` makes of them."""
    return _NOTED(tree).getroot()


def tamed(markup: str) -> bytes:
    """The fragment in one element, in UTF-8, without what makes libxml2 slow or lets it end early."""
    if _may_have_long_tags(markup):
        markup = _LONG_TAG.sub(" ", markup)
    return f"<div>{_SHELL.sub(' ', markup)}".encode("utf-8", "ignore").translate(None, _CONTROLS)


def _row(line: str) -> str:
    """The cells of a table's row, without empty ones at its ends, which tables used for layout have."""
    return line.replace(_CELL_ENDS, " | ").strip("| \t\xa0") if _CELL_ENDS in line else line


def _may_have_long_tags(markup: str) -> bool:
    """Whether some "<" is further from the next one than a tag may be long."""
    at = 0
    while at + _MAX_TAG < len(markup):
        at = markup.rfind("<", at, at + _MAX_TAG + 1) + 1
        if not at:
            return True
    return False


def lines(text: str) -> str:
    """Plain text with its lines trimmed, empty ones dropped, white space within them collapsed, and paragraphs that
    were wrapped on one line."""
    return _folded(wrapped.unwrapped(text.splitlines()))


def _folded(lines: Iterable[str]) -> str:
    """Collapses white space first: most texts need no other cleaning, which is then quickly seen."""
    folded = _trimmed(lines)
    cleaned = clean(folded)
    return folded if cleaned is folded else _trimmed(cleaned.split("\n"))


def _trimmed(lines: Iterable[str]) -> str:
    return "\n".join([words for line in lines if (words := dedup.folded(line))])


def line(text: str | None, limit: int = 1000) -> str | None:
    """Plain text on one line of at most `limit` characters; None if nothing is left."""
    return cut(_folded((text,)), limit) if text else None


def unescaped(text: str | None, limit: int = 1000) -> str | None:
    """`line`, for values that sites escape once more than their markup needs (`&amp;amp;`)."""
    return line(html.unescape(text), limit) if text else None


def stated(text: str | None, limit: int = 1000) -> str | None:
    """`unescaped`, for the few sentences that sites state about an article, in which they leave markup. Other words
    between angle brackets are part of the text, and stay."""
    return line(_BREAK.sub(" ", _INLINE.sub("", html.unescape(text))), limit) if text else None


def cut(text: str, limit: int) -> str | None:
    """At most `limit` characters, ended at a word if one ends in the last fifth; None if nothing is left."""
    if len(text) > limit:
        head = text[: limit - 1]
        words = head.rsplit(None, 1)[0] if not text[limit - 1].isspace() else head
        text = (words if len(words) >= limit * 0.8 else head).rstrip() + "…"
    return text or None


def clean(text: str) -> str:
    """The same object if there is nothing to clean."""
    if not text.replace("\n", " ").isprintable():
        text = _UNWANTED.sub("", text)
    if text.isascii():
        return text
    if dedup.is_flooded(text, MAX_MARKS):
        text = _LONG_RUN.sub(_without_excess, text)
    return unicodedata.normalize("NFC", text)


def _without_excess(run: re.Match[str]) -> str:
    return "".join(c for at, c in enumerate(run[0]) if at < MAX_MARKS or not unicodedata.combining(c))
