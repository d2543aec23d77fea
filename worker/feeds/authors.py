"""Makes feedparser split an author's line with an address, as in RSS, correctly at the end of the address.

feedparser does not know top-level domains of more than four letters or outside ASCII, and takes the rest of such an
address for the name.
"""

from __future__ import annotations

import re
from typing import Any

import feedparser
import feedparser.mixin

_ADDRESS = re.compile(
    r"(?<![a-zA-Z0-9_.+-])[a-zA-Z0-9_.+-]+@(?:\[(?:[0-9]{1,3}\.){3}|(?:[\w-]+\.)+)"
    r"(?:xn--[a-zA-Z0-9-]+|[a-zA-Z]{2,}|[^\W\d_]{2,}|[0-9]{1,3})\]?(?:\?subject=\S+)?"
)
_FEEDPARSERS = feedparser.mixin._FeedParserMixin._sync_author_detail


def author_of(line: str) -> dict[str, str]:
    """Name and e-mail address in `addr (Name)`, `Name <addr>`, `Name (addr)`, or whichever of the two is there."""
    found = _ADDRESS.search(line)
    if found is None:
        return {"name": line} if line else {}
    email = found[0]
    name = line.replace(email, "").replace("()", "").replace("<>", "").replace("&lt;&gt;", "")
    name = name.strip().removeprefix("(").removesuffix(")").strip()
    return {"name": name, "email": email} if name else {"email": email}


def _sync_author_detail(parser: Any, key: str = "author") -> None:
    context = parser._get_context()
    detail = context.get(f"{key}s", [feedparser.FeedParserDict()])[-1]
    if detail:
        _FEEDPARSERS(parser, key)
    elif line := context.get(key):
        context.setdefault(f"{key}_detail", detail)
        detail.update(author_of(line))


def use() -> None:
    """Makes feedparser use this in the current process."""
    feedparser.mixin._FeedParserMixin._sync_author_detail = _sync_author_detail
