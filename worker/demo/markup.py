"""The little markup of the demo's articles, as HTML and as plain words.

The articles are kept in a few lines of Markdown's simplest dialect (paragraphs, `##` headings, `-` lists, fenced code),
so that one text can be set by every layout, and so that the tests know its words without reading them out of HTML.
"""

from __future__ import annotations

from html import escape


def html(text: str) -> str:
    """The text as HTML, block by block."""
    return "\n".join(_block_html(block) for block in _blocks(text))


def plain(text: str) -> str:
    """The text without its marks: what a reader should be left with after extraction."""
    return "\n".join(line for block in _blocks(text) for line in _block_lines(block))


def posts(text: str) -> tuple[tuple[str, str], ...]:
    """The posts of a thread as (who, words): in a thread a heading names the one who wrote what follows."""
    threads = text.split("## ")[1:]
    return tuple((poster.strip(), words.strip()) for poster, _, words in (post.partition("\n") for post in threads))


def _blocks(text: str) -> list[str]:
    return [block.strip("\n") for block in text.split("\n\n") if block.strip()]


def _block_lines(block: str) -> list[str]:
    lines = [line.removeprefix("## ").removeprefix("- ") for line in block.split("\n")]
    return [line for line in lines if not line.startswith("```")]


def _block_html(block: str) -> str:
    lines = [escape(line, quote=False) for line in _block_lines(block)]
    if block.startswith("## "):
        return f"<h2>{lines[0]}</h2>"
    if block.startswith("- "):
        return "<ul>\n" + "\n".join(f"<li>{line}</li>" for line in lines) + "\n</ul>"
    if block.startswith("```"):
        return "<pre><code>" + "\n".join(lines) + "</code></pre>"
    return "<p>" + "\n".join(lines) + "</p>"
