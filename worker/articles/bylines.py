"""Who wrote it: finds the persons in what feeds, pages and bylines state, which also has roles, agencies and the site.

Names stay as written: names in forums have their own case.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from lxml.html import HtmlElement

from worker.articles import plain

_BYLINE, _LINE = 120, 80  # characters, at most: of an element marked as byline, of an unmarked line that is one
_SITE = 6  # characters from which a name is not within another by chance
_INITIALS = 3  # characters
_LOOKED_AT, _ALIKE = 300, 4  # elements
_PLACES = 12  # looked at
# By attribute, as most elements have none of them: half of what it takes to ask each element for all.
_MARKED = (
    "//@class[contains(., 'uthor') or contains(., 'yline') or contains(., 'utor') or contains(., 'auteur')"
    " or contains(., 'username')]/.."
    " | //@itemprop[contains(concat(' ', ., ' '), ' author ')]/.."
    " | //@rel[contains(concat(' ', ., ' '), ' author ')]/.. | //byline"
)
_CLASS = re.compile(r"(?:^|[^a-z])(?:by-?lines?|authors?|autor(?:en|in)?|auteurs?|username)(?![a-z])", re.IGNORECASE)
_CARD = re.compile(r"(?:^|\s)(?:vcard|p-author|post-author|entry-author|author|byline|username)(?:$|\s)")
_OTHERS = (
    "comments?|kommentare?|respond|replies|related|side-?bar|widget|teasers?|recommended|recent|popular|promo"
    "|testimonials?"
)
_ELSEWHERE = re.compile(
    rf"(?:^|\s)(?:{_OTHERS})|[_-](?:{_OTHERS})(?:$|\s)|(?:^|\s)(?:(?:site|page)-?)?footer|description"
    rf"|copyright|credit"
    r"|(?:image|img|wp|photo)-caption|blockquote|pull-?quote|comment-|(?:^|\s)menu",
    re.IGNORECASE,
)
_AROUND = ("div", "section", "aside", "li", "ol", "ul", "footer", "nav", "blockquote", "figure", "figcaption", "form")
_WITHIN = (
    ".//*[@itemprop='name' or contains(@class, 'name') or contains(@rel, 'author')"
    " or contains(@href, '/author') or contains(@href, '/autor') or contains(@href, 'user') or"
    " contains(@href, 'profile')"
    " or contains(@href, '/people/')]"
)
_ASIDES = frozenset({"nav", "figure", "figcaption"})
_SPEAKS = re.compile(r"\s*(?:By|[Vv]on|Par|Por|Door|Aut(?:h)?or:)\s")
_SPOKEN = (
    "//body//text()[string-length(.) < 120][contains('|By|Von|von|Par|Por|Door|Autor:|Author:|',"
    " concat('|', substring-before(normalize-space(.), ' '), '|'))][not(parent::script)]"
)
_LEAD = re.compile(
    r"(?i:(?:posted|eingestellt|written|published|reported|edited|words|story|text|article|view all posts"
    r"|artikel|zeige alle beiträge"
    r"|geschrieben|veröffentlicht|verfasst|publié|écrit|publicado|escrito|scritto|napisane)\s+)?"
    r"(?:(?i:by|vom|par|por|door|przez|av|af)|di|da|de|von|Von|VON)\s*:?\s+(?=[\w\"'@])"
    r"|(?i:(?:the )?(?:author|autor(?:in)?|auteure?|autore|autora|text|words|автор|作者|文|記者|기자))\s*[:：]\s*"
    r"|(?i:author|autor(?:in)?|auteure?|autore|автор)\s+(?=[^\W\d_])"
)
_NOBILITY = re.compile(r"(?:[Vv]on|VON|[Dd][aei])\s+\S+$")  # Von Trapp, di Maio: names, not "by" and a name
_TAIL = re.compile(
    r"\s*(?:\([^()]*\)|\[[^\[\]]*\])$|\s+(?i:says|schreibt|writes|a écrit)\s*:?$|\s*[|•·–—].*$|\s+(?:vor"
    r"|Stand|am|on|le)$"
    r"|(?:^|[\s,]+)(?:(?i:am|on|le|el|vom|at|um|,)\s+)*(?:(?i:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep"
    r"|oct|okt|nov|dec|dez|mo|di|mi|do|fr|sa|so|tu|we|th|su)\w{0,7}\.?\s+)?"
    r"\d.*$"
    r"|\s+(?i:(?:chef)?redakteur(?:in)?|reporter(?:in)?|correspondent|korrespondent(?:in)?|(?:chief )?editor)$"
    r"|\s*(?:[<(]?[\w.+-]+@[\w.-]+\.\w+[>)]?).*$|[\s,;:]+$"
)
_AND = re.compile(r"\s*(?:;|\s(?:and|und|et|y|e|og|och|en|i|и|&|\+)\s)\s*")
_AGENCY = re.compile(
    r"(?i:reuters|afp|dpa(?:[-/]\w+)?|ap|apa|sid|kna|epd|ansa|efe|lusa|tass|тасс|риа новости|pti|ians|ani"
    r"|xinhua|新华社|kyodo"
    r"|共同|時事|yonhap|ritzau|ntb|tt|belga|anp|pap|čtk|mti|bloomberg|associated press"
    r"|agence france-presse|dts|ots|agencies"
    r"|agenturen|agencias|agenzie|agences?|deutsche presse-agentur|ag\. ?wire)"
)
# What is written where a name should stand; whole words.
_NOBODY = re.compile(
    r"\b(?:GmbH|mbH|e\.\s?V|Ltd|Inc|LLC|Corp|AG|SE|KG|UG|S\.A|SpA|gGmbH)\b"
    r"|(?i:\b(?:verlag|\w*verband|\w*redaktion|redaktionsteam|newsroom|news ?desk|editors?|editorial|staff"
    r"|team|agentur|agency"
    r"|agencies|redacción|redaccion|redação|redazione|rédaction|redakcja|redactie|toimitus|редакция|admin"
    r"|administrator|webmaster"
    r"|presse\w*|pressroom|\w*ministerium|ministry|departe?ment|abteilung|sekretariat|\w*amt|copyright"
    r"|theme|media|online|news"
    r"|nachrichten|zeitung|magazin|magazine|kreuz|facebook|twitter|instagram|name|follow|guest|gast"
    r"|unknown|anonymous|anonym|unbekannt"
    r"|uncategorized"
    r"|updated|published|aktualisiert|minutes?|read|comments?|share|kitchen|kitchens|feuerwehr"
    r"|gesellschaft|verein|stiftung"
    r"|foundation|university|universität|institut|institute|association|company|group|gruppe)\b|\b(?:von"
    r"|by|par|por|our|the|special|unsere?|notre|nuestr[oa]|nosso|nostro)$)|編集部|编辑部|편집부|[©®™]|://|www\."
)
# Compiled here: the cache of `re` is as full as trafilatura, htmldate and dateparser fill it.
_SLASH, _RED = re.compile(r"\s*/\s*"), re.compile(r"^red,\s*")
_BETWEEN_AGENCIES = re.compile(r"\s*[|,;]\s*|\s+[/&]\s+")
_BEFORE = re.compile(r"^(?:https?://)?(?:www\.)?|^(?:the|die|der|das|la|le|el|il)\s+")
_DOMAIN, _SIGNS = re.compile(r"\.(?:com|org|net|info|co\.uk|com\.\w\w|\w\w)$"), re.compile(r"[\W_]+")
_WORD = re.compile(r"[^\W\d_][\w.'’`-]*")
_LETTERS = re.compile(r"[^\W\d_].*[^\W\d_]|[\u3040-\u9fff\uac00-\ud7a3]")
_PARTICLE = frozenset(
    {
        *("von", "van", "der", "den", "ter", "zu", "de", "del", "della", "di", "da", "dos", "du", "la", "le"),
        *("el", "al", "bin", "ibn", "ben", "y", "e", "of", "the"),
    }
)


def persons(stated: Iterable[str], *, site: Iterable[str | None], host: str) -> Iterator[str]:
    """The persons among the stated authors, one by one, as written; none of the `site`'s names.

    If the host is named after a person, that person counts: by the host's name, only what is not written like a
    person's name is taken for the site's own, such as "The Daily".
    """
    own = {key for name in site if name and (key := _key(name))}
    labels = {_key(host), *(form for label in host.split(".") for form in (label, label.removeprefix("the")))}
    for text in stated:
        for name in _split(_bare(text)):
            if not name or _is_own(name, own) or _AGENCY.fullmatch(name) or _is_nobody(name):
                continue
            if (_looks_named(name) and not name.casefold().startswith("the ")) or not _is_own(name, labels):
                yield name


def _is_nobody(name: str) -> bool:
    """An organisation, a label of the page, or initials."""
    return (
        (len(name) <= _INITIALS and (name.islower() or name.isupper()))
        or name.startswith("@")
        or not _LETTERS.search(name)
        or _NOBODY.search(name) is not None
    )


def shown(tree: HtmlElement, *, texts: Iterable[str], logins: bool) -> list[str]:
    """The byline that a page shows, as written: found by its markup, else as a line of "By" and a name; empty if there
    is none.

    texts: the page's (see `Seen.texts`). logins: whether a single lower-case word counts as a name, as in forums;
    elsewhere it is the account that entered the article.
    """
    marked = [element for element in islice(tree.xpath(_MARKED), _LOOKED_AT) if _is_byline(element)]
    # Many elements with the same markup belong to a list of other articles.
    often = Counter(element.get("class") for element in marked)
    for element in (element for element in marked[:_PLACES] if often[element.get("class")] <= _ALIKE):
        single = _CARD.search(element.get("class") or "") or element.get("itemprop") or element.get("rel")
        for parts in ([element], element.xpath(_WITHIN)):
            stated = [_bare(text, byline=True) for part in parts if (text := _said(part))]
            found = [text for text in stated if _is_stated(text, single=bool(single), logins=logins)]
            if found:
                return found
    spoken = tree.xpath(_SPOKEN) if any(map(_SPEAKS.match, texts)) else ()
    for text in islice(spoken, _PLACES):
        line = " ".join(str(text).split())
        if len(line) <= _LINE and _looks_named(_bare(line)) and not _is_elsewhere(text.getparent()):
            return [_bare(line, byline=True)]
    return []


def _is_byline(element: HtmlElement) -> bool:
    """Whether it is marked as a byline, but not as that of a comment or another article."""
    marked = "author" in f"{element.get('itemprop', '')} {element.get('rel', '')}".split() or element.tag == "byline"
    return (marked or _CLASS.search(element.get("class") or "") is not None) and not _is_elsewhere(element)


def _is_elsewhere(element: HtmlElement) -> bool:
    """Whether it belongs to something other than the article: an ancestor, below the one that also contains the page's
    heading, is an aside."""
    for up in (element, *element.iterancestors(*_AROUND)):
        if up.find(".//h1") is not None:
            return False
        if up.tag in _ASIDES or _ELSEWHERE.search(f"{up.get('class', '')} {up.get('id', '')}"):
            return True
    return False


def _is_stated(text: str, *, single: bool, logins: bool) -> bool:
    """Whether it contains at least one name; a `single` word counts if the markup is used for nothing else."""
    if len(text) > _BYLINE:
        return False
    return any(
        (_looks_named(name) or (single and " " not in name and (logins or not name.isalpha() or not name.islower())))
        and not _is_nobody(name)
        for name in _split(_bare(text))
        if name
    )


def _said(element: HtmlElement) -> str:
    return plain.line(" ".join(element.itertext()), _BYLINE + 1) or ""


def is_site(name: str, site: Iterable[str | None]) -> bool:
    """Whether it is one of the site's names."""
    key = _key(name)
    return bool(key) and key in {_key(own) for own in site if own}


