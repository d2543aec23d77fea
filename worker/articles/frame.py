"""The lines that a site puts above and below an article: what they say about it, and its text without them.

Above: who and when, categories, where it comes from. Below: credit, appeal, disclaimer, copyright, contact, the
author's other articles. Those below are many and differ by site, so a line is removed only if it has words with which
no article ends; the others are learned from the site's articles, elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from lxml.html import HtmlElement

from worker import dedup
from worker.articles import credits, fields
from worker.articles.seen import Seen
from worker.model import Article, Author, Millis

_ABOVE, _BELOW = 12, 25  # lines looked at
_SHORT, _LABELLED = 80, 250  # characters
_BELOW_LENGTH = 1500  # characters
_TAG_WORDS, _NAME_WORDS, _MAX_NAMES = 8, 6, 20
_LEFT = 40  # words that have to be left of a text
_LABELS = (
    r"regions?|themes?|topics?|tags?|tagged|filed\s+under|categor(?:y|ies)|keywords?|subjects?"
    r"|schlagw(?:ort|orte|örter)|themen?|rubrik(?:en)?|mots[- ]cl[ée]s|thèmes?|rubriques?|catégories?|régions?"
    r"|etiquetas|temas?|categorías?|regi[oó]n(?:es)?|argoment[oi]|categori[ae]|palavras-chave|assuntos?|categorias?"
    r"|trefwoorden|onderwerp(?:en)?|теги?|рубрик[аи]|темы?|регионы?"
)
_LABEL = re.compile(rf"^(?P<label>{_LABELS})\s*[:：]\s*(?P<names>\S.*)$", re.IGNORECASE)
_BEHIND, _LISTED = re.compile(r"\s[-–—|·»]\s([^-–—|·»]{2,60})$"), re.compile("[,;|]")
_IS_LABEL = re.compile(rf"(?:{_LABELS})\s*(?:[:：]|$)", re.IGNORECASE)
_ANY_LABEL = re.compile(r"^[A-Z][\w-]*(?: [\w-]+){0,2}:\s+\S.{0,80}$")  # "In-depth Report: Syria", above the text alone
_LEAD = r"(?:(?i:by|von|par|por|door)|di|da)"
_BY = re.compile(rf"^{_LEAD}\s*:?\s+(?P<name>\S.{{1,60}})$")
_IS_BY = re.compile(rf"{_LEAD}(?:\s|:|$)")
_SENTENCE = re.compile(r"[.!?]\s|\d")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner janvier enero gennaio janeiro januari",
            "february feb februar février febrero febbraio fevereiro februari",
            "march mar märz mars marzo março maart",
            "april apr avril abril aprile",
            "may mai mayo maggio maio mei",
            "june jun juni juin junio giugno junho",
            "july jul juli juillet julio luglio julho",
            "august aug août agosto augustus",
            "september sep sept septembre septiembre settembre setembro",
            "october oct oktober okt octobre octubre ottobre outubro",
            "november nov novembre noviembre novembro",
            "december dec dezember dez décembre diciembre dicembre dezembro december",
        ),
        1,
    )
    for name in names.split()
}
_DAY = re.compile(
    r"(?:(?P<day>\d{1,2})(?:st|nd|rd|th|\.|º|er)?\s+(?:de\s+)?(?P<month>[^\W\d_]{3,10})\.?,?\s+(?:de\s+)?"
    r"(?P<year>(?:19|20)\d\d)"
    r"|(?P<month2>[^\W\d_]{3,10})\.?\s+(?P<day2>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year2>(?:19|20)\d\d))\.?$"
)
_OURS = r"(?:us|our|this|the)"
_WORK = r"(?:project|work|site|website|journalism|reporting|newsroom|mission|cause|channel)"
_BELOW_IT = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # copyright
        r"^(?:copyright\b|©|\(c\)\s|all rights reserved|alle rechte vorbehalten|tous droits réservés"
        r"|(?:todos los|reservados todos los) derechos|tutti i diritti|todos os direitos|alle rechten|все права)",
        r"^.{0,100}(?:©|copyright)\s*(?:\(c\)\s*)?(?:19|20)\d\d.{0,100}$",
        r"\bcontains copyrighted material\b|\bunder the provisions of [\"“']?fair use\b",
        # disclaimers
        r"^(?:\W*(?:legal )?disclaimer|haftungsausschluss|avis de non-responsabilité|descargo de responsabilidad)\b",
        r"\b(?:views|opinions|statements)\b.{0,80}\b(?:expressed|contained|presented)\b.{0,160}\b(?:do|does|may) not\b"
        r".{0,30}\b(?:reflect|represent)\b",
        r"\b(?:views|opinions)\b.{0,40}\bexpressed\b.{0,80}\b(?:solely|the author|author'?s|authors'?|own)\b",
        r"\bsole responsibility of the authors?\b|\bgrants? permission to cross-post\b",
        r"\b(?:meinung|ansicht)(?:en)?\b.{0,120}\bnicht (?:notwendigerweise|unbedingt|zwingend)\b",
        r"\bn'engage(?:nt)? que\b|\bne reflètent pas nécessairement\b|\bno (?:reflejan|representan) necesariamente\b"
        r"|\bnon (?:riflettono|rispecchiano) necessariamente\b|\bnão refletem necessariamente\b"
        r"|\bмнение (?:редакции|автора)\b.{0,40}\bне совпада",
        # appeals
        rf"\b(?:support|help|fund|back)\s+(?:{_OURS}\s+)(?:\w+\s+)?{_WORK}\b.{{0,200}}"
        r"(?:\b(?:donat|paypal|patreon|member|subscri|contribut|your help|without you)|$)",
        r"\b(?:paypal|patreon|bitcoin|btc|iban)\b\s*[:：]",
        r"^(?:please\s+)?(?:support|donate to)\s+(?:us|our)\b",
        r"^(?:please\s+)?consider\s+(?:donating|supporting|making)\b",
        r"^(?:become|be) an? (?:\w+ )?(?:member|patron|supporter|subscriber)\b",
        r"^join \S+(?: \S+){0,3} (?:today|now)\W*$",
        r"^(?:subscribe|sign up)\b.{0,120}\b(?:newsletter|channel|email|inbox|updates)\b",
        r"^(?:like|follow|find|join) us\b|^follow \S+(?: \S+){0,3} on\b|^comment on .{1,80}\b(?:facebook|page)\b",
        r"^follow \S+(?: \S+){0,3} coverage\b|^(?:unterstützen sie|abonnieren sie|folgen sie) "
        r"|^(?:soutenez|abonnez-vous|suivez)[ -]"
        r"|^(?:apoya|suscríbete|síguenos|apoie|assine|siga-nos|sostieni|iscriviti|seguici)\b"
        r"|^(?:поддержите|подписывайтесь|подпишитесь)\b",
        r"^\W*(?:did you |do you )?(?:like|enjoy|love)(?:d|ed|ing)? (?:this|our|what you)\b[^.?!]{0,20}"
        r"\b(?:article|content|coverage|journalism|post|read|reading|see|story|stories|work)\?"
        r"|^\W*(?:hat (?:ihnen|dir|euch)|(?:ihnen|dir|euch) hat) (?:diese[rs]?|der|unser) \w*(?:artikel|beitrag|text)\b"
        r".{0,20}\bgefallen\b"
        r"|^\W*(?:cet article vous a (?:plu|intéressé)|te (?:ha gustado|gustó) (?:este|el) (?:artículo|contenido|texto)"
        r"|ti è piaciuto questo (?:articolo|contenuto|post)|gostou d(?:o|a|este|esta) (?:artigo|conteúdo|matéria|texto)"
        r"|vond je dit artikel|понравил(?:ась статья|ся материал))[^.?!]{0,40}\?",
        r"^.{0,250}\b(?:newsletter|sign up|subscribe|get|receive)\b.{0,160}\bto your (?:e-?mail )?inbox\b.{0,60}$"
        r"|^.{0,250}\bnewsletter\b.{0,200}\b(?:sign up|subscribe|register)(?: for free)? (?:here|now|today)\W*$"
        r"|^.{0,250}\b(?:abonnieren sie|abonniere|hol(?:en sie| dir))\b[^.!?]{0,60}\bnewsletter\b.{0,120}$",
        r"^.{0,250}\b(?:follow us on|folgen sie uns auf|folge uns auf|suivez-nous sur|s[ií]gu[ea]nos en|siga-nos no"
        r"|seguici su|volg ons op|följ oss på|følg oss på)\b.{0,120}$",
        # contact
        r"^(?:for (?:media|press|more) (?:inquiries|enquiries|information)|(?:media|press) contact|contact|kontakt"
        r"|e-?mail)\s*[:：].{0,80}$",
        r"^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$",
        # other articles
        r"^(?:(?:more |read (?:more )?|other )?(?:articles?|stories|posts) (?:by|from)|(?:weitere|alle) artikel von"
        r"|(?:tous les|plus d'|autres )articles de)\s*:?\s.{0,80}$",
    )
)


_INLINE = ("a", "span", "strong", "b", "em", "i", "small", "time", "font")
_BLOCKS = ("p", "div", "li", "td", "dt", "dd", "section", "header", "h2", "h3", "h4", "h5", "h6")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_ELSEWHERE = ("nav", "footer", "aside")
_MAX_INNER = 24  # elements in a block that is a line


def framed(article: Article, seen: Seen) -> Article:
    """The article of a page without its frame, and with what only the frame says."""
    own = (article.publisher, seen.head.first("og:site_name"), _after_title(seen))
    lines = article.text.split("\n")
    source = credits.credited(seen, text=article.text, own=own)
    other = source.credit.name if source else None
    names = frozenset(name.casefold() for name in (*own, other) if name)
    start = _above(lines, title=article.title, names=names)
    changed = replace(article, text=_without(lines, start), original=source.credit if source else None)
    found = {"original": source.source} if source else {}
    if not article.tags and (tags := _tags(seen.tree)):
        changed, found["tags"] = replace(changed, tags=tags), "page"
    if not article.authors and (author := _author(lines[:start], seen.tree, names)):
        changed, found["authors"] = replace(changed, authors=(Author(name=author),)), "page"
    if article.published is None and (day := _published(lines[:start], seen.tree, other)) is not None:
        changed, found["date_published"] = replace(changed, published=day, date_precision="day"), "page"
    return replace(changed, sources={**article.sources, **found})


def _after_title(seen: Seen) -> str | None:
    """The site's name as it follows the page's own in the title element: "Title - Site"."""
    title = " ".join(next((element.text or "" for element in seen.tree.iter("title")), "").split())
    behind = _BEHIND.search(title)
    return behind[1] if behind else None


def _above(lines: Sequence[str], *, title: str | None, names: Collection[str]) -> int:
    """How many lines are above the text."""
    key = dedup.title_key(title)
    last = 0
    for at, line in enumerate(lines[:_ABOVE]):
        if key and dedup.title_key(line) == key:
            continue  # left to `edges`; other lines may be below it
        by = _BY.match(line)
        if not (
            credits.is_credit(line)
            or (by is not None and by["name"].casefold() in names)
            or (len(line) <= _SHORT and _date(line) is not None)
            or (len(line) <= _LABELLED and _LABEL.match(line))
            or (last and _ANY_LABEL.match(line))
        ):
            break
        last = at + 1
    return last if last < len(lines) else 0


def _without(lines: Sequence[str], start: int) -> str:
    """The text without the lines above and below; all of it if hardly any would be left."""
    end, lowest = len(lines), max(start, len(lines) - _BELOW)
    while end > lowest and _is_below(lines[end - 1]):
        end -= 1
    left = "\n".join(lines[start:end])
    return left if end == len(lines) or dedup.word_count(left) >= _LEFT else "\n".join(lines[start:])


def _is_below(line: str) -> bool:
    return credits.is_credit(line) or (len(line) <= _BELOW_LENGTH and any(said.search(line) for said in _BELOW_IT))


def _tags(tree: HtmlElement) -> tuple[str, ...]:
    """The page's categories, if a label introduces them: "Theme: Terrorism, War"."""
    found: list[str] = []
    for block, line in _lines(tree, _IS_LABEL.match, _LABELLED):
        match = _LABEL.match(line)
        if match is None:
            continue
        links = [" ".join(link.text_content().split()) for link in block.iter("a")]
        links = [text for text in links if not _IS_LABEL.fullmatch(text)]  # on wikis, which link the label, too
        names = [name.strip() for name in (links or _LISTED.split(match["names"]))]
        if len(names) <= _MAX_NAMES and all(len(name.split()) <= _TAG_WORDS for name in names):
            found += names
    return fields.tags(found)


