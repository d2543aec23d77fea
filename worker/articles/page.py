"""A page → its article: what the page is, its text, what it says about itself, and whether the feed has it better."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import trafilatura
from lxml.html import HtmlElement

from worker import dedup
from worker.articles import charset, edges, feed, fields, frame, gates, marks, markup, media, plain, selection
from worker.articles import text as extraction
from worker.articles.gates import Gate
from worker.articles.metadata import describe
from worker.articles.seen import Seen, look
from worker.model import Article, Effort, Entry, FullText, Rules
from worker.rules import page_url

EXTRACTOR = f"trafilatura-{trafilatura.__version__}"
_OPENING = 6  # words, by which one text is recognized in another
_POST_WORDS = 10
_PROSE_LINE, _PROSE_WORDS = 150, 150  # characters; words in such lines
_CUT_OFF = re.compile(r"(?:…|\.\.\.|\[[.…]+\])\W*$")
_WITNESS_WORDS = 50  # words of a feed's content that make it an article, or most of one


def from_page(
    body: bytes,
    *,
    url: str,
    content_type: str | None,
    entry: Entry | None,
    full_text: FullText,
    rules: Rules,
    effort: Effort,
) -> Article:
    """See `worker.articles.from_page`; with no more of a language than is stated."""
    if not body.strip():
        return _without_page(entry, "the page is empty")
    if kind := media.foreign(body, content_type):
        return _without_page(entry, f"the page is {kind}")
    decoded = charset.decode(body, content_type)
    if media.is_plain_text(body, content_type):
        page = replace(describe(entry), extractor=feed.EXTRACTOR, text=plain.lines(decoded))
        return _chosen(page, feed.text(entry) if entry else "", full_text)
    asked = page_url(entry.url, rules.rewrite) if entry and entry.url else None
    if gate := gates.by_address(asked, url):
        return _gated(gate, None, entry)
    # One tree for metadata and text: neither changes it (bare_extraction copies it: 0.8 ms, parsing takes 2.8).
    tree = markup.parse(decoded)
    if tree is None:
        return _without_page(entry, "the page is not HTML")
    seen = look(tree, url)
    part = selection.part_of(tree, rules)
    witness, leads_on = feed.carried(entry) if entry else ("", False)
    is_whole = not leads_on and _is_whole(witness)
    text = part.text or extraction.read(
        part.tree,
        url,
        discussion=seen.is_discussion,
        effort=effort,
        witness=witness if is_whole and dedup.word_count(witness) >= _WITNESS_WORDS else "",
    )
    gate = gates.by_page(seen, html=decoded, text=text, entry=entry, selected=part.text is not None)
    if gate and not gate.own_page:
        return _gated(gate, None, entry)
    if not part.text and not seen.is_discussion:
        text = extraction.prose(text, part.tree)
    page = frame.framed(
        replace(describe(entry, seen, thoroughly=effort == "thorough"), extractor=EXTRACTOR, text=text),
        seen,
    )
    if part.text:
        page = replace(page, extractor=feed.EXTRACTOR, text=text)
    else:
        if not seen.is_discussion:
            page = replace(page, text=_mended(page, seen, part.tree, entry, effort))
        named = (author.name for author in page.authors)
        page = replace(page, text=edges.cut(page.text, title=page.title, authors=named, heading=seen.head.top))
    if gate:
        return _gated(gate, page, entry)
    if part.text:
        return replace(page, extraction="ok", sources={**page.sources, "content_text": "page"})
    article = _best(page, seen, witness, full_text, is_whole=is_whole)
    return replace(article, reason=article.reason or part.problem)


def _mended(page: Article, seen: Seen, tree: HtmlElement, entry: Entry | None, effort: Effort) -> str:
    """See `text.mended`; tree: the page without what the feed's rules remove."""
    leads = _leads(seen, entry)
    return extraction.mended(page.text, tree, seen.url, effort=effort, language=page.language, leads=leads)


