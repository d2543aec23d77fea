"""Page and entry → article. Pure: no I/O, clock or randomness (`extract`, for outside callers, reads the clock once).

page.py      from_page: the article of a page, checked against its entry
feed.py      from_entry: the article from the feed's own content alone
text.py      the text of a page
blocks.py    the pieces of text that a page shows
scripts.py   text in script data, if the page shows none
media.py     files that are not pages: PDFs, images, archives
charset.py   bytes → text
gates.py     what is served instead of an article: walls, challenges, errors, lists, shells
marks.py     the signs by which these are recognized
seen.py      a page, read once for all of the following
jsonld.py    what a page says of its article in JSON-LD
head.py      … and in meta, link and time elements
metadata.py  one value a field, from feed, JSON-LD, OpenGraph, meta and the visible page, each with its source
bylines.py   who wrote it: the persons in what is stated or shown
markup.py    source → tree
selection.py the part of a page that the rules of its feed select
languages.py the language of a text, if none is stated
frame.py     lines that a site puts above and below: what they say, and the text without them
credits.py   who published it first, by credit lines, datelines, canonical and JSON-LD
apart.py     lines of a text that the page has in another place, or as something else
gaps.py      lines that the page has among them, and the text lacks
edges.py     lines around a text that do not belong to it
pointers.py  lines that lead to the rest of a text or to other articles
dates.py     ISO 8601 → instant and precision
wrapped.py   wrapped paragraphs → a line each
rich.py      a text → HTML, with the links and emphasis that it has on its page
plain.py     untrusted HTML and text → plain text;  fields.py  … on one line, limited in length
compose.py   article + entry + feed → record
single.py    extract: one page → record, without a feed

The main process only passes the names of these functions to its CPU processes, and must not load what they need:
trafilatura, lxml and charset_normalizer take 17 MB when loaded, 52 MB after the first page, and 0.3 s. Hence the
imports within functions.
"""

from __future__ import annotations

from dataclasses import replace

from worker.articles.compose import compose
from worker.model import NO_RULES, Article, Effort, Entry, FullText, Rules
from worker.record import Record

__all__ = ["compose", "extract", "from_entry", "from_page", "with_html"]


def from_page(
    body: bytes,
    *,
    url: str,
    content_type: str | None,
    entry: Entry | None,
    full_text: FullText = "auto",
    rules: Rules = NO_RULES,
    effort: Effort = "normal",
) -> Article:
    """The article of a page; with `entry`, the feed's metadata take precedence, and its content replaces a page that
    has less.

    url: where the page came from, after redirects. content_type: the HTTP header, verbatim. full_text: `always` takes
    the page's text if there is any; `auto` (and `never`, with which no page should have been fetched) takes the feed's
    own content if the page has less than half of it.

    rules: from the feed's configuration. What `select` matches is the text, unchanged, even if the feed has more;
    `remove` takes parts out of it, or out of the page before extraction if nothing is selected. Metadata come from the
    whole page. If `select` matches nothing, the text is extracted as without it, and `reason` says so.

    effort: `fast` takes trafilatura's first result if it contains the page's prose; `normal` also looks at the page's
    blocks for a lost lead, headings and lists, for links that were kept and for what stands in another place, and lets
    the feed's own text choose between results; `thorough` runs two more extractors, and keeps no line that neither has.

    What is served instead of an article (a wall, a challenge, an error, a list, a shell, or where a redirect from the
    entry's link ended) never becomes its text: the feed's content is used (`feed_only`), or there is none (`blocked`,
    `paywalled`, `failed`); the free part of a paywalled page is used if the feed has less (`paywalled`). In all of
    these cases `retry` says that the page is worth fetching again.

    A hostile page can take much time or memory: run this where it can be killed. Raises nothing of its own; if
    trafilatura raises, fall back to `from_entry`, as after a kill.
    """
    from worker.articles import languages, page

    return languages.told(
        page.from_page(
            body, url=url, content_type=content_type, entry=entry, full_text=full_text, rules=rules, effort=effort
        )
    )


def from_entry(entry: Entry, *, reason: str | None = None) -> Article:
    """The article from the feed alone: `feed_only` because of `reason`; `skipped` if there is none, the page not having
    been fetched; `failed` if the feed has no text."""
    from worker.articles import feed, languages

    return languages.told(feed.from_entry(entry, reason=reason))


def with_html(article: Article, entry: Entry, *, body: bytes, url: str | None, content_type: str | None) -> Article:
    """The article with its text as HTML, too. The rest are what it was made from; without a page, `url` is None."""
    from worker.articles import rich

    if not article.text:
        return article
    match article.sources.get("content_text"):
        case "page" if url is not None:
            html = rich.of_page(article.text, body, url=url, content_type=content_type)
        case "feed":
            html = rich.of_fragment(article.text, entry.content or entry.summary or "", url=entry.url)
        case _:
            html = rich.of_lines(article.text)
    return replace(article, html=html)


def extract(html: bytes | str, url: str, *, content_type: str | None = None, effort: Effort = "normal") -> Record:
    """One page's record, without a feed. Pure CPU: nothing is fetched.

    `url` gives the record its id and resolves the page's links; `content_type` is the HTTP header, which may name the
    charset of `html` where that is bytes; `effort` is how much is done for the text (see `from_page`). What only a
    feed, a fetch or the output could tell is null or empty in `_ingest`: `writer`, `feed_id` and `feed_url` are "",
    `seq` and `revision` 1, both times of ingestion now. Raises ValueError where `effort` is none of the three.
    """
    from worker.articles import single

    return single.extract(html, url, content_type=content_type, effort=effort)
