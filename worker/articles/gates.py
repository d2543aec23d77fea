"""What is served instead of an article: walls, challenges, errors, lists and shells that answer 200 like a page.

Precision first: no sign counts if the page is long, or calls itself an article and shows what the feed announced,
unless that sign occurs on walls only. Holding an article back is worse than letting a wall through once, since walls
repeat, and identical texts on one site show up as duplicates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal
from urllib.parse import urlsplit

from lxml import etree
from lxml.html import HtmlElement

from worker import dedup, urls
from worker.articles import marks
from worker.articles.seen import Seen
from worker.model import Entry

_LISTED, _MOST = 5, 200  # headings, or lines: enough for a list; looked at
_TITLE = 500  # characters
_BOX = 2700  # characters, of one item of a list
_BUTTON = 40  # characters of it, at most
_STUB, _TEASER, _SHORT = 40, 150, 300  # words, at most
_LONG_WALL = 6000  # characters, at most
_ANNOUNCED = 0.5  # the share of the entry title's words that occur in the page's own titles
_VISIBLE, _BELOW = 30_000, 800  # characters: of a page; of what follows its text
_TITLE_PARTS = re.compile(r"\s+[|·•–—»«-]\s+|\s*[|·•»«]\s*|:\s+")
_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "iframe", "select", "head", "nav"})
_LOGIN = re.compile(
    r"(?:log-?in|sign-?in|sign-?on|sso|auth|authorize|oauth2?|anmelden|einloggen|connexion|se-connecter|iniciar-sesion"
    r"|acceso|accedi|entrar|inloggen|logowanie|regwall|paywall|subscribe|subscription|abonnement|signup|sign-up|register)"
    r"(?:\.\w{2,5})?"
)
_CONSENT = re.compile(
    r"(?:cookie-?)?(?:consent|cookiewall|cookie-wall|privacy-?gate|privacy-?wall|cmp|collectconsent)(?:\.\w{2,5})?"
)
_LOGIN_HOST = re.compile(r"(?:login|signin|accounts?|auth|sso)\.")
_CONSENT_HOST = re.compile(r"(?:consent|guce|myprivacy|privacy-?gate|cmp)\.")
_MISSING = re.compile(r"(?:404|410|error-?404|not-?found|page-?not-?found|error|fehler|erreur)(?:\.\w{2,5})?")
_MOUNT = re.compile(r"(?:root|app|__next|__nuxt|___gatsby|svelte|react-root|ember-app|main-app|app-root)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    kind: Literal["blocked", "paywalled", "failed"]
    reason: str
    """One line for people."""
    own_page: bool = False
    """Whether it is the article's own page all the same: what it says about the article holds, and so does the text on
    it."""


def by_address(asked: str | None, url: str) -> Gate | None:
    """What a redirect from the entry's link to `url` led to: a login, a consent wall, an error, the front page."""
    try:
        if asked is None or urls.canonical(asked) == urls.canonical(url):
            return None
        if urls.is_home(url) and not urls.is_home(asked):
            return Gate(kind="failed", reason="the link leads to the site's front page")
        then_host, now_host = urls.host_of(asked), urls.host_of(url)
        new = set(_segments(url)) - set(_segments(asked))
    except ValueError:
        return None
    if any(_MISSING.fullmatch(segment) for segment in new):
        return Gate(kind="failed", reason="the link leads to an error page")
    if any(_CONSENT.fullmatch(segment) for segment in new) or _only_now(_CONSENT_HOST, then_host, now_host):
        return Gate(kind="blocked", reason="the link leads to a consent wall")
    if any(_LOGIN.fullmatch(segment) for segment in new) or _only_now(_LOGIN_HOST, then_host, now_host):
        return Gate(kind="paywalled", reason="the link leads to a login")
    return None


def by_page(seen: Seen, *, html: str, text: str, entry: Entry | None, selected: bool = False) -> Gate | None:
    """What a page shows instead of its article; None if it may be the article.

    html: the page's source. text: what was extracted from it. selected: the feed's rules say that this is the article,
    so it is not suspected of being a list, or anything else than the feed announced.
    """
    page = _Page(seen=seen, html=html, text=text, entry=entry)
    if len(text) > _LONG_WALL:
        return None if selected else page.list()
    gate = page.challenge() or page.consent() or page.error() or page.wall() or page.shell()
    return gate if gate or selected else page.list() or page.stray()


