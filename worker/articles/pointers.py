"""Lines that are not part of an article but lead to the rest of it, or to other articles.

Recognized by their words, since sites put them within the text, and by what surrounds them, since an article may
contain the same words: a label with a link behind it, an end that is cut off.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence, Set

from worker.articles import credits
from worker.articles.blocks import Block

_LABEL, _LINE = 60, 250  # characters, at most
_LINKED, _POINTED = 0.5, 0.3  # of a line's characters: of another article's title, of one with a label before it
_END = 400  # characters of a text, in which it leads on
_CUT_OFF = re.compile(r"(?:…|\.\.\.)\W*\Z")


def _any(lines: str) -> str:
    """Matches any of the lines, each a pattern of alternatives."""
    return f"(?:{'|'.join(line.strip() for line in lines.strip().splitlines())})"


_MORE = _any(
    r"""
    (?:read|show|see|view) (?:more|the (?:rest|full (?:story|article|post))|full (?:story|article|post))
    continue reading|keep reading|weiterlesen|mehr lesen|weiter ?lesen|lesen fortsetzen|lire la suite|lire plus
    (?:leer|seguir leyendo|continuar leyendo) más|seguir leyendo|continuar leyendo|leer más|sigue leyendo
    leia mais|continue (?:lendo|a ler)|leggi tutto|continua a leggere|lees (?:meer|verder)|verder lezen
    les mer|læs mere|läs mer|fortsätt läsa|lue lisää|czytaj (?:dalej|więcej)|číst (?:dále|více)|devamını oku
    читать (?:далее|дальше|полностью)|читати далі|続きを読む|もっと読む|阅读(?:更多|全文)|閱讀(?:更多|全文)
    더 ?보기|계속 ?읽기
    اقرأ المزيد|قراءة المزيد|המשך (?:לקרוא|קריאה)|baca selengkapnya|xem thêm|đọc tiếp
    """
)
_OTHERS = _any(
    r"""
    (?:read|see|learn|watch)[ :]+(?:more|next|now|this(?: next)?)|read also|also (?:read|see)|must[- ]read
    related(?: (?:articles?|posts?|stor(?:y|ies)|news|coverage|reading|content|links?|topics?|videos?))?
    recommended(?: (?:for you|reading|stories|articles))?|don.?t miss|in case you missed it|up next
    more (?:from|on) .{2,40}
    (?:you (?:may|might) (?:also )?|also )(?:like|be interested in|enjoy)|you.ll also like|editor.?s (?:picks?|choice)
    most (?:read|popular|viewed)(?: (?:in|on) .{2,40})?|trending(?: now| stories)?|more (?:stories|articles|posts)
    lesen sie (?:auch|mehr|hier|dazu(?: auch)?|weiter)|lies (?:auch|mehr|dazu)
    mehr (?:zum thema|dazu|themen|zu diesem thema)
    auch (?:interessant|spannend|lesenswert)|passend dazu|empfehlungen(?: der redaktion)?|meistgelesen
    (?:das |diese (?:artikel|themen|beiträge) )?könnten? (?:sie|dich|ihnen|dir|euch) auch (?:interessieren|gefallen)
    (?:verwandte|ähnliche) (?:themen|artikel|beiträge)(?: .{2,24})?
    [àa] (?:lire|voir|écouter)(?: aussi| également)?|lire (?:aussi|également)|sur le même (?:sujet|thème)
    articles? (?:liés?|similaires?|connexes?)|nos articles|les plus lus
    (?:lee|lea|leer|vea|ver|mira) (?:también|además|más)|(?:también )?te puede interesar
    (?:noticias?|notas?|artículos?) relacionad[ao]s?
    lo más leído|leia (?:também|mais)|veja (?:também|mais)|saiba mais|(?:notícias|artigos) relacionad[ao]s|mais lidas
    legg[ie] anche|guarda anche|potrebbe interessar(?:ti|vi)(?: anche)?|articoli correlati|i più letti
    lees (?:ook|meer)|bekijk ook|gerelateerd(?:e (?:artikelen|berichten))?|meest gelezen
    les også|les mer|læs også|læs mere|läs (?:också|även|mer)|mest lest|lue myös|katso myös
    czytaj (?:też|także|również|więcej)|zobacz więcej|przeczytaj (?:też|także|również)|dowiedz się więcej
    (?:čtěte|přečtěte si) (?:také|více|též)|mohlo by vás zajímat|související (?:články|témata)
    kapcsolódó (?:cikk(?:ek|ünk)?)
    (?:citi[țţ]i|cite[șş]te) [șş]i|bunlar da ilginizi çekebilir|ilgili haber(?:ler)?|ayrıca (?:okuyun|bakınız)
    διαβάστε (?:επίσης|ακόμα|ακόμη|περισσότερα)|читайте (?:также|по теме|ещ[её])|смотрите также
    материалы по теме|по теме
    читайте також|дивіться також|до теми|прочетете още|pročitajte (?:i|još)|više o temi
    baca (?:juga|selengkapnya)|lihat juga|artikel terkait|tin liên quan|xem thêm|đọc thêm
    (?:あわせて|合わせて)(?:読みたい|読む)|関連(?:記事|ニュース|リンク)|こちらも読む
    【?相[关關](?:阅读|閱讀|新闻|新聞|报道|報導)】?
    延伸(?:阅读|閱讀)|推[荐薦](?:阅读|閱讀)|更多(?:阅读|閱讀|新闻|新聞)|관련 ?(?:기사|뉴스)
    함께 ?(?:보면|읽으면) 좋은 (?:기사|글)
    [اإ]قر[أا] (?:أيض(?:ا|اً|ًا)|المزيد)|شاهد أيض(?:ا|اً|ًا)|(?:مواضيع|أخبار) (?:ذات صلة|متعلقة)|بیشتر بخوانید
    קראו (?:גם|עוד)|לקריאה נוספת|כתבות נוספות|(?:यह|ये|इसे) भी पढ़ें|আরও পড়ুন|อ่าน(?:เพิ่มเติม|ต่อ)|ข่าวที่เกี่ยวข้อง
    """
)

_SEE_ALSO = _any(  # on a line with what it leads to; by itself it heads a section of every Wikipedia
    r"""
    see also|siehe auch|voir (?:aussi|également)|véase también|ver también|vedi anche|ver também|zie ook
    se (?:også|även)
    zobacz (?:też|także|również)|viz též|vezi [șş]i|см\. также|див\. також|lásd még|ayrıca bakınız
    """
)
_LEADS_ON = re.compile(rf"[\W_]{{0,3}}(?:{_OTHERS}|{_SEE_ALSO})\s*(?:[:：|>»→–—-]|\s)\s*\S", re.IGNORECASE)
_IS_LABEL = re.compile(rf"[\W_]{{0,3}}(?:{_OTHERS}|{_MORE})[\W_]{{0,4}}", re.IGNORECASE)
_LEADS_TO_NOTHING = re.compile(rf"[\W_]{{0,3}}(?:{_OTHERS}\b.{{0,40}}|\S+(?: \S+){{0,4}}) ?[:：]", re.IGNORECASE)
_TO_THE_REST = re.compile(rf"(?P<dots>\[?(?:…|\.\.\.)\]?)\W{{0,3}}{_MORE}\b.{{0,200}}\Z", re.IGNORECASE)
_SAID_LAST = re.compile(rf"(?:(?<=[\s.!?])|\A){_MORE}\W*\Z", re.IGNORECASE)
_IS_TO_THE_REST = re.compile(rf"\W*(?:{_MORE}(?: (?:on|at|auf|bei|sur|en|su|em) .{{1,40}})?|more)\W*", re.IGNORECASE)
_FEEDS_LINK = re.compile(  # Discourse's and Reddit's are the last two each
    r"\W*(?:comments?|permalink|\d+ comments?|\d+ posts? - \d+ participants?|read full topic"
    r"|(?:\[link\] )?\[comments\]|submitted by /?u/\S+(?: to /?r/\S+)?)\W*",
    re.IGNORECASE,
)


def elsewhere(shown: Sequence[tuple[str, Block]]) -> Set[str]:
    """The blocks of a page (each paired with its `squashed` text) that only point to other articles: a label with what
    it leads to, on the same line or below it, where titles look alike, and an excerpt below a title that is cut off."""
    found: set[int] = set()
    for at, (_, block) in enumerate(shown):
        if block.linked > _LINKED and at and _is_label(shown[at - 1][1]):
            found.add(at - 1)
            found.update(_titles(shown, at))
        if _POINTED <= block.linked < 1 and len(block.text) <= _LINE and _LEADS_ON.match(block.text):
            found.add(at)
    keys = {shown[at][0] for at in found}
    # What stands elsewhere as well, in a list of contents or a teaser, may be the article's own.
    return keys - {key for at, (key, _) in enumerate(shown) if key in keys and at not in found} if keys else keys


def _is_label(block: Block) -> bool:
    return block.linked <= _LINKED and is_label(block.text)


def _titles(shown: Sequence[tuple[str, Block]], first: int) -> Iterator[int]:
    """The indexes of the titles below a label, and of the excerpts below these."""
    kind = shown[first][1].tag
    for at in range(first, len(shown)):
        block = shown[at][1]
        is_title = block.linked > _LINKED and block.tag == kind
        if not is_title and (at == first or len(block.text) > _LINE or not _CUT_OFF.search(block.text)):
            return
        yield at


def is_label(line: str) -> bool:
    """Whether it stands above what leads to other articles, or to the rest of one."""
    return len(line) <= _LABEL and _IS_LABEL.fullmatch(line) is not None


def leads_to_nothing(line: str) -> bool:
    """Whether it is a label, or ends like one, with no more text below it."""
    return is_label(line) or (len(line) <= _LABEL and _LEADS_TO_NOTHING.fullmatch(line) is not None)


@functools.lru_cache(maxsize=1)  # an entry's summary is also its text if it has no content
def without_end(text: str) -> tuple[str, bool]:
    """A feed's text without the links at its end and the line on where the entry "appeared first"; and whether one of
    the links leads to the rest of it."""
    lines = text.split("\n")
    leads_on = False
    while lines and ((more := _is_to_the_rest(lines[-1])) or _is_of_the_feed(lines[-1])):
        leads_on |= more
        lines.pop()
    if lines and (cut := _without_rest(lines[-1])) is not None:
        leads_on, lines[-1] = True, cut
    said = "\n".join(lines)
    return text if said == text else said, leads_on  # the same object, so that its cached results are found at once


def _without_rest(line: str) -> str | None:
    """A line that ends with a link to the rest of a text, without that link; None if it does not."""
    start = max(0, len(line) - _END)
    if ("…" in line or "..." in line) and (rest := _TO_THE_REST.search(line, start)):
        return line[: rest.end("dots")]
    rest = _SAID_LAST.search(line, max(0, len(line) - _LABEL))
    if rest is None or rest[0][0].islower():
        return None
    before = line[: rest.start()].rstrip()
    return before if before[-1:] in ".!?…]" else f"{before}…"


def _is_to_the_rest(line: str) -> bool:
    return len(line) <= _LABEL and _IS_TO_THE_REST.fullmatch(line) is not None


def _is_of_the_feed(line: str) -> bool:
    return (len(line) <= _LABEL and _FEEDS_LINK.fullmatch(line) is not None) or credits.is_feeds_own(line)
