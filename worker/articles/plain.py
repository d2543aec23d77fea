"""HTML and text of strangers to plain text that JSON, terminals and readers can take.

Text is NFC, without soft hyphens, control characters, lone surrogates or noncharacters; white space is folded.
"""

from __future__ import annotations

import functools
import html
import re
import unicodedata

from lxml import etree

# What HTML has, as it is or by a reference to it, but no XML may, nor a tree of lxml be given.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]")
_UNWANTED_BYTES = bytes((*range(9), *range(0x0E, 0x1C), 0x7F, 0xAD))  # … as ASCII or Windows-1252
# Characters that may hold a run of combining marks. CPython sorts such a run in quadratic time (100,000 marks: 9 s);
# beyond 30 of them none is left, which no script needs (Unicode's Stream-Safe Text Format, UAX #15 section 13).
_LONG_RUN = re.compile(r"[^\w\s]{31,}")
_TWO_MARKS = re.compile(r"[^\w\s]{2}")
_MAX_MARKS = 30
# Start tags over this length are inline images and widgets' states: no text. libxml2 takes quadratic time over the
# attributes of one tag (60,000 of them, 530 kB: 29 s); cut here, 500 kB of such tags take under a second.
_LONG_TAG = re.compile(r"<[a-zA-Z][^<>]{2000,}>?")
# libxml2 ends the document at </html>, wherever that stands.
_SHELL = re.compile(r"</?(?:html|body)\b[^<>]*>?", re.IGNORECASE)
_SILENT = frozenset(
    {
        *("applet", "audio", "button", "canvas", "datalist", "embed", "head", "iframe", "math", "noscript", "object"),
        *("script", "select", "style", "svg", "template", "textarea", "title", "video"),
    }
)
_BLOCKS = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "body",
            "br",
            "caption",
            "center",
            "dd",
            "details",
            "dialog",
            "div",
        ),
        *(
            "dl",
            "dt",
            "fieldset",
            "figcaption",
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
        ),
        *("hr", "legend", "li", "main", "nav", "ol", "option", "p", "pre", "section", "summary", "table", "tbody"),
        *("tfoot", "thead", "tr", "ul"),
    }
)
_CELLS = frozenset({"td", "th"})
_BREAK_HERE = "\u2028"  # which is a line break in the source, too


@functools.lru_cache(maxsize=1)  # an entry's summary is its text, where it has no more
def from_html(markup: str) -> str:
    """The text of an HTML fragment, a line a paragraph; "" where there is none. Linear in its length.

    Markup nested deeper than 2,048 elements is cut off there (libxml2's limit).
    """
    if "<" not in markup:
        return lines(html.unescape(markup))
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    safe = _SHELL.sub("\n", _LONG_TAG.sub(" ", _UNWANTED.sub("", markup)))
    root = etree.fromstring(f"<div>{safe}".encode(), parser)
    etree.strip_elements(root, *_SILENT, with_tail=False)
    for element in root.iter(*_BLOCKS):
        _put(element, text=_BREAK_HERE + (element.text or ""), tail=_BREAK_HERE + (element.tail or ""))
    for element in root.iter(*_CELLS):
        _put(element, text=element.text, tail=f" {element.tail or ''}")
    text = etree.tostring(root, method="text", encoding="unicode", with_tail=False)
    # Line breaks of the source are spaces; those of the page come from its elements.
    return lines(text.replace("\n", " ").replace(_BREAK_HERE, "\n"))


def _put(element: etree._Element, *, text: str | None, tail: str) -> None:
    try:
        element.text, element.tail = text, tail
    except ValueError:
        element.text, element.tail = text and _NOT_XML.sub(" ", text), _NOT_XML.sub(" ", tail)


def lines(text: str) -> str:
    """Plain text with its lines trimmed, empty ones dropped, white space within them folded."""
    folded = (" ".join(line.split()) for line in _clean(text).splitlines())
    return "\n".join(line for line in folded if line)


def line(text: str | None, limit: int = 1000) -> str | None:
    """Plain text on one line of at most `limit` characters; None where nothing is left."""
    return cut(" ".join(_clean(text).split()), limit) if text else None


def unescaped(text: str | None, limit: int = 1000) -> str | None:
    """`line`, for values that sites escape once more than their markup asks for (`&amp;amp;`)."""
    return line(html.unescape(text), limit) if text else None


_INLINE = re.compile(r"</?(?:a|abbr|b|cite|em|i|mark|q|s|small|span|strong|sub|sup|u)(?:\s[^<>]*)?>", re.IGNORECASE)
_BREAK = re.compile(r"</?(?:blockquote|br|div|h[1-6]|hr|img|li|ol|p|ul)(?:\s[^<>]*)?/?>", re.IGNORECASE)


def stated(text: str | None, limit: int = 1000) -> str | None:
    """`unescaped`, for what sites state of an article in a few sentences: they leave markup in it. Other words between
    angle brackets are what it is about."""
    return line(_BREAK.sub(" ", _INLINE.sub("", html.unescape(text))), limit) if text else None


def cut(text: str, limit: int) -> str | None:
    """At most `limit` characters, ended at a word where one ends in the last fifth; None where nothing is left."""
    if len(text) > limit:
        head = text[: limit - 1]
        words = head.rsplit(None, 1)[0] if not text[limit - 1].isspace() else head
        text = (words if len(words) >= limit * 0.8 else head).rstrip() + "…"
    return text or None


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():  # most lines are
        return text
    code = "ascii" if text.isascii() else "cp1252"
    try:  # most texts in Latin letters are of its characters, which are composed; as bytes it takes a third of the time
        return text.encode(code).translate(None, _UNWANTED_BYTES).decode(code)
    except UnicodeEncodeError:
        text = _UNWANTED.sub("", text)
    # Of such a run every 15th character shows two: the rest need not be looked at.
    if _TWO_MARKS.search(text[::15]):
        text = _LONG_RUN.sub(_without_excess, text)
    return unicodedata.normalize("NFC", text)


def _without_excess(run: re.Match[str]) -> str:
    return "".join(c for at, c in enumerate(run[0]) if at < _MAX_MARKS or not unicodedata.combining(c))