def _author(above: Sequence[str], tree: HtmlElement, names: Collection[str]) -> str | None:
    """A publication that the page's byline names as the author: the site itself, or the one that is credited. Names of
    a single word are ignored, since on some sites every page is "by" one."""
    for line in (*above, *(line for _, line in _lines(tree, _IS_BY.match, _SHORT))) if names else ():
        match = _BY.match(line)
        if match is not None and " " in match["name"] and match["name"].casefold() in names:
            return match["name"]
    return None


def _published(above: Sequence[str], tree: HtmlElement, other: str | None) -> Millis | None:
    """The day in a line of its own, at most with the name of the site before it: "The Quay, 5 August 2017". A line with
    the name of the credited publication gives the original's day, and is ignored."""
    theirs = (other or "\0").casefold()
    for line in (*above, *(line for _, line in _lines(tree, _YEAR.search, _SHORT))):
        day = None if line.casefold().startswith(theirs) else _date(line)
        if day is not None:
            return day
    return None


def _lines(tree: HtmlElement, begins: Callable[[str], object], length: int) -> Iterator[tuple[HtmlElement, str]]:
    """The blocks of a page that are a line of at most `length` characters in which `begins` finds something, except in
    menus and the like."""
    for element in tree.iter(*_BLOCKS, *_INLINE):
        piece = element.text
        if not piece or not begins(piece[: 4 * length].strip()[: length + 1]):
            continue
        block = next(element.iterancestors(*_BLOCKS), element) if element.tag in _INLINE else element
        if sum(1 for _ in islice(block.iterdescendants(), _MAX_INNER + 1)) > _MAX_INNER:
            continue
        line = " ".join(block.text_content().split())
        if len(line) <= length and next(block.iterancestors(*_ELSEWHERE), None) is None:
            yield block, line


def _date(line: str) -> Millis | None:
    """The day at the end of a line, if at most a name precedes it."""
    match = _DAY.search(line)
    if match is None or len(line[: match.start()].split()) > _NAME_WORDS or _SENTENCE.search(line[: match.start()]):
        return None
    month = _MONTHS.get((match["month"] or match["month2"]).casefold())
    if month is None:
        return None
    try:
        day = datetime(int(match["year"] or match["year2"]), month, int(match["day"] or match["day2"]), tzinfo=UTC)
    except ValueError:
        return None
    return Millis(round(day.timestamp()) * 1000)
