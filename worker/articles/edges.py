"""Lines around an article's text that do not belong to it: the title again, who wrote it, when, buttons."""

from __future__ import annotations

import re
from collections.abc import Iterable

from worker import dedup
from worker.articles import plain, pointers
from worker.articles.blocks import squashed
from worker.dedup import title_key
from worker.model import Entry

_HEADED = re.compile(r"\s*<(h[1-3])\b[^<>]*>(.{1,1000}?)</\1>", re.IGNORECASE | re.DOTALL)
# WordPress puts "In reply to …" above a comment, in the site's language, with a link to the other one; where a feed has
# its comments as plain text, the link stands there as markup.
_COMMENT = "#comment-"
_REPLY = re.compile(
    rf"\s*(?:<p>)?[^<>]{{0,60}}?(?:<a\s[^<>]{{1,500}}{_COMMENT}\d[^<>]{{1,100}}>[^<>]{{1,200}}</a>"
    rf"|&lt;a [^<>]{{1,500}}{_COMMENT}\d[^<>]{{1,300}}?&lt;/a&gt;)[^<>\n]{{0,30}}(?:</p>|\n\n)"
)
_EDGE = 4  # lines at the beginning, and at the end, that are looked at
_LABEL, _BYLINE = 50, 100  # characters
_TITLE, _KICKER = 20, 60  # characters without spaces: of a title, at least; of the words above it, at most
_DATE = re.compile(
    r"(?:[\w-]{2,15}[.,]?\s+)?(?:\d{1,2}(?:st|nd|rd|th)?[./\s-]+(?:de\s+)?(?:\w{3,10}|\d{1,2})[./,\s-]+(?:de\s+)?\d{2,4}"
    r"|[^\W\d]{3,10}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4}|\d{4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}日?)"
    r"(?:(?:\s*[,|•·–-]\s*|\s+|T)(?:um |at |à |às |klo |kl\.? )?"
    r"\d{1,2}[:.h]\d{2}(?::\d{2})?(?:\s*(?:uhr|a\.?m\.?|p\.?m\.?|[a-z]{3,4}|z|[+-]\d\d:\d\d))?)?\.?",
    re.IGNORECASE,
)
_ROLES = frozenset(
    {
        *("by", "von", "par", "por", "di", "de", "door", "av", "af", "text", "autor", "autorin", "auteur", "author"),
        *("written", "posted", "and", "und", "et", "y", "e", "og", "och", "en", "for", "reuters", "afp", "dpa", "ap"),
        *("текст", "автор", "от"),
        *"文記者作",  # of which each is a word
    }
)
# Beside a date or a time of day. Each of the first says by itself what the line is.
_SINCE = frozenset(
    {
        *("updated", "published", "posted", "modified", "update", "aktualisiert", "veröffentlicht", "erstellt"),
        *("stand", "bearbeitet", "geändert", "publié", "modifié", "actualizado", "publicado", "publicada"),
        *("actualizada", "pubblicato", "aggiornato", "atualizado", "gepubliceerd", "bijgewerkt", "geplaatst"),
        *("oppdatert", "publisert", "uppdaterad", "publicerad", "opdateret", "offentliggjort", "päivitetty"),
        *("julkaistu", "opublikowano", "dodano", "aktualizacja", "aktualizováno", "publikováno", "обновлено"),
        *("опубликовано", "оновлено", "опубліковано", "güncelleme", "güncellendi", "yayınlanma", "yayınlandı"),
        *("frissítve", "megjelent"),
    }
)
_AT = frozenset(
    {
        *("last", "latest", "first", "on", "at", "in", "am", "pm", "um", "uhr", "zuletzt", "date", "datum", "data"),
        *("fecha", "le", "la", "el", "il", "à", "mis", "jour", "a", "as", "às", "las", "alle", "ore", "op", "om"),
        *("den", "kl", "klo", "o", "w", "dnia", "в", "о", "de", "von", "h", "ist", "gmt", "utc", "est", "edt"),
        *("cet", "bst"),
    }
)
_ADVERTISEMENT = re.compile(
    r"\W{0,2}(?:ads?|advertisements?|sponsored|(?:article continues below|scroll to continue with|skip) (?:this )?"
    r"(?:ads?|advertisement|content)|anzeige|werbung|(?:passer la )?publicité|publicidad|pubblicità|publicidade"
    r"|advertentie|annons|annonce|reklama|реклама|reklam|廣告|广告|広告|광고|إعلان|פרסומת)\W{0,3}",
    re.IGNORECASE,
)
_MINUTES = re.compile(
    r"(?:(?:estimated )?read(?:ing)? ?time|lese(?:zeit|dauer)|temps de lecture|tiempo de lectura"
    r"|tempo (?:di lettura|de leitura)|leestijd|lästid|lesetid|læsetid|lukuaika|czas czytania|время (?:на )?чтени[ея]"
    r"|okuma süresi)\W{0,3}(?:(?:ca|approx|about|environ|etwa)\b\.?\s*)?\d{1,3}(?:[.:,]\d\d)?\s?[^\W\d]{1,8}\.?"
    r"|\d{1,3}[\s-]?min(?:uto|ute|uut|uten)?[ns]?\.? (?:read|to read|reading time|lesezeit|de lecture|de lectura"
    r"|di lettura|de leitura|leestijd|lezen|lästid|lesetid|læsetid|czytania)"
    r"|(?:この記事は)?(?:約|读完约需|阅读时间约?)\s?\d{1,3}\s?分(?:钟|で読めます|鐘)?",
    re.IGNORECASE,
)
# Buttons and labels; the whole line.
_FURNITURE = re.compile(
    r"(?:share(?: (?:this|on|via)\b.{0,24})?|tweet|print|e-?mail|facebook|twitter|whatsapp|copy link"
    r"|link copied|advertisement"
    r"|read more|continue reading|click here|more|menu|skip to content|listen to (?:this )?article|save"
    r"|follow us|comments?"
    r"|teilen|drucken|merken|anzeige|werbung|weiterlesen|mehr lesen|artikel (?:teilen|anhören)|kommentare?"
    r"|zur startseite"
    r"|partager|imprimer|publicité|lire la suite|commentaires?|compartir|imprimir|publicidad|leer más|seguir leyendo"
    r"|condividi|stampa|pubblicità|leggi (?:tutto|anche)|compartilh(?:e|ar)|leia mais|publicidade|delen"
    r"|lees (?:meer|verder)"
    r"|advertentie|udostępnij|czytaj (?:dalej|więcej)|reklama|поделиться|читать (?:далее|дальше)|реклама"
    r"|シェア|続きを読む|广告|分享|阅读更多|공유|광고|더 ?보기|مشاركة|إعلان)\W{0,3}",
    re.IGNORECASE,
)