def _best(page: Article, seen: Seen, witness: str, full_text: FullText, *, is_whole: bool) -> Article:
    """The page's text or the feed's, depending on the kind of page. is_whole: see `_is_whole`."""
    if seen.is_recording:
        return _described(page, seen, witness)
    if seen.is_discussion and full_text != "always" and is_whole:
        return feed.with_feed_text(page, witness, "the feed carries the post itself")
    return _chosen(page, witness, full_text)


def _described(page: Article, seen: Seen, witness: str) -> Article:
    """A recording with its description, preferably the feed's: around a player there is navigation.

    Unless the page's text contains that: then it is the full description, or followed by a transcript. Also unless the
    text is prose: some news pages declare nothing but the video in them.
    """
    shared = plain.stated(seen.head.first("og:description", "description"), fields.MAX_SUMMARY)
    stated = seen.claims.description or shared or ""
    said = max(witness, stated, key=dedup.word_count)
    opening = dedup.words(said)[:_OPENING]
    known = bool(opening) and " ".join(opening) in " ".join(dedup.words(page.text))
    if (
        known
        or sum(dedup.word_count(line) for line in page.text.split("\n") if len(line) >= _PROSE_LINE) >= _PROSE_WORDS
    ):
        return replace(page, extraction="ok", sources={**page.sources, "content_text": "page"})
    if witness or not stated:
        return feed.with_feed_text(page, witness, "the page is a player")
    source = "jsonld" if seen.claims.description else "opengraph"
    text = plain.lines(stated)
    return replace(
        page, extraction="ok", extractor=feed.EXTRACTOR, text=text, sources={**page.sources, "content_text": source}
    )


def _is_whole(witness: str) -> bool:
    """Whether the feed's text is a whole post, not just its beginning."""
    return dedup.word_count(witness) >= _POST_WORDS and _CUT_OFF.search(witness) is None


def _gated(gate: Gate, page: Article | None, entry: Entry | None) -> Article:
    """The feed's text instead of what is not an article; a paywalled page's free part if the feed has less.

    page: the article's own page, although what it shows is not the article; None if it is some other page.
    """
    witness = feed.text(entry) if entry else ""
    described = page or describe(entry)
    free = marks.free_part(page.text) if page and gate.kind == "paywalled" else ""
    if free and dedup.word_count(free) > dedup.word_count(witness):
        sources = {**described.sources, "content_text": "page"}
        return replace(described, extraction=gate.kind, reason=gate.reason, text=free, sources=sources, retry=True)
    if witness:
        return replace(feed.with_feed_text(described, witness, gate.reason), retry=True)
    return replace(described, extraction=gate.kind, extractor=None, reason=gate.reason, text="", retry=True)


def _leads(seen: Seen, entry: Entry | None) -> Iterator[str]:
    """The short descriptions in page and feed, one of which may be the article's first paragraph."""
    stated = (seen.claims.description, seen.head.first("og:description"), seen.head.first("description"))
    yield from (lead for text in stated if (lead := plain.stated(text, fields.MAX_SUMMARY)))
    if entry and entry.summary:
        yield plain.from_html(entry.summary)


def _chosen(page: Article, witness: str, full_text: FullText) -> Article:
    """The page's text, unless the feed's own content shows that it is not the article, or only a part of it."""
    if not page.text:
        return feed.with_feed_text(replace(page, extractor=None), witness, "the page has no article text")
    if full_text != "always":
        here = dedup.word_count(witness)
        there = dedup.word_count(page.text) if here >= _WITNESS_WORDS else here
        if there * 2 < here:
            return feed.with_feed_text(page, witness, f"the page has {there} words, the feed {here}")
    return replace(page, extraction="ok", sources={**page.sources, "content_text": "page"})


def _without_page(entry: Entry | None, reason: str) -> Article:
    if entry is None:
        return Article(extraction="failed", reason=reason)
    return feed.from_entry(entry, reason=reason)