def _is_own(name: str, own: set[str]) -> bool:
    """Whether it is a name of the site, or one that only adds to it."""
    key = _key(name)
    return not key or any(key == site or (len(site) >= _SITE and key.startswith(site)) for site in own)


def agencies(stated: str) -> Iterator[str]:
    """The news agencies stated as an author: "dpa/lby", "Reuters | AFP"."""
    text = stated.strip()
    parts = [text] if _AGENCY.fullmatch(text) else _BETWEEN_AGENCIES.split(text)
    yield from (part for part in parts if _AGENCY.fullmatch(part))


def _bare(text: str, *, byline: bool = False) -> str:
    """Without "By" before it, and dates, roles and addresses after it. "von", "da" and "di", which also mean "by", stay
    if the whole is a name with one ("Von Trapp"), but never in a `byline`."""
    text = " ".join(text.split()).strip(" ,;:|–—-/")
    if byline or not _NOBILITY.fullmatch(text):
        text = _LEAD.sub("", text, count=1) if _LEAD.match(text) else text
    while (shorter := _TAIL.sub("", text)) != text:
        text = shorter
    return text


def _split(text: str) -> Iterator[str]:
    """One name at a time; what follows a comma may be another name, a role, a place or a medium."""
    for some in _AND.split(text):
        by_slash = _SLASH.split(some)
        whole = [some] if not any(_AGENCY.fullmatch(part) for part in by_slash) else by_slash
        for part in whole:
            by_comma = [piece.strip() for piece in _RED.sub("", part).split(",")]
            part = ", ".join(by_comma)
            named = [piece for piece in by_comma if _looks_named(piece)]
            yield from (named if len(by_comma) > 1 and _looks_named(by_comma[0]) else [part.strip()])


def _looks_named(text: str) -> bool:
    """Two to five words of letters, capitalized like names."""
    words = text.split()
    if not all(_WORD.fullmatch(word) for word in words):
        return False
    if any("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" for c in text):
        return 2 <= len(text) <= 8
    return 2 <= len(words) <= 5 and all(not word[0].islower() or word in _PARTICLE for word in words)


def _key(name: str) -> str:
    """The same key for "The Economist", "economist.com" and "www.economist.com"."""
    return _SIGNS.sub("", _DOMAIN.sub("", _BEFORE.sub("", name.casefold().strip())))
