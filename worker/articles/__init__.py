"""Page and entry → article. Pure: no I/O, no clock, no chance (`extract`, for callers outside, reads the clock once).

page.py      from_page: a page, with its entry as witness
feed.py      from_entry: the feed's own content, where that is all there is
text.py      a page's text
blocks.py    the pieces of text that a page shows
scripts.py   the text in script data, where the page shows none
media.py     what is no page at all: PDFs, images, archives
charset.py   bytes → text
gates.py     what stands where an article should: walls, challenges, errors, lists, shells
marks.py     by what they are known
seen.py      a page, read once for all of these
jsonld.py    what a page says of itself in JSON-LD
head.py      … and in meta, link and time elements
metadata.py  one value a field, out of feed, JSON-LD, OpenGraph, meta and the page's face, each with its source
bylines.py   who wrote it: persons out of what is stated or shown
markup.py    source → tree
selection.py the part of a page that the rules of its feed name
frame.py     lines that a site puts above and below: what they say, and the text without them
credits.py   who had it first, by credit lines, datelines, canonical and JSON-LD
edges.py     lines around a text that are not of it
pointers.py  lines that lead on, to the rest of a text or to other articles
dates.py     ISO 8601 → instant and precision
plain.py     HTML and text of strangers → plain text;  fields.py  … on one line, bounded
compose.py   article + entry + feed → record
single.py    extract: one page → record, without a feed

The main process names these functions to its CPU processes, and must not load what they need: trafilatura, lxml and
charset_normalizer take 17 MB to load, 52 MB after the first page, and 0.3 s. Hence the imports inside.
"""

from __future__ import annotations

from worker.articles.compose import compose
from worker.model import NO_RULES, Article, Effort, Entry, FullText, Rules
from worker.record import Record

__all__ = ["compose", "extract", "from_entry", "from_page"]


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
    """The article of a page; with `entry`, the feed's metadata lead and its content stands in for a poor page.

    url: where the page came from, after redirects. content_type: the HTTP header, verbatim.
    full_text: `always` takes the page's text wherever there is any; `auto` (and `never`, with which no page should
    have been fetched) takes the feed's own content where the page gives less than half of it.

    rules: of the feed's owner. What `select` names is the text, to the letter, also where the feed has more; `remove`
    takes parts out of it, or of what is extracted where nothing is selected. Metadata are of the whole page. Where
    nothing on the page is what `select` names, the text is extracted as without it, and `reason` says so.

    effort: `fast` takes trafilatura's first result where it has the page's prose; `normal` looks at the page's blocks,
    too, for a lead that was lost and links that were kept, and lets the feed's own text choose between results;
    `thorough` asks two more extractors, and keeps no line that neither has.

    What stands in the article's place (a wall, a challenge, an error, a list, a shell, or where a redirect from the
    entry's link ended) is never its text: the feed's content serves (`feed_only`), or there is none (`blocked`,
    `paywalled`, `failed`); the free part of a paywalled page serves where the feed has less (`paywalled`). All of
    these say in `retry` that the page is worth asking again.

    A hostile page can take long, or much memory: run it where it can be killed. Raises nothing of its own; where
    trafilatura should raise, `from_entry` is what is left, as it is after a kill.
    """
    from worker.articles import page

    return page.from_page(
        body, url=url, content_type=content_type, entry=entry, full_text=full_text, rules=rules, effort=effort
    )


def from_entry(entry: Entry, *, reason: str | None = None) -> Article:
    """The article as the feed alone has it: `feed_only` because of `reason`; `skipped` where there is none, the page
    not having been asked for; `failed` where the feed carries no text."""
    from worker.articles import feed

    return feed.from_entry(entry, reason=reason)


def extract(html: bytes | str, url: str, *, content_type: str | None = None, effort: Effort = "normal") -> Record:
    """One page's record, without a feed. Pure CPU: nothing is fetched.

    `url` gives the record its id and resolves the page's links; `content_type` is the HTTP header, which may name the
    charset of `html` where that is bytes; `effort` is how much is done for the text (see `from_page`). What only a
    feed, a fetch or the output could tell is null or empty in `_ingest`: `writer`, `feed_id` and `feed_url` are "",
    `seq` and `revision` 1, both times of ingestion now. Raises ValueError where `effort` is none of the three.
    """
    from worker.articles import single

    return single.extract(html, url, content_type=content_type, effort=effort)
