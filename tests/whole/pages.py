"""Feeds and pages that the tests of the whole make up."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from tests.site import Answer, Request, Site, conditional

RSS = "application/rss+xml"


def prose(subject: str, sentences: int = 8) -> str:
    """Some eighty words that no other subject shares."""
    return " ".join(
        f"The {subject} was seen in place number {n} by people who know {subject} well." for n in range(sentences)
    )


def page(title: str, text: str, furniture: str = "") -> Answer:
    html = (
        f"<!doctype html><html lang=en><head><title>{escape(title)}</title></head><body>"
        f"<nav><a href=/>Home</a> {furniture}</nav><article><h1>{escape(title)}</h1><p>{escape(text)}</p></article>"
        "</body></html>"
    )
    return Answer(body=html.encode())


def item(
    guid: str | None = None, url: str | None = None, title: str | None = None, text: str = "", date: str | None = None
) -> str:
    parts = {"guid": guid, "link": url, "title": title, "description": text, "pubDate": date}
    return "<item>" + "".join(f"<{k}>{escape(v)}</{k}>" for k, v in parts.items() if v) + "</item>"


def rss(*items: str) -> bytes:
    return f'<rss version="2.0"><channel><title>Tests</title>{"".join(items)}</channel></rss>'.encode()


def feed(site: Site, host: str, *items: str) -> str:
    """Serves a feed from now on, a new version each time; its URL."""
    body = rss(*items)
    return site.add(host, "/feed", conditional(body, content_type=RSS, etag=f'"{hash(body)}"'))


def failing_once(answer: Answer) -> Callable[[Request], Answer]:
    """The first request is answered with an error."""
    failed: list[Request] = []

    def route(request: Request) -> Answer:
        if not failed:
            failed.append(request)
            return Answer(status=500)
        return answer

    return route
