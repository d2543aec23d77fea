"""The keys of feed lists, as `schema` defines those of `worker.yaml`."""

from __future__ import annotations

from pydantic import ConfigDict, Field, model_validator

from worker.model import FullText
from worker.settings.rules import BacklogKeys, FilterKeys, RewriteKeys, Selector
from worker.settings.section import Section
from worker.settings.section import key as _key
from worker.settings.section import section as _section
from worker.settings.values import (
    CronLine,
    ExplicitId,
    Flag,
    HeaderName,
    HeaderValue,
    PositiveSeconds,
    WebAddress,
    exclusive,
    expected,
)


class FeedDefaults(Section):
    """What feeds have in common."""

    # Tuples, because a default that is a list would be deep-copied for each feed: a tenth of the time to read it.
    title: str | None = _key(None, "Shown in place of the feed's own title.")
    tags: tuple[str, ...] = _key((), "Copied to each record, as feed_tags.")
    every_s: PositiveSeconds | None = _key(
        None, "Time between polls; if absent, worked out from how often the feed publishes.", name="every"
    )
    cron: CronLine | None = _key(None, 'When to poll, such as "*/20 6-22 * * mon-fri"; instead of every.')
    full_text: FullText = _key(
        "auto", "Take the text from the page: always, never, or auto (page, checked against the feed's text)."
    )
    html: Flag = _key(False, "Also write the text as HTML, with its links and emphasis: content_html.")
    backfill_s: PositiveSeconds | None = _key(
        None,
        "How far back older pages of the feed are read, after its first poll and after gaps: 30d.",
        name="backfill",
    )
    backfill_from: WebAddress | None = _key(
        None,
        "Where older entries are, if the feed does not say: a page of it, a sitemap or index of sitemaps, robots.txt.",
    )
    recheck_s: tuple[PositiveSeconds, ...] = _key(
        (), "Ages at which an article's page is looked at again for edits: [1h, 6h, 24h].", name="recheck"
    )
    select: tuple[Selector, ...] = _key((), "CSS selectors: the article's text is what they match on its page.")
    remove: tuple[Selector, ...] = _key((), "CSS selectors: what they match is not part of the text.")
    rewrite: tuple[RewriteKeys, ...] = _key(
        (), "Other addresses for pages, by RE2 patterns: [{match: '^(https://)m[.]', to: '\\1www.'}]."
    )
    only: tuple[FilterKeys, ...] = _key(
        (), "Take only entries that one of these matches: [{title: river}, {tag: [a, b]}]."
    )
    skip: tuple[FilterKeys, ...] = _key(
        (), "Leave out entries that one of these matches: [{title: sponsored, older: 7d}, {language: fr}]."
    )
    backlog: BacklogKeys = _section(BacklogKeys)
    expect_s: PositiveSeconds | None = _key(
        None,
        "The feed is reported as silent after this long without a new entry (page, metrics, alerts).",
        name="expect",
    )
    headers: dict[HeaderName, HeaderValue] = _key({}, "HTTP headers, sent only to the feed's own origin.")

    @model_validator(mode="after")
    def _one_way_to_be_due(self) -> FeedDefaults:
        if self.every_s is not None and self.cron is not None:
            raise exclusive("every and cron")
        return self


class FeedEntry(FeedDefaults):
    """A feed in full."""

    model_config = ConfigDict(json_schema_extra={"type": "object"})

    url: WebAddress = Field(description="Where the feed is; user:password@ becomes an Authorization header.")
    id: ExplicitId | None = _key(None, "Identifies the feed for good. Default: made from its URL, and changes with it.")

    @model_validator(mode="after")
    def _one_way_in(self) -> FeedEntry:
        if self.url.authorization and any(name.lower() == "authorization" for name in self.headers):
            raise exclusive("credentials in the URL and an Authorization header")
        return self


class FeedFile(Section):
    """A feed list."""

    defaults: FeedDefaults = _key({}, "For all feeds of this file: any key of a feed except url and id.")
    feeds: tuple[WebAddress | FeedEntry, ...] | None = _key([], "URLs, or mappings with a url.")

    @model_validator(mode="before")
    @classmethod
    def _no_bare_list(cls, value: object) -> object:
        if isinstance(value, list):
            raise expected("a mapping", hint="put the list under feeds:")
        return value
