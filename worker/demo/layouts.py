"""Articles as web pages: one template for each layout, with the menus, boxes, banners and footers that surround real
ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from string import Template

from worker.demo.content import Article, Declared, Publication, read_text
from worker.demo.markup import html, posts


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link to another page of the publication."""

    url: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Setting:
    """When and under which URL a page is published, and what surrounds the article."""

    publication: Publication
    base: str
    url: str
    published: datetime
    related: tuple[Link, ...]


def layout_of(article: Article, publication: Publication) -> str:
    """The layout of an article's page."""
    return article.layout or publication.layout


def charset_of(article: Article, publication: Publication) -> tuple[str, Declared]:
    """The charset that an article's page is written in, and where the page says so."""
    return article.charset or publication.charset, article.declared or publication.declared


def article_page(article: Article, setting: Setting) -> tuple[bytes, str]:
    """The page's bytes in its charset, and its Content-Type."""
    publication = setting.publication
    layout = layout_of(article, publication)
    charset, declared = charset_of(article, publication)
    template = read_text(f"layouts/{layout}.html")
    words = _escaped(article, setting) | {
        "body": _thread(article) if layout == "forum" else html(article.body),
        "charset_meta": _charset_meta(template, charset) if declared in {"meta", "both"} else "",
        "related": "\n".join(_item(link) for link in setting.related),
        "jsonld": _jsonld(article, setting),
        **_media(article, setting),
    }
    page = Template(template).substitute(words)
    content_type = f"text/html; charset={charset}" if declared in {"http", "both"} else "text/html"
    return page.encode(charset, errors="xmlcharrefreplace"), content_type


def front_page(publication: Publication, articles: Sequence[Link], feeds: Sequence[Link]) -> bytes:
    """The page at `/`: the articles of a publication, and its feeds as a reader may discover them."""
    words = {
        "language": publication.language,
        "charset_meta": _charset_meta("", "utf-8"),
        "site": escape(publication.title),
        "tagline": escape(publication.tagline),
        "articles": "\n".join(_item(link) for link in articles),
        "alternates": "".join(
            f'<link rel="alternate" type="application/xml" title="{escape(feed.title)}" href="{escape(feed.url)}">\n'
            for feed in feeds
        ),
    }
    return Template(read_text("layouts/front.html")).substitute(words).encode()


def missing_page(path: str) -> bytes:
    """The page served with 404."""
    return Template(read_text("layouts/missing.html")).substitute(path=escape(path)).encode()


def _escaped(article: Article, setting: Setting) -> dict[str, str]:
    publication = setting.publication
    words = {
        "title": article.title,
        "summary": article.summary,
        "author": article.author,
        "section": article.section,
        "site": publication.title,
        "tagline": publication.tagline,
        "language": publication.language,
        "base": setting.base,
        "url": setting.url,
        "published": setting.published.isoformat(),
        "date": setting.published.strftime(publication.date),
    }
    return {name: escape(word) for name, word in words.items()}


def _charset_meta(template: str, charset: str) -> str:
    """The element that names the charset, in the style of the template's era."""
    if template.startswith("<!DOCTYPE HTML PUBLIC"):
        return f'<meta http-equiv="Content-Type" content="text/html; charset={charset}">\n'
    return f'<meta charset="{charset}">\n'


def _media(article: Article, setting: Setting) -> dict[str, str]:
    enclosure = article.enclosure
    address = escape(setting.base + enclosure.path) if enclosure else ""
    is_image = enclosure is not None and enclosure.type.startswith("image/")
    return {
        "audio": address,
        "figure": f'<figure><img src="{address}" alt="" width="320" height="180"></figure>\n' if is_image else "",
        "image_meta": f'<meta property="og:image" content="{address}">\n' if is_image else "",
    }


def _thread(article: Article) -> str:
    post = Template(read_text("layouts/forum.post.html"))
    return "\n".join(
        post.substitute(number=number, poster=escape(poster), words=html(words))
        for number, (poster, words) in enumerate(posts(article.body), 1)
    )


def _item(link: Link) -> str:
    return f'<li><a href="{escape(link.url)}">{escape(link.title, quote=False)}</a></li>'


def _jsonld(article: Article, setting: Setting) -> str:
    """The article in terms of schema.org; `<` is escaped, because the text is within a script element."""
    story = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": article.title,
        "description": article.summary,
        "datePublished": setting.published.isoformat(),
        "author": [{"@type": "Person", "name": article.author}],
        "publisher": {"@type": "Organization", "name": setting.publication.title},
        "articleSection": article.section,
        "inLanguage": setting.publication.language,
        "mainEntityOfPage": setting.url,
    }
    return json.dumps(story, indent=1).replace("<", "\\u003c")
