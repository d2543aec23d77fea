"""Lines that stand around an article's text and are not of it: its title once more, who wrote it, when, buttons."""

from __future__ import annotations

import re
from collections.abc import Iterable

from worker import dedup
from worker.articles import pointers
from worker.dedup import title_key

_EDGE = 4  # lines at the beginning, and at the end, that are looked at
_BYLINE = 100  # characters
_DATE = re.compile(
    r"(?:\w{2,12}[.,]?\s+)?(?:\d{1,2}(?:st|nd|rd|th)?[./\s-]+(?:de\s+)?(?:\w{3,10}|\d{1,2})[./,\s-]+(?:de\s+)?\d{2,4}"
    r"|[^\W\d]{3,10}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4}|\d{4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}日?)"
    r"(?:(?:\s*[,|•·–-]\s*|\s+|T)(?:um |at |à |klo |kl\.? )?"
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


def cut(text: str, *, title: str | None, authors: Iterable[str]) -> str:
    """The text without them: at its edges alone, where an article has neither quotes nor lists; never all of it."""
    lines = text.split("\n")
    named = frozenset(word for name in authors for word in dedup.words(name))
    key = title_key(title) if title else b""

    def foreign(line: str) -> bool:
        return _FURNITURE.fullmatch(line) is not None or (len(line) <= _BYLINE and _only_names_and_date(line, named))

    def below(line: str) -> bool:
        return foreign(line) or pointers.leads_to_nothing(line)

    start, end = 0, len(lines)
    for at, line in enumerate(lines[:_EDGE]):
        if start == at and (foreign(line) or (key and title_key(line) == key)):
            start = at + 1
    while end > max(start + 1, len(lines) - _EDGE) and below(lines[end - 1]):
        end -= 1
    return "\n".join(lines[start:end]) if start < end else text


def _only_names_and_date(line: str, named: frozenset[str]) -> bool:
    """The line says who wrote it, or when, and nothing else."""
    rest = _DATE.sub(" ", line, count=1)
    said = frozenset(dedup.words(rest))
    if not said:
        return rest != line
    return bool(said & named) and said <= named | _ROLES
