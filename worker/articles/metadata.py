"""One value for each field, from everything that the feed and the page say, with its source.

The feed takes precedence for what it says about this entry (title, authors, dates, tags, summary): it is the
publisher's own list, made for machines. The page takes precedence where the feed speaks of all entries at once
(language) or only of a preview (image).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import htmldate
from trafilatura.metadata import examine_meta, extract_title

from worker import dedup, urls
from worker.articles import bylines, dates, edges, fields, plain
from worker.articles.head import Head
from worker.articles.jsonld import Claims
from worker.articles.seen import Seen
from worker.model import DAY_MS, Article, Author, Entry, Millis, Precision

T = TypeVar("T")
Date = tuple[Millis, Precision]

_PUBLISHED = ("article:published_time", "og:article:published_time", "og:pubdate", "og:published_time")
_PUBLISHED_META = (
    *("datepublished", "parsely-pub-date", "sailthru.date", "pubdate", "pub_date", "publish-date", "publishdate"),
    *("article.published", "dc.date.issued", "dcterms.issued", "dcterms.created", "datecreated", "citation_date"),
    *("dc.date", "date"),
)
_MODIFIED = ("article:modified_time", "og:article:modified_time", "og:updated_time")
_MODIFIED_META = ("datemodified", "article.updated", "dcterms.modified", "last-modified")
# htmldate's latest date is today's unless it is told another: a clock, which this room does without.
_SEARCHED = 5000  # elements, at most
_NOT_BEFORE, _NOT_AFTER = "1990-01-01", "2099-12-31"
_NO_HEAD, _NO_CLAIMS = Head(base=""), Claims()


def describe(entry: Entry | None, seen: Seen | None = None, *, thoroughly: bool = False) -> Article:
    """An article without text: what `entry` and the page say about it.

    thoroughly: if no date is stated, search the whole page for one.
    """
    page, url = (seen.head, seen.url) if seen else (_NO_HEAD, "")
    said = _Said(
        feed=entry or Entry(),
        page=page,
        claims=seen.claims if seen else _NO_CLAIMS,
        seen=seen,
        site=_host(url) if url else "",
        thoroughly=thoroughly,
    )
    published, precision = said.published() or (None, None)
    on_page = seen is not None  # the only place that states these four
    return Article(
        extraction="failed",
        title=said.title(),
        summary=said.summary(),
        authors=said.authors(),
        tags=said.tags(),
        published=published,
        modified=said.modified(published),
        date_precision=precision,
        language=said.language(),
        image=said.image(),
        canonical_url=fields.canonical_url(page.canonical, url) if on_page else None,
        publisher=said.publisher() if on_page else None,
        section=said.section() if on_page else None,
        license=said.license() if on_page else None,
        sources=said.sources,
    )


@dataclass(kw_only=True)
class _Said:
    """The sources of one article. Each method asks them for one field, and notes in `sources` which one answered."""

    feed: Entry
    page: Head
    claims: Claims
    seen: Seen | None
    thoroughly: bool
    site: str = ""
    """The host that the page is on."""
    sources: dict[str, str] = field(default_factory=dict)

    def title(self) -> str | None:
        return self._first("title", self._titles())

    def _titles(self) -> Iterator[tuple[str, str | None]]:
        yield "feed", plain.line(self.feed.title, fields.MAX_TITLE)
        shared, site = self.page.first("og:title"), plain.unescaped(self.page.first("og:site_name"))
        yield "jsonld", self._outvoted(shared)
        if bylines.is_site(shared or "", self._site) and not bylines.is_site(self.page.heading or "", self._site):
            yield "page", self.page.heading
        yield "opengraph", fields.title(shared, site=site, shorter=self._forms, named=self._names)
        yield "jsonld", self._agreed_title() or self.claims.headline
        yield "page", self._shown_title()

    @property
    def _forms(self) -> tuple[str | None, ...]:
        """Other forms of the title."""
        return self.claims.headline, *self.page.headings

    def _outvoted(self, shared: str | None) -> str | None:
        """The headline, if heading and twitter:title agree with it, and only og:title differs."""
        agreed, shown = self._agreed_title(), plain.unescaped(self.page.first("twitter:title"))
        if agreed is None or shared is None or dedup.title_key(shown) != dedup.title_key(agreed):
            return None
        return agreed if dedup.title_key(plain.unescaped(shared)) != dedup.title_key(shown) else None

    def _agreed_title(self) -> str | None:
        """The headline or name of the article, if its only h1 says the same: wikis give a description as headline."""
        heading = dedup.title_key(self.page.heading)
        stated = (self.claims.headline, self.claims.name)
        return next((title for title in stated if title and dedup.title_key(title) == heading), None)

    def summary(self) -> str | None:
        return self._first("summary", self._summaries())

    def _summaries(self) -> Iterator[tuple[str, str | None]]:
        yield "feed", fields.summary(plain.from_html(edges.begun(self.feed.summary or "", self.feed)))
        yield "jsonld", fields.summary(self.claims.description)
        yield "opengraph", fields.summary(plain.stated(self.page.first("og:description"), fields.MAX_SUMMARY))
        yield "meta", fields.summary(plain.stated(self.page.first("description"), fields.MAX_SUMMARY))

    def authors(self) -> tuple[Author, ...]:
        return self._first("authors", self._authors()) or ()

    def _authors(self) -> Iterator[tuple[str, tuple[Author, ...]]]:
        """Only persons: if a source names none, the next is asked; agencies if there is nobody else."""
        yield "feed", self._persons(self.feed.authors)
        yield "jsonld", self._shown(self._persons(self.claims.authors)) or self._agencies(self.claims.authors)
        if self._of_article:  # on other pages it is who runs the site: 8 of 10 times on corpus pages without an author
            yield "meta", self._persons(fields.meta_authors(self.page.meta))
        if self.seen is not None:
            shown = bylines.shown(self.seen.tree, texts=self.seen.texts, logins=self.seen.is_discussion)
            yield "page", self._persons(Author(name=name) for name in shown)
        yield "jsonld", self._organisations()
        yield "feed", self._agencies(self.feed.authors)

    @property
    def _of_article(self) -> bool:
        return self.seen is not None and self.seen.claims_article

    def _shown(self, stated: tuple[Author, ...]) -> tuple[Author, ...]:
        """The persons in the visible byline, unless the page says that it is news: weblogs state the account's owner as
        author (on 8 of 19 corpus pages one was stated where none was right)."""
        if not stated or self.claims.is_news or self.seen is None:
            return stated
        said = self.seen.said
        return tuple(author for author in stated if author.name.casefold() in said)

    def _agencies(self, stated: tuple[Author, ...]) -> tuple[Author, ...]:
        return fields.authors(
            Author(name=name, url=author.url if name == author.name.strip() else None)
            for author in stated
            for name in bylines.agencies(author.name)
        )

    def _organisations(self) -> tuple[Author, ...]:
        """Authors that are declared as organisations, or the news site itself."""
        named, news = self.claims.organisations, self.claims.is_news
        stated = self.claims.authors
        return fields.authors(
            a for a in stated if a.name in named or (news and bylines.is_site(a.name, (*self._site, self.site)))
        )

    @property
    def _site(self) -> tuple[str | None, ...]:
        """The names of the site."""
        return self.claims.publisher, self.page.first("og:site_name")

    @property
    def _names(self) -> tuple[str | None, ...]:
        """… and those that its address tells."""
        return *self._site, self.site, *self.site.split(".")

    def _persons(self, stated: Iterable[Author]) -> tuple[Author, ...]:
        persons = ((author, _named(author.name, self._site, self.site)) for author in stated)
        return fields.authors(
            Author(name=name, url=author.url if len(names) == 1 else None)
            for author, names in persons
            for name in names
        )

    def tags(self) -> tuple[str, ...]:
        return self._first("tags", self._tags()) or ()

    def _tags(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield "feed", fields.tags(self.feed.tags)
        yield "jsonld", fields.tags(self.claims.keywords)
        yield "opengraph", fields.tags(self.page.meta.get("article:tag", ()))

    def published(self) -> Date | None:
        return self._first("date_published", self._published())

    def _published(self) -> Iterator[tuple[str, Date | None]]:
        yield "feed", _of_feed(self.feed.published)
        yield "jsonld", dates.parse(self.claims.published)
        yield "opengraph", self._date(_PUBLISHED)
        yield "meta", self._date(_PUBLISHED_META)
        yield "page", dates.parse(self.page.time)
        yield "page", self._shown_day()

    def modified(self, published: Millis | None) -> Millis | None:
        """Not before `published`: days written as their midnight, or confused time zones, tell nothing."""
        found = ((source, date) for source, date in self._modified() if date)
        return self._first(
            "date_modified",
            ((source, date[0]) for source, date in found if published is None or date[0] >= published),
        )

    def _modified(self) -> Iterator[tuple[str, Date | None]]:
        yield "feed", _of_feed(self.feed.updated)
        yield "jsonld", dates.parse(self.claims.modified)
        yield "opengraph", self._date(_MODIFIED)
        yield "meta", self._date(_MODIFIED_META)

    def language(self) -> str | None:
        return self._first("language", self._languages())

    def _languages(self) -> Iterator[tuple[str, str | None]]:
        yield "jsonld", fields.language(self.claims.language)
        yield "page", fields.language(self.page.language)
        yield "meta", fields.language(self.page.first("content-language"))
        yield "opengraph", fields.language(self.page.first("og:locale"))
        yield "feed", fields.language(self.feed.language)

    def image(self) -> str | None:
        return self._first("image", self._images())

    def _images(self) -> Iterator[tuple[str, str | None]]:
        yield "opengraph", self._picture(self.page.first("og:image", "og:image:url", "og:image:secure_url"))
        yield "jsonld", self._picture(self.claims.image)
        yield "meta", self._picture(self.page.first("twitter:image", "twitter:image:src"))
        yield "feed", fields.picture(self.feed.image, self.site)

    def publisher(self) -> str | None:
        return self._first("publisher", self._publishers())

    def _publishers(self) -> Iterator[tuple[str, str | None]]:
        yield "jsonld", plain.line(self.claims.publisher, fields.MAX_NAME)
        yield "opengraph", plain.unescaped(self.page.first("og:site_name"), fields.MAX_NAME)

    def section(self) -> str | None:
        return self._first("section", self._sections())

    def _sections(self) -> Iterator[tuple[str, str | None]]:
        yield "jsonld", fields.section(self.claims.section)
        yield "opengraph", fields.section(plain.unescaped(self.page.first("article:section")))

    def license(self) -> str | None:
        return self._first("license", self._licenses())

    def _licenses(self) -> Iterator[tuple[str, str | None]]:
        yield "page", self.page.license
        yield "jsonld", self._link(self.claims.license)

    def _first(self, name: str, candidates: Iterable[tuple[str, T | None]]) -> T | None:
        """The first candidate that has a value; those after it are not asked."""
        for source, value in candidates:
            if value:
                self.sources[name] = source
                return value
        return None

    def _shown_title(self) -> str | None:
        """The title that trafilatura finds on the page."""
        if self.seen is None:
            return None
        tree = self.seen.tree
        site = plain.unescaped(self.page.first("og:site_name"))
        head = plain.line(tree.findtext(".//title"))
        if heading := fields.titled(head, self.page.headings, named=self._names):
            return heading
        stated = examine_meta(tree).title or extract_title(tree)
        return fields.title(stated, site=site, shorter=self._forms, named=self._names)

    def _shown_day(self) -> Date | None:
        """The date that htmldate finds, asked last: it costs milliseconds, and is less certain.

        Its extensive search finds a date for 13 more of 242 pages, at eight times the cost, and for 2 more a wrong one:
        it is for pages of some size that state no date anywhere.
        """
        if self.seen is None:
            return None
        found = htmldate.find_date(
            self.seen.tree,
            url=self.page.canonical or self.seen.url,
            extensive_search=self.thoroughly and self._is_small,
            original_date=True,
            min_date=_NOT_BEFORE,
            max_date=_NOT_AFTER,
        )
        return dates.parse(found)

    @property
    def _is_small(self) -> bool:
        """Whether the extensive search is fast enough: on other pages it takes up to 2 s."""
        return self.seen is not None and next(islice(self.seen.tree.iter(), _SEARCHED, None), None) is None

    def _date(self, names: tuple[str, ...]) -> Date | None:
        found = (dates.parse(value) for name in names for value in self.page.meta.get(name, ()))
        return next((date for date in found if date), None)

    def _picture(self, stated: str | None) -> str | None:
        return fields.picture(self._link(stated), self.site)

    def _link(self, stated: str | None) -> str | None:
        return urls.absolute(stated, self.page.base) if stated else None


@functools.lru_cache(maxsize=64)  # the same few authors write a feed's entries
def _named(stated: str, site: tuple[str | None, ...], host: str) -> tuple[str, ...]:
    return tuple(bylines.persons([stated], site=site, host=host))


def _host(url: str) -> str:
    try:
        return urls.host_of(url)
    except ValueError:
        return ""


def _of_feed(at: Millis | None) -> Date | None:
    """Midnight in UTC counts as a day: feeds must state a time, and 20 of 68 in the corpus state midnight because they
    have none."""
    return None if at is None else (at, "second" if at % DAY_MS else "day")