@dataclass(kw_only=True)
class _Page:
    """One page under suspicion. Each method returns the gate of its kind, or None."""

    seen: Seen
    html: str
    text: str
    entry: Entry | None

    @cached_property
    def words(self) -> int:
        return dedup.word_count(self.text)

    @cached_property
    def titles(self) -> list[str]:
        """What the page calls itself."""
        named = [self.seen.tree.findtext(".//title"), self.seen.head.first("og:title"), self.seen.head.heading]
        return [" ".join(title[:_TITLE].split()) for title in named if title]

    @cached_property
    def visible(self) -> str:
        """What a reader sees, except navigation that is marked as such."""
        pieces: list[str] = []
        length = 0
        walk = etree.iterwalk(self.seen.tree, events=("start", "end"))
        for event, element in walk:
            if event == "start" and element.tag in _SILENT:
                walk.skip_subtree()
                continue
            piece = (element.text if event == "start" else element.tail) or ""
            pieces.append(piece)
            length += len(piece)
            if length > _VISIBLE:
                break
        return " ".join(" ".join(pieces).split())[:_VISIBLE]

    @cached_property
    def own(self) -> bool:
        """Whether it is the page of an article: it says so, or its titles are what the feed announced."""
        return self.seen.claims_article or self.announced >= _ANNOUNCED

    @cached_property
    def announced(self) -> float:
        """The share of the entry's title that occurs in the page's titles; 0 without an entry."""
        wanted = frozenset(dedup.words(self.entry.title or "")) if self.entry else set()
        return len(wanted & frozenset(dedup.words(" ".join(self.titles)))) / len(wanted) if wanted else 0

    def challenge(self) -> Gate | None:
        if self.words > _TEASER:
            return None
        if maker := marks.challenge(self.html):
            return Gate(kind="blocked", reason=f"a challenge of {maker}")
        if not self.own and (
            self._titled(marks.ROBOT_CHECK) or (self._bare and marks.ROBOT_CHECK.search(self.visible))
        ):
            return Gate(kind="blocked", reason="a check for robots")
        return None

    def consent(self) -> Gate | None:
        """Judges by the share of words about consent: .22 of the characters on walls, at most .03 in 634 articles."""
        said = marks.consent(self.text)
        share = sum(map(len, said)) / (len(self.text) or 1)
        walled = len(set(said)) >= 4 and share >= (0.18 if self.own else 0.1)
        # A short page says little, and has the buttons that open it.
        short = not self.own and self.words <= _TEASER and len(said) >= 2 and share >= 0.08
        return Gate(kind="blocked", reason="a consent wall") if walled or (short and self._asks_to_agree()) else None

    def error(self) -> Gate | None:
        if self.words > _TEASER or self.own:
            return None
        if self._titled(marks.MISSING) or (self._bare and marks.MISSING.search(self.visible)):
            return Gate(kind="failed", reason="the page says that there is none")
        if self._titled(marks.BROKEN):
            return Gate(kind="failed", reason="the page says that the site is out of order")
        return None

    def wall(self) -> Gate | None:
        """A paywall or a login: by what the page says of itself, or what it says where the free part ends."""
        if self.words > _SHORT:
            return None
        claims = self.seen.claims
        locked = claims.free is False or self.seen.head.first("article:content_tier") == "locked"
        if locked and not self._has_locked_part():
            return Gate(kind="paywalled", reason="the page says that it is not free", own_page=True)
        if marks.WALL.search(self._below()) or marks.free_part(self.text) != self.text:
            return Gate(kind="paywalled", reason="the page ends at a paywall or login", own_page=self.own)
        if not self.own and self._bare and self.seen.tree.xpath("boolean(//input[@type='password'])"):
            return Gate(kind="paywalled", reason="the page asks for a login")
        return None

    def shell(self) -> Gate | None:
        if self.words > _STUB:
            return None
        if marks.NEEDS_SCRIPT.search(self.text) or (not self.text and self._mounts()):
            return Gate(kind="failed", reason="the page needs JavaScript", own_page=self.own)
        if marks.WAITING.fullmatch(self.text) or self._refreshes():
            return Gate(kind="failed", reason="the page only leads on")
        return None

    def list(self) -> Gate | None:
        """The extracted text consists of linked headings of the site, or of what is in the box of a single heading."""
        lines = self.text.split("\n", _MOST)[:_MOST]
        if self.own or len(lines) < _LISTED:
            return None
        headings = [h for h in islice(self.seen.tree.iter("h1", "h2", "h3", "h4"), _MOST) if self._leads_on(h)]
        if len(headings) < _LISTED:
            return None
        linked = {_said(heading) for heading in headings}
        boxes = "\n".join(_boxes(headings))
        listed = sum(line in linked for line in lines)
        boxed = sum(line in linked or line in boxes for line in lines)
        if (listed >= _LISTED and listed >= 0.4 * len(lines)) or (boxed >= _LISTED and boxed >= 0.6 * len(lines)):
            return Gate(kind="failed", reason=f"a list of {len(linked)} other pages")
        return None

    def stray(self) -> Gate | None:
        """Nothing that the feed announced is on the page: an interstitial of a kind not described yet."""
        wanted = frozenset(dedup.words((self.entry.title or "") if self.entry else ""))
        if len(wanted) < 4 or self.words > _TEASER or self.own or self.seen.tree.find(".//article") is not None:
            return None
        if wanted & frozenset(dedup.words(" ".join((*self.titles, self.text)))):
            return None
        return Gate(kind="blocked", reason="nothing on the page is what the feed announced")

    def _below(self) -> str:
        """What is below the extracted text; everything visible if that can't be told."""
        at = self.visible.rfind(self.text[-40:].rpartition("\n")[2]) if self.text else -1
        return self.visible[at : at + _BELOW] if at >= 0 else self.visible

    @property
    def _bare(self) -> bool:
        """Whether there is next to nothing on the page."""
        return dedup.word_count(self.visible) <= 2 * _STUB

    def _titled(self, sign: re.Pattern[str]) -> bool:
        """Whether a part of one of the page's titles says little else."""
        for part in (part for title in self.titles for part in (title, *_TITLE_PARTS.split(title))):
            found = sign.search(part)
            if found and len(part) <= len(found[0]) + 16:
                return True
        return False

    def _has_locked_part(self) -> bool:
        """Whether the parts declared as not free are there, at length: the page serves them to everyone."""
        for selector in self.seen.claims.locked:
            name = selector.strip().lstrip(".#")
            if name.replace("-", "").replace("_", "").isalnum():
                found = self.seen.tree.xpath(
                    "//*[@id=$n or contains(concat(' ', @class, ' '), concat(' ', $n, ' '))]", n=name
                )
                if any(dedup.word_count("".join(part.itertext("p", "div"))) > _TEASER // 2 for part in found[:20]):
                    return True
        stated = self.seen.claims.words
        return stated is not None and self.words >= 0.8 * stated

    def _mounts(self) -> bool:
        """Whether scripts are meant to fill the page."""
        places = self.seen.tree.xpath("//body/*[@id]/@id")
        return any(_MOUNT.fullmatch(str(place)) for place in places[:20])

    def _leads_on(self, heading: HtmlElement) -> bool:
        """Whether the heading links to another page of the same site."""
        link = heading.find(".//a[@href]")
        if link is None:
            link = next(heading.iterancestors("a"), None)
        there = urls.absolute((link.get("href") or "").partition("#")[0], self.seen.url) if link is not None else None
        return there is not None and there != self.seen.url and urls.host_of(there) == self._host

    @cached_property
    def _host(self) -> str | None:
        try:
            return urls.host_of(self.seen.url)
        except urls.BadUrl:
            return None

    def _asks_to_agree(self) -> bool:
        buttons = islice(self.seen.tree.iter("button", "a", "input"), _MOST)
        asked = (_said(button) or str(button.get("value") or "") for button in buttons)
        return any(len(text) <= _BUTTON and marks.AGREE.fullmatch(text) for text in asked)

    def _refreshes(self) -> bool:
        return bool(
            self.seen.tree.xpath(
                "boolean(//meta[translate(@http-equiv,'REFSH','refsh')='refresh'][contains(@content,'=')])"
            )
        )


def _said(element: HtmlElement) -> str:
    return " ".join("".join(element.itertext()).split())


def _boxes(headings: list[HtmlElement]) -> Iterator[str]:
    """The texts of the elements that contain just one of the headings."""
    around = Counter(heading.getparent() for heading in headings)
    inner = {heading.getparent() for heading in headings if heading.getparent().tag == "a"}
    around.update(parent.getparent() for parent in inner)
    for box, count in around.items():
        if count == 1 and box is not None and box not in inner:
            yield " ".join(" ".join(box.itertext()).split())[:_BOX]


def _segments(url: str) -> list[str]:
    return urlsplit(url).path.lower().strip("/").split("/")


def _only_now(host: re.Pattern[str], then: str, now: str) -> bool:
    return host.match(now) is not None and host.match(then) is None
