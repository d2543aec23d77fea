"""The demo's web, as a value: every host, page and feed for one now, one port and one state of the correction.

`Site.respond` looks up; it opens nothing and waits for nothing. What changes while the demo runs is another `Site`:
`site.correct(at)` differs from `site` in one page and one feed, and in nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property

from worker.demo.content import (
    Article,
    Content,
    Declared,
    EntryPlan,
    FeedPlan,
    Format,
    Publication,
    read_bytes,
    read_content,
)
from worker.demo.layouts import Link, Setting, article_page, charset_of, front_page, layout_of, missing_page
from worker.demo.markup import html, plain, posts
from worker.demo.response import Response, validated
from worker.demo.syndication import Attachment, Channel, Entry, feed_bytes

MEDIA_TYPES = {".pdf": "application/pdf", ".mp3": "audio/mpeg", ".png": "image/png"}
ROBOTS = b"User-agent: *\nDisallow: /admin/\n"


@dataclass(frozen=True, kw_only=True)
class DemoFeed:
    """A feed for the demo's feed list."""

    id: str
    url: str
    title: str
    tags: tuple[str, ...]
    shows: str
    """What there is to see in it, in one line."""
    format: Format
    entries: int


@dataclass(frozen=True, kw_only=True)
class DemoPage:
    """An article page, and what extraction ought to make of it."""

    url: str
    article: str
    title: str
    text: str
    language: str
    layout: str
    charset: str
    declared: Declared
    furniture: tuple[str, ...]
    """Phrases that stand on the page and not in the article."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """The hosts of the demo; `now` is the moment that the ages of articles are counted from."""

    now: datetime
    port: int
    corrected_at: datetime | None = None
    content: Content = field(default_factory=read_content, repr=False)

    def respond(self, host: str, path: str) -> Response:
        """The answer of a host for a path, whatever port or query hangs on them; 404 for what is not there."""
        name = host.partition(":")[0].lower()
        known = self._answers.get((name, path.partition("?")[0]))
        return known or Response(status=404, body=missing_page(path), content_type="text/html; charset=utf-8")

    def correct(self, at: datetime) -> Site:
        """The same web after the wrong figure was put right."""
        return replace(self, corrected_at=at)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Every host that answers."""
        return tuple(publication.host for publication in self.content.publications.values())

    @cached_property
    def feeds(self) -> tuple[DemoFeed, ...]:
        """The feeds in the order of the demo's feed list, the dead one last."""
        return tuple(
            DemoFeed(
                id=plan.id,
                url=self._base(self._publication(plan)) + plan.path,
                title=plan.title,
                tags=plan.tags,
                shows=plan.shows,
                format=plan.format,
                entries=len(plan.entries),
            )
            for plan in self.content.feeds
        )

    @cached_property
    def pages(self) -> tuple[DemoPage, ...]:
        """Every article page, with the words and phrases that tests know it by."""
        return tuple(self._page(article) for article in self._articles.values())

    @cached_property
    def _articles(self) -> Mapping[str, Article]:
        articles = self.content.articles
        if self.corrected_at is None:
            return articles
        return {key: article.corrected() for key, article in articles.items()}

    @cached_property
    def _answers(self) -> Mapping[tuple[str, str], Response]:
        return {(host, path): response for host, path, response in self._placed()}

    def _placed(self) -> Iterator[tuple[str, str, Response]]:
        for publication in self.content.publications.values():
            host = publication.host
            yield host, "/robots.txt", Response(status=200, body=ROBOTS, content_type="text/plain")
            yield host, "/", self._front(publication)
            for path, name in publication.files.items():
                media_type = MEDIA_TYPES[name[name.rindex(".") :]]
                yield host, path, Response(status=200, body=read_bytes(f"files/{name}"), content_type=media_type)
        for article in self._articles.values():
            host = self._publication(article).host
            yield host, self._path(article), self._answer(article)
        for plan in self.content.feeds:
            if plan.format != "gone":
                yield self._publication(plan).host, plan.path, self._feed(plan)

    def _publication(self, part: Article | FeedPlan) -> Publication:
        return self.content.publications[part.publication]

    def _base(self, publication: Publication) -> str:
        return f"http://{publication.host}:{self.port}"

    def _path(self, article: Article) -> str:
        day = self._published(self._publication(article), article.hours_ago)
        pattern = self._publication(article).path
        return pattern.format(year=f"{day:%Y}", month=f"{day:%m}", slug=article.slug)

    def _url(self, article: Article) -> str:
        return self._base(self._publication(article)) + self._path(article)

    def _published(self, publication: Publication, hours_ago: float) -> datetime:
        zone = timezone(timedelta(hours=publication.utc_offset_hours))
        return (self.now - timedelta(hours=hours_ago)).replace(microsecond=0).astimezone(zone)

    def _updated(self, article: Article) -> datetime:
        if article.correction is not None and self.corrected_at is not None:
            return self.corrected_at.replace(microsecond=0)
        return self._published(self._publication(article), article.hours_ago)

    def _links(self, publication: Publication) -> tuple[Link, ...]:
        mine = (article for article in self._articles.values() if article.publication == publication.id)
        return tuple(Link(url=self._url(article), title=article.title) for article in mine)

    def _front(self, publication: Publication) -> Response:
        mine = (plan for plan in self.content.feeds if plan.publication == publication.id)
        feeds = [Link(url=plan.path, title=plan.title) for plan in mine]
        body = front_page(publication, self._links(publication), feeds)
        return Response(status=200, body=body, content_type="text/html; charset=utf-8")

    def _answer(self, article: Article) -> Response:
        publication = self._publication(article)
        url = self._url(article)
        setting = Setting(
            publication=publication,
            base=self._base(publication),
            url=url,
            published=self._published(publication, article.hours_ago),
            related=tuple(link for link in self._links(publication) if link.url != url),
        )
        body, content_type = article_page(article, setting)
        return validated(body, content_type=content_type, last_modified=self._updated(article))

    def _page(self, article: Article) -> DemoPage:
        publication = self._publication(article)
        layout = layout_of(article, publication)
        charset, declared = charset_of(article, publication)
        thread = "\n\n".join(words for _, words in posts(article.body))
        return DemoPage(
            url=self._url(article),
            article=article.id,
            title=article.title,
            text=plain(thread if layout == "forum" else article.body),
            language=publication.language,
            layout=layout,
            charset=charset,
            declared=declared,
            furniture=self.content.furniture[layout],
        )

    def _feed(self, plan: FeedPlan) -> Response:
        publication = self._publication(plan)
        entries = [self._entry(publication, entry) for entry in plan.entries]
        changed = max(self._changed(publication, entry) for entry in plan.entries)
        channel = Channel(
            title=plan.title,
            url=self._base(publication) + plan.path,
            home=self._base(publication) + "/",
            description=publication.tagline,
            language=publication.language,
            charset=plan.charset,
            updated=changed,
        )
        body, media_type = feed_bytes(plan.format, channel, entries)
        return validated(body, content_type=media_type, last_modified=changed)

    def _changed(self, publication: Publication, plan: EntryPlan) -> datetime:
        if plan.article is not None:
            return self._updated(self._articles[plan.article])
        return self._published(publication, plan.hours_ago or 0)

    def _entry(self, publication: Publication, plan: EntryPlan) -> Entry:
        if plan.article is None:
            return self._own_words(publication, plan)
        article = self._articles[plan.article]
        url = self._url(article)
        dated = "date" not in plan.omit
        return Entry(
            id=f"tag:{publication.host},2026:{article.slug}",
            url=f"{url}?{plan.query}" if plan.query else url,
            title=None if "title" in plan.omit else article.title,
            summary=article.summary,
            content_html=html(article.body) if plan.content == "full" else None,
            author=article.author,
            published=self._published(publication, article.hours_ago) if dated else None,
            updated=self._updated(article) if dated else None,
            tags=article.tags,
            attachment=self._attachment(publication, article),
        )

    def _own_words(self, publication: Publication, plan: EntryPlan) -> Entry:
        moment = self._published(publication, plan.hours_ago) if plan.hours_ago is not None else None
        slug = plan.id or (plan.link or "").rpartition("/")[2]
        return Entry(
            id=f"tag:{publication.host},2026:{slug}",
            url=self._base(publication) + plan.link if plan.link else None,
            title=plan.title,
            summary=plan.summary,
            content_html=plan.content_html,
            author=plan.author,
            published=moment,
            updated=moment,
            tags=(),
            attachment=None,
        )

    def _attachment(self, publication: Publication, article: Article) -> Attachment | None:
        enclosure = article.enclosure
        if enclosure is None:
            return None
        size = len(read_bytes(f"files/{publication.files[enclosure.path]}"))
        url = self._base(publication) + enclosure.path
        return Attachment(url=url, type=enclosure.type, bytes=size, seconds=enclosure.seconds)
