"""Who published an article first, according to its page: credit lines, datelines of agencies, canonical, JSON-LD."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from lxml.html import HtmlElement

from worker import dedup, urls
from worker.articles.seen import Seen
from worker.model import AGENCY, Credit

_MAX_LINE = 600  # characters, at most, of a block that says where an article is from
_LOOKED_AT = 40  # such blocks
_OPENING = 3  # lines in which a dateline may be
_NAME_WORDS, _NAME_LENGTH = 8, 80
_MIN_SITE = 4  # letters
_IT = r"(?:article|story|post|piece|essay|interview|report|column|op-?ed|text|analysis|excerpt|commentary|review)"
_DID = r"(?:published|appeared|posted|printed|ran|written|produced)"
_FIRST = r"(?:originally|first|previously|initially)"
_PERMISSION = r"(?:\s*,?\s*with\s+(?:the\s+)?(?:kind\s+|express\s+)?permission)?"
_DATE_DE = r"(?:\s+am\s+[\d.]{2,6}\s*\w{0,9}\s*\d{0,4})?"
# Each ends where the name of the publication begins.
_LEADS = (
    rf"the\s+original\s+(?:source|version)\s+of\s+this\s+{_IT}\s+(?:is|was|can\s+be\s+found\s+(?:at|on|in))\s*:?",
    rf"\b(?:this|the)\s+{_IT}\b[^.!?]{{0,160}}?\b(?:{_FIRST}\s+{_DID}|{_DID}\s+{_FIRST}|{_FIRST}\s+co-published)\s*"
    r"(?:here\s+)?(?:by|at|on|in|with)\b",
    rf"^\W*{_FIRST}\s+{_DID}\s*(?:(?:by|at|on|in)\b|:)",
    rf"\b(?:re-?published|re-?printed|re-?posted|reproduced|cross-?posted)(?:\s+here)?{_PERMISSION}\s+(?:from|of|by)\b",
    r"\b(?:dieser|der)\s+(?:artikel|beitrag|text|kommentar)\b[^.!?]{0,60}?\b(?:zuerst|ursprünglich|erstmals)"
    rf"{_DATE_DE}\s+(?:im|in\s+der|in|bei|auf|am|von)\b",
    r"\b(?:zuerst|ursprünglich|erstmals)\s+(?:erschienen|veröffentlicht)\s+(?:im|in\s+der|in|bei|auf|am|von)\b",
    r"\b(?:cet\s+article|ce\s+texte|cet\s+entretien)\b[^.!?]{0,60}?\b(?:publié|paru)\s+(?:initialement|pour\s+la\s+première"
    r"\s+fois|à\s+l'origine|d'abord|originellement)\s+(?:par|sur|dans|chez|en|le)\b",
    r"\b(?:initialement|d'abord|originellement)\s+(?:publié|paru)\s+(?:par|sur|dans|chez)\b",
    r"\b(?:publicad[oa]|aparecid[oa]|apareció)\s+(?:originalmente|por\s+primera\s+vez|originariamente)\s+(?:en|por)\b",
    r"\boriginalmente\s+(?:publicad[oa]|aparecid[oa])\s+(?:en|por|em|no|na|pel[oa])\b",
    r"\bpublicad[oa]\s+(?:originalmente|pela\s+primeira\s+vez)\s+(?:em|no|na|pel[oa])\b",
    r"\b(?:pubblicat[oa]|appars[oa])\s+(?:originariamente|originalmente|per\s+la\s+prima\s+volta|in\s+origine)\s+"
    r"(?:su|da|in|sul|sulla|dal|dalla)\b",
    r"\bdit\s+artikel\b[^.!?]{0,60}?\b(?:eerder|oorspronkelijk)\s+(?:verschenen\s+|gepubliceerd\s+)?(?:in|op|bij|door)\b",
    r"\b(?:впервые|первоначально)\s+опубликован\w*\s+(?:в|на)\b",
)
_CREDIT = re.compile("|".join(f"(?:{lead})" for lead in _LEADS), re.IGNORECASE)
# What WordPress, Yoast's plugin for it, and Medium put below an entry in a feed.
_FEEDS_OWN = re.compile(
    r"^(?:the (?:post|article)\b.{1,300}?\b(?:appeared first|first appeared) on\b"
    r"|der (?:beitrag|artikel)\b.{1,300}?\berschien zuerst (?:auf|bei)\b"
    r"|(?:cet |l[’'])article\b.{1,300}?\best apparu en premier sur\b"
    r"|la entrada\b.{1,300}?\b(?:aparece|apareció|se publicó) (?:primero|por primera vez) en\b"
    r"|o (?:post|artigo|conteúdo)\b.{1,300}?\bapareceu primeiro (?:em|no|na)\b"
    r"|l[’']articolo\b.{1,300}?\b(?:proviene da|sembra essere il primo su)\b"
    r"|het (?:bericht|artikel)\b.{1,300}?\bverscheen eerst op\b|artykuł\b.{1,300}?\bpochodzi z serwisu\b"
    r"|inlägget\b.{1,300}?\bdök först upp på\b|innlegget\b.{1,300}?\bdukket først opp på\b"
    r"|indlægget\b.{1,300}?\bblev først udgivet på\b|příspěvek\b.{1,300}?\b(?:pochází z|se nejdříve objevil na)\b"
    r"|(?:сообщение|запись)\b.{1,300}?\bпоявил\w+ сначала на\b|запис\b.{1,300}?\bспершу з[’']явиться на\b"
    r"|投稿.{1,300}?に最初に表示されました|.{1,300}?最先出[现現]在|.{1,300}?這篇文章最早發佈於"
    r"|.{1,300}? was originally published in .{1,100} on Medium, where people are continuing\b"
    r"|ظهرت المقالة.{1,300}?أولاً على|הפוסט.{1,300}?הופיע לראשונה ב)",
    re.IGNORECASE | re.DOTALL,
)
# What a block must have one of to be looked at, in lower case; also tells a page without any from the others. By the
# language of the page, as each costs 0.05 ms of a large one.
_ENGLISH = (
    *("originally ", "original source of", "first published", "first appeared", "appeared first"),
    *("initially published", "previously published", "previously appeared"),
    *("republished", "reprinted", "reposted", "cross-posted"),
)
_HINTS = {
    "de": ("zuerst", "ursprünglich", "erstmals"),
    "fr": ("initialement", "d'abord publié", "d'abord paru", "originellement", "pour la première fois", "à l'origine"),
    "es": ("originalmente", "por primera vez"),
    "pt": ("originalmente", "pela primeira vez"),
    "it": ("originariamente", "originalmente", "per la prima volta", "in origine"),
    "nl": ("eerder verschenen", "oorspronkelijk"),
    "ru": ("впервые опубликован", "первоначально опубликован"),
}
_ALL_HINTS = (*_ENGLISH, *sorted({hint for hints in _HINTS.values() for hint in hints}))
_NAME_END = re.compile(
    r"\s*(?:[.;|()\[\]!?:]|,\s|\s[–—-]\s|©|\bcopyright\b|\s(?:and|und|et|y|e|under|unter|sous|bajo|sotto|sob|here|where|as"
    r"|on|in|with|where|which|at|am|le|el|il|em)\s|\b(?:erschienen|veröffentlicht|verschenen|gepubliceerd)\b)",
    re.IGNORECASE,
)
_DAY = re.compile(
    r"(?:on\s+)?(?:mon|tues|wednes|thurs|fri|satur|sun|jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)"
    r"\w{0,6}\.?,?\s+(?:\w+\s+)?\d",
    re.IGNORECASE,
)
_ORIGINAL_LINK = re.compile(r"\boriginal\b|\boriginale?\b|оригинал", re.IGNORECASE)
_DATELINE = re.compile(
    r"^(?:[^\W\d_][\w .,'’/&-]{1,60}?)?\s*[(/]"
    r"(?P<name>Reuters|AP|AFP|UPI|dpa(?:-AFX)?|DPA|APA|SID|KNA|epd|EFE|Europa Press|ANSA|Adnkronos|Lusa|TASS|ТАСС"
    r"|Xinhua|PTI|IANS|ANI|Kyodo|Yonhap|Bloomberg|ANP|Belga|PAP|CNA|AAP)(?:/\w{1,12})?[)/]\s*(?:[-–—:.]|--)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A credit, and where it was found: `page`, `jsonld` or `agency`."""

    credit: Credit
    source: str


