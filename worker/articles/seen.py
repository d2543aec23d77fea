"""A page as metadata and gates see it: read once, never changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from lxml import etree
from lxml.html import HtmlElement

from worker.articles import head, jsonld
from worker.articles.head import Head
from worker.articles.jsonld import Claims

_FORUM = re.compile(
    r"discourse|phpbb|vbulletin|xenforo|mybb|flarum|invision|simple machines|smf\b|vanilla|nodebb|fluxbb|woltlab"
    r"|lemmy|discuz|question2answer",
    re.IGNORECASE,
)

# Pages of one recording each at the hosts that most links to recordings lead to.
_PLAYER = re.compile(
    r"https?://(?:www\.|m\.)?(?:youtube\.com/(?:watch|shorts|live)|youtu\.be/\w|vimeo\.com/\d|dailymotion\.com/video/"
    r"|twitch\.tv/videos/|soundcloud\.com/[\w-]+/|open\.spotify\.com/episode/|podcasts\.apple\.com/.*[?&]i=\d"
    r"|(?:tiktok\.com/@[\w.]+/video)/)",
)


_TEXTS = etree.XPath("//body//text()", smart_strings=False)


@dataclass(frozen=True, kw_only=True)
class Seen:
    tree: HtmlElement
    url: str
    """Where it came from, after redirects."""
    head: Head
    claims: Claims

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The pieces of text in the page's body, in order, except scripts and styles."""
        silent = {element.text for element in self.tree.iter("script", "style")}
        return tuple(text for text in cast("list[str]", _TEXTS(self.tree)) if text not in silent)

    @cached_property
    def said(self) -> str:
        """`texts` on one line and case-folded (`str.casefold`): quickly shows what is nowhere on the page."""
        return " ".join(" ".join(self.texts).split()).casefold()

    @property
    def claims_article(self) -> bool:
        """Whether the page says that it is an article: walls, errors and lists don't."""
        return (
            self.claims.is_article
            or self.kind.startswith("article")
            or self.head.first("article:published_time", "og:article:published_time", "parsely-pub-date") is not None
        )

    @property
    def is_discussion(self) -> bool:
        """Whether it is a thread or a question: it says so, or the software that made it does."""
        return self.claims.is_discussion or _FORUM.search(self.head.first("generator") or "") is not None

    @property
    def is_recording(self) -> bool:
        """Whether it is a video or an episode: its page says so, or is a player's; an article with a video in it is an
        article."""
        if self.claims_article:
            return False
        return self.claims.is_recording or self.kind.startswith(("video", "music")) or bool(_PLAYER.match(self.url))

    @property
    def kind(self) -> str:
        """The page's og:type, such as `article` or `video.other`; "" if it states none."""
        return (self.head.first("og:type") or "").lower()


def look(tree: HtmlElement, url: str) -> Seen:
    """What `tree`, a page that came from `url`, says about itself."""
    said = head.read(tree, url)
    return Seen(tree=tree, url=url, head=said, claims=jsonld.read(said.scripts, url))
