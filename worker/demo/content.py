"""What the demo's publications have to say: the package data under `pages/`, read into values.

An article is one Markdown file whose head is YAML; publications, feeds and furniture are a YAML file each. Nothing here
knows of hosts that listen or of the hour: ages are hours before a now that `site` is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal, TypeAlias

import yaml
from pydantic import TypeAdapter

Declared: TypeAlias = Literal["http", "meta", "both", "neither"]
Format: TypeAlias = Literal["rss2", "rss091", "rdf", "atom", "json", "broken", "gone"]


@dataclass(frozen=True, kw_only=True)
class Enclosure:
    """A file that comes with an article."""

    path: str
    type: str
    seconds: int | None = None
    """How long it plays, for sound."""


@dataclass(frozen=True, kw_only=True)
class Correction:
    """The figure that `Site.correct` puts right."""

    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A made-up publication: one host, one look."""

    id: str
    title: str
    host: str
    tagline: str
    language: str
    layout: str
    path: str
    """The path of its articles; `{year}`, `{month}` and `{slug}` are filled in."""
    charset: str = "utf-8"
    declared: Declared = "both"
    """Where its pages name their charset."""
    date: str = "%d %B %Y"
    utc_offset_hours: int = 0
    files: Mapping[str, str] = field(default_factory=dict)
    """Path → file under `pages/files/`."""


@dataclass(frozen=True, kw_only=True)
class Article:
    """One article; fields that are None have the publication's value."""

    id: str
    publication: str
    slug: str
    title: str
    author: str
    hours_ago: float
    summary: str
    body: str
    section: str = ""
    tags: tuple[str, ...] = ()
    layout: str | None = None
    charset: str | None = None
    declared: Declared | None = None
    enclosure: Enclosure | None = None
    correction: Correction | None = None
    reprint_of: str | None = None
    """The article whose title, author and words are repeated here."""

    def corrected(self) -> Article:
        """The same article with its wrong figure put right; headlines stay, for other pages link by them."""
        if self.correction is None:
            return self
        old, new = self.correction.old, self.correction.new
        return replace(self, summary=self.summary.replace(old, new), body=self.body.replace(old, new))


@dataclass(frozen=True, kw_only=True)
class EntryPlan:
    """An entry of a feed: it names an article, or brings its own words."""

    article: str | None = None
    content: Literal["summary", "full"] = "summary"
    omit: tuple[Literal["title", "date"], ...] = ()
    query: str | None = None
    """The query that a tracker appends to the link."""
    id: str | None = None
    title: str | None = None
    link: str | None = None
    hours_ago: float | None = None
    author: str | None = None
    summary: str | None = None
    content_html: str | None = None


@dataclass(frozen=True, kw_only=True)
class FeedPlan:
    """A feed: its path, its format and its entries."""

    id: str
    publication: str
    path: str
    format: Format
    title: str
    shows: str
    entries: tuple[EntryPlan, ...]
    tags: tuple[str, ...] = ()
    charset: str = "utf-8"


@dataclass(frozen=True, kw_only=True)
class Content:
    """Everything under `pages/` but the templates."""

    publications: Mapping[str, Publication]
    articles: Mapping[str, Article]
    feeds: tuple[FeedPlan, ...]
    furniture: Mapping[str, tuple[str, ...]]
    """Layout → phrases that surround its articles and occur in none of them."""


@cache
def read_content() -> Content:
    """The package data as values; pydantic refuses what does not fit, so a slip in a file names its field."""
    publications = {key: fields | {"id": key} for key, fields in _yaml("publications.yaml").items()}
    return Content(
        publications=TypeAdapter(dict[str, Publication]).validate_python(publications),
        articles=_articles(),
        feeds=TypeAdapter(tuple[FeedPlan, ...]).validate_python(_yaml("feeds.yaml")),
        furniture=TypeAdapter(dict[str, tuple[str, ...]]).validate_python(_yaml("furniture.yaml")),
    )


@cache
def read_text(path: str) -> str:
    """A template under `pages/`."""
    return _pages().joinpath(path).read_text(encoding="utf-8")


@cache
def read_bytes(path: str) -> bytes:
    """A file under `pages/`, as it is."""
    return _pages().joinpath(path).read_bytes()


def _pages() -> Traversable:
    return files(__package__).joinpath("pages")


def _yaml(path: str) -> Any:
    """The file's content as it is; `read_content` validates it."""
    return yaml.safe_load(read_text(path))


def _articles() -> dict[str, Article]:
    found: dict[str, dict[str, object]] = {}
    for folder in sorted(_pages().joinpath("articles").iterdir(), key=lambda folder: folder.name):
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            slug = file.name.removesuffix(".md")
            head, _, body = file.read_text(encoding="utf-8").partition("\n---\n")
            place = {"id": f"{folder.name}/{slug}", "publication": folder.name, "slug": slug, "body": body.strip()}
            found[f"{folder.name}/{slug}"] = place | yaml.safe_load(head)
    return TypeAdapter(dict[str, Article]).validate_python({key: _with_words(found, key) for key in found})


def _with_words(found: Mapping[str, Mapping[str, object]], key: str) -> dict[str, object]:
    """A reprint takes title, author and words from its original, so that the two can't drift apart."""
    fields = dict(found[key])
    original = fields.get("reprint_of")
    if isinstance(original, str):
        fields |= {name: found[original][name] for name in ("title", "author", "body")}
    return fields