def credited(seen: Seen, *, text: str, own: tuple[str | None, ...]) -> Source | None:
    """Where the article comes from, if not from the page's own site.

    own: the names of the site.
    """
    elsewhere = _elsewhere(seen.head.canonical, seen.url)
    for credit in _lines(seen, _hints(seen)):
        if not _is_own(credit, seen.url, own):
            at_home = credit.url is None or urls.is_home(credit.url)
            url = elsewhere if at_home and elsewhere else credit.url
            return Source(credit=Credit(name=credit.name, url=url), source="page")
    based = seen.claims.based_on
    if based is not None and not _is_own(based, seen.url, own):
        return Source(credit=based, source="jsonld")
    if elsewhere is not None:
        return Source(credit=Credit(url=elsewhere), source="page")
    holder = seen.claims.copyright_holder
    if holder is not None and not _is_own(holder, seen.url, (*own, *(a.name for a in seen.claims.authors))):
        return Source(credit=holder, source="jsonld")
    agency = next(filter(None, map(dateline, text.split("\n")[:_OPENING])), None)
    if agency is not None and not _is_own(agency, seen.url, own):
        return Source(credit=agency, source=AGENCY)
    return None


def is_credit(line: str) -> bool:
    """Whether the line says where the article comes from, including the line that a feed adds to its own entries."""
    return len(line) <= _MAX_LINE and (_CREDIT.search(line) is not None or is_feeds_own(line))


