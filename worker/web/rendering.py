"""Values → HTML: the templates, and how they show times, sizes and addresses. Everything inserted is escaped."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from worker import urls, words
from worker.log import told
from worker.model import Millis
from worker.record import rfc3339, to_the_second

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SHORT = 90  # characters of an address


class Asset:
    """A static file that ships with the package."""

    def __init__(self, name: str) -> None:
        self.content = (files("worker.web") / "static" / name).read_bytes()
        self.content_type = _TYPES[name[name.rindex(".") :]]
        self.url = f"/static/{name}?{hashlib.sha256(self.content).hexdigest()[:12]}"


def assets() -> Mapping[str, Asset]:
    names = ("style.css", "live.js", "icon.svg", "idiomorph-0.8.0.min.js")
    return {name: Asset(name) for name in names}


def environment(found: Mapping[str, Asset]) -> Environment:
    """For the templates of this room; `asset('style.css')` is the URL of that file."""
    made = Environment(
        loader=PackageLoader("worker.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_calm,
        trim_blocks=True,
        lstrip_blocks=True,
        enable_async=False,
    )
    made.globals["asset"] = lambda name: found[name].url
    made.filters |= {
        "ago": words.ago,
        "span": words.span,
        "counted": lambda number, noun: f"{number:,} {noun}{'' if number == 1 else 's'}",
        "stamp": to_the_second,
        "day": lambda at: rfc3339(Millis(at))[:10],
        "figure": lambda number: f"{number:,}",
        "size": words.size,
        "linkable": linkable,
        "short": short,
        "bare": lambda url: told(urls.without_credentials(url)),
        "told": told,
    }
    return made


def _calm(value: object) -> object:
    """Without control characters and characters that change the direction of text."""
    return _UNSEEN.sub("", value) if type(value) is str else value


def linkable(url: object) -> bool:
    """Whether it may be used as a link: not something that a browser would run."""
    return isinstance(url, str) and url.startswith(("https://", "http://"))


def short(url: str) -> str:
    """An address for people: without its scheme, unescaped, shortened in the middle."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if not linkable(url):
        return url
    query = f"?{parts.query}" if parts.query else ""
    text = unquote(f"{parts.netloc.removeprefix('www.')}{parts.path.rstrip('/')}{query}")
    return text if len(text) <= _SHORT else f"{text[: _SHORT * 2 // 3]}…{text[-_SHORT // 3 :]}"