def begun(markup: str, entry: Entry) -> str:
    """A feed's HTML without its first heading, if that repeats the entry's title, and a comment's without the line on
    whom it replies to."""
    if entry.url and _COMMENT in entry.url and (reply := _REPLY.match(markup)):
        return markup[reply.end() :]
    heading = _HEADED.match(markup) if entry.title else None
    titled = heading is not None and title_key(plain.from_html(heading[2])) == title_key(entry.title)
    return markup[heading.end() :] if heading and titled else markup


def cut(text: str, *, title: str | None, authors: Iterable[str], heading: str | None = None) -> str:
    """The text without such lines: only at its edges, where an article has neither quotes nor lists, except labels of
    advertisements, which are cut anywhere; never all of the text.

    heading: the first on the page, which may be a line of its own above the title.
    """
    lines = [line for line in text.split("\n") if len(line) > _LABEL or not _ADVERTISEMENT.fullmatch(line)]
    named = frozenset(word for name in authors for word in dedup.words(name))
    key, shown = title_key(title) if title else b"", squashed(heading or "")

    def foreign(line: str) -> bool:
        return len(line) <= _BYLINE and (
            _FURNITURE.fullmatch(line) is not None
            or _MINUTES.fullmatch(line) is not None
            or _only_names_and_date(line, named)
        )

    def titled(line: str) -> bool:
        return bool((key and title_key(line) == key) or (shown and squashed(line) == shown))

    def below(line: str) -> bool:
        return foreign(line) or pointers.leads_to_nothing(line)

    start, end = 0, len(lines)
    for at, line in enumerate(lines[:_EDGE]):
        if start == at and (titled(line) or foreign(line) or (at == 0 and _ends_alike(line, title or ""))):
            start = at + 1
    while end > max(start + 1, len(lines) - _EDGE) and below(lines[end - 1]):
        end -= 1
    if start >= end:
        return text
    is_long = end > 2 * _EDGE  # in a short text a date below its lead may be that of an event
    head = [line for line in lines[start : min(_EDGE, end)] if not (titled(line) or (is_long and foreign(line)))]
    return "\n".join([*head, *lines[max(start, _EDGE) : end]])


def _ends_alike(line: str, title: str) -> bool:
    """Whether one is the other with a few words above it: "Onlineversand aus Fernost : Wie gefährlich …"."""
    shorter, longer = sorted((squashed(line).casefold(), squashed(title).casefold()), key=len)
    return len(shorter) >= _TITLE and len(longer) - len(shorter) <= _KICKER and longer.endswith(shorter)


def _only_names_and_date(line: str, named: frozenset[str]) -> bool:
    """Whether the line says who wrote it, or when, and nothing else."""
    rest = _DATE.sub(" ", line, count=2)
    said = frozenset(dedup.words(rest))
    if not said:
        return rest != line
    since = said & _SINCE
    if (rest != line or since) and all(word in since or word in _AT or word.isdigit() for word in said):
        return True
    return bool(said & named) and said <= named | _ROLES