def is_feeds_own(line: str) -> bool:
    """Whether it is what a feed adds below an entry: "The post … appeared first on …"."""
    return len(line) <= _MAX_LINE and _FEEDS_OWN.match(line) is not None


def dateline(line: str) -> Credit | None:
    """The agency in a dateline: "LONDON (Reuters) -", "Berlin (dpa/lby) –", "(ANSA) - ROMA"."""
    match = _DATELINE.match(line[:200])
    return Credit(name=match["name"], is_agency=True) if match else None


def _lines(seen: Seen, hints: Collection[str]) -> Iterator[Credit]:
    """The credits in the page's credit lines, in order."""
    for block in islice(_blocks(seen.tree, hints), _LOOKED_AT):
        line = " ".join(block.text_content().split())
        match = _CREDIT.search(line) if len(line) <= _MAX_LINE else None
        if match is None:
            continue
        links = [
            (" ".join(a.text_content().split()), urls.absolute(a.get("href") or "", seen.url)) for a in block.iter("a")
        ]
        name, link = _name(line[match.end() :], [text for text, _ in links])
        if name is None:
            continue
        whole = next((href for text, href in links if href and _ORIGINAL_LINK.search(text)), None)
        named = next((href for text, href in links if href and text and text in (name, link)), None)
        yield Credit(name=name, url=whole or named)


def _hints(seen: Seen) -> list[str]:
    """The words hinting at a credit that occur on the page at all."""
    spoken = (seen.head.language or "").lower()[:2]
    hints = _ALL_HINTS if not spoken else (*_ENGLISH, *_HINTS.get(spoken, ()))
    return [hint for hint in hints if hint in seen.said]


def _blocks(tree: HtmlElement, hints: Collection[str]) -> Iterator[HtmlElement]:
    """The smallest blocks with a word that hints at a credit."""
    if not hints:
        return
    seen: set[HtmlElement] = set()
    for element in tree.iter(
        "p", "div", "li", "span", "em", "i", "strong", "b", "a", "small", "td", "section", "footer"
    ):
        for said, place in ((element.text, element), (element.tail, element.getparent())):
            if not said or place is None:
                continue
            low = said.lower()
            if not any(hint in low for hint in hints):
                continue
            while place.tag in ("span", "em", "i", "strong", "b", "a", "small") and place.getparent() is not None:
                place = place.getparent()
            if place not in seen:
                seen.add(place)
                yield place


def _name(rest: str, links: list[str]) -> tuple[str | None, str | None]:
    """The publication's name at the start of `rest`, and the text of the link that it comes from, if any."""
    rest = rest.lstrip(" :\u00a0“\"'„«")
    link = next((text for text in links if text and rest.startswith(text)), None)
    name = link or rest
    end = _NAME_END.search(name)
    name = (name[: end.start()] if end and not link else name).strip(" ,.;:“”\"'„«»")
    words = name.split()
    is_name = 0 < len(words) <= _NAME_WORDS and len(name) <= _NAME_LENGTH and not name[0].isdigit()
    return (name, link) if is_name and not name.islower() and not _DAY.match(name) else (None, None)


def _elsewhere(canonical: str | None, url: str) -> str | None:
    """The canonical address if it is on another site, and not a home page."""
    if canonical is None or urls.is_home(canonical):
        return None
    try:
        return canonical if _site(canonical) != _site(url) else None
    except urls.BadUrl:
        return None


def _site(url: str) -> str:
    """The part of a host that a publication has under every country's domain: "quay" for www.quay.co.uk and quay.de."""
    host = urls.host_of(url)
    labels = host.split(".")
    if not labels[-1].strip("0123456789]"):
        return host  # an address
    short = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return labels[-3] if short else labels[-2] if len(labels) > 1 else labels[0]


def _is_own(credit: Credit, url: str, own: tuple[str | None, ...]) -> bool:
    """Whether the site credits itself, or an edition of its own."""
    try:
        site = _site(url)
        if credit.url is not None and _site(credit.url) == site:
            return True
    except urls.BadUrl:
        return False
    if len(site) >= _MIN_SITE and site in dedup.words(credit.name or ""):
        return True
    return any(dedup.credits(credit, url=url, site=name) for name in (None, *own))
