"""Cleans what is stated for a field: on one line, limited in length, each value once; None or () if nothing is left."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from worker import dedup, urls
from worker.articles import bylines, plain, pointers
from worker.model import Author

MAX_TITLE, MAX_NAME, MAX_SUMMARY, MAX_TAG = 1000, 200, 5000, 100  # characters
MAX_AUTHORS, MAX_TAGS = 20, 50

_AUTHOR_META = (
    *("author", "article:author", "article:author_name", "parsely-author", "sailthru.author", "citation_author"),
    *("dc.creator", "byl"),
)
_LATIN_WORD = re.compile(r"[^\s\u0e00-\uffff]+")
_SEPARATOR = re.compile(r"\s*[|｜·•–—»«/:*_-]\s*")
# At the end, or between separators that stand apart: "Title | Site | by Somebody", and no "anti-Site-law".
_WITH_SITE = (
    r"(?<=\S)(?:\s*[|｜·•–—»«/:*_-]\s*{0}$|(?:\s+[|｜·•–—»«/:*_-]\s+|[|｜]){0}(?:\s+[|·•–—»«/:*_-]\s|[|｜]).*$)"
)
_LAST_PART = re.compile(r"(.*\S)\s+[|｜·•–—»⋆-]\s+(\S.{1,60})")
_PARTED = re.compile(r"\s+[|｜·•–—»«:⋆-]\s+")
_LANGUAGE = re.compile(r"([a-zA-Z]{2,3})((?:-[a-zA-Z0-9]{2,8})*)")  # BCP 47 without its rarer forms
_TWICE = 40  # characters from which text does not repeat by chance
_TITLE = 15  # characters from which it is not a section's name
_AHEAD = re.compile(r"\s[|·•–—»-]\s+$")  # and no colon: what stands before one is of the title
# How WordPress files what nobody has filed, in the languages of most of its sites; and the keys of a tag in lists that
# serve machines as well: "Category: Moon", "WC: 1000-1999".
_UNFILED = frozenset(
    {
        *("uncategorized", "uncategorised", "unkategorisiert", "nicht kategorisiert", "non classé"),
        *("sin categoría", "sin categorizar", "senza categoria", "sem categoria", "geen categorie"),
        *("niet gecategoriseerd", "bez kategorii", "okategoriserade", "ikke kategoriseret", "ukategorisert"),
        *("luokittelematon", "nezařazené", "egyéb kategória", "fără categorie", "без рубрики", "без категорії"),
        *("χωρίς κατηγορία", "genel olmayan", "未分類", "未分类", "미분류", "غير مصنف", "ללא קטגוריה"),
        *("chưa phân loại", "tak berkategori"),
    }
)
_KEYED = re.compile(r"([A-Z][A-Za-z]*(?: [A-Z]?[A-Za-z]+){0,3}): ?(?:[^:]{2,40}:)?(\S.*)")
_FILED_UNDER = frozenset({"category", "subject", "topic", "tag", "theme", "keyword", "section", "person", "location"})
_FEWEST_KEYED = 2  # of a list's tags: one may have a colon of its own
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
# Words of the name of a file that is no picture of anything, and those that may stand beside them.
_STAND_IN = frozenset(
    {"logo", "logos", "icon", "favicon", "blank", "placeholder", "noimage", "noimg", "spacer", "dummy"}
)
_BESIDE = frozenset(
    {
        *("default", "fallback", "img", "image", "images", "picture", "photo", "fbico", "facebook", "twitter"),
        *("social", "share", "sharing", "ogp", "opengraph", "site", "web", "website", "header", "banner", "apple"),
        *("touch", "android", "chrome", "mstile", "large", "small", "square", "wide", "white", "black", "dark"),
        *("light", "color", "colour", "cropped", "thumb", "thumbnail", "not", "found", "missing", "standard"),
        *("new", "final", "csm", "scaled", "blog", "main", "brand", "meta", "preview", "card", "the", "www", "com"),
        *("org", "net"),
    }
)
_JOINED = re.compile(r",(?=[^\s\d])")
_OF_A_NAME = re.compile(r"[a-z]{3,}")
_SITE_PREFIX = re.compile(r"^(?:www|m|amp)\.")


def title(
    stated: str | None, *, site: str | None, shorter: Iterable[str | None], named: Iterable[str | None] = ()
) -> str | None:
    """A title as used in a shared link, without what is appended to it.

    That is the `site`'s name, together with what another separator adds behind it, or everything after (or before)
    another form of the title (its heading, its headline) and a separator. Measured on 96 + 347 corpus pages, near
    matches: .938 and .778 with what is appended, .948 and .839 without. named: other names of the site, which go
    at the end alone.
    """
    whole = plain.unescaped(stated, MAX_TITLE)
    if whole is None:
        return None
    for other in shorter:
        if other and whole.startswith(other) and _SEPARATOR.match(whole, len(other)):
            return other
        if other and len(other) >= _TITLE and whole.endswith(other) and _AHEAD.search(whole[: -len(other)]):
            return other
    # A pattern is made only for a name that is there: one for each page takes longer than all else here.
    there = site if site and _caseless(site) in _caseless(whole) else None
    if there and (found := re.search(_WITH_SITE.format(re.escape(there)), whole, re.IGNORECASE)):
        return whole[: found.start()].rstrip()
    parted = _LAST_PART.fullmatch(whole)
    return parted[1] if parted and bylines.is_site(parted[2], named) else whole


def titled(stated: str | None, headings: Iterable[str], *, named: Iterable[str | None]) -> str | None:
    """The heading that is the longest part of what is stated as title: weblogs have the site's name as the first."""
    longest = max(_PARTED.split(stated or ""), key=len)
    key = b"" if bylines.is_site(longest, named) else dedup.title_key(longest)
    return next((heading for heading in headings if key and dedup.title_key(heading) == key), None)


def _caseless(text: str) -> str:
    """Equal for all that `re.IGNORECASE` considers equal, including Turkish i's."""
    return text.replace("İ", "i").replace("ı", "i").casefold()


def authors(stated: Iterable[Author]) -> tuple[Author, ...]:
    """Each name once, ignoring case, in order."""
    chosen: dict[str, Author] = {}
    for author in stated:
        name = plain.unescaped(author.name, MAX_NAME)
        if name and len(chosen) < MAX_AUTHORS:
            chosen.setdefault(name.casefold(), Author(name=name, url=author.url))
    return tuple(chosen.values())


def meta_authors(meta: Mapping[str, tuple[str, ...]]) -> tuple[Author, ...]:
    """The authors in the first of these meta elements that gives any.

    Addresses of profiles are not names, nor are single words in a script with spaces ("admin", "Redaktion").
    """
    for key in _AUTHOR_META:
        names = [name.strip() for value in meta.get(key, ()) for name in value.split(";")]
        if found := authors(Author(name=n) for n in names if "://" not in n and not _LATIN_WORD.fullmatch(n)):
            return found
    return ()


def tags(stated: Iterable[str]) -> tuple[str, ...]:
    """Each once, ignoring case, in order; without those that mean "none" or serve only machines."""
    chosen: dict[str, str] = {}
    for tag in _unkeyed([tag for candidate in stated if (tag := plain.unescaped(candidate, MAX_TAG))]):
        if len(chosen) < MAX_TAGS and (key := tag.casefold()) not in _UNFILED and not _UUID.fullmatch(tag):
            chosen.setdefault(key, tag)
    return tuple(chosen.values())


def _unkeyed(found: Sequence[str]) -> Iterator[str]:
    """The values of keyed tags; if a list has several keys, only of those that classify an article."""
    keyed = [_KEYED.fullmatch(tag) if ":" in tag else None for tag in found]
    several = sum(match is not None for match in keyed) >= _FEWEST_KEYED
    for tag, match in zip(found, keyed, strict=True):
        if match is None or not several:
            yield tag
        elif match[1].casefold() in _FILED_UNDER:
            yield match[2]


def section(stated: str | None) -> str | None:
    """Only the first if several are joined without a space: "Beauty,Weddings"."""
    found = plain.line(stated, MAX_NAME)
    return _JOINED.split(found)[0].strip() or None if found else None


def picture(link: str | None, host: str) -> str | None:
    """The link of an image, unless its name is that of a placeholder: a logo or icon of the site, a blank."""
    if not link:
        return None
    low = link.casefold()
    if not any(word in low for word in _STAND_IN):
        return link
    name = low.partition("#")[0].partition("?")[0].rpartition("/")[2].rpartition(".")[0]
    words, own = _OF_A_NAME.findall(name), host.replace("-", "")
    is_stand_in = not _STAND_IN.isdisjoint(words)
    return None if is_stand_in and all(w in _STAND_IN or w in _BESIDE or w in own for w in words) else link


def summary(stated: str | None) -> str | None:
    """Without links to the rest of the article, and once if a line repeats itself."""
    if not stated:
        return None
    text, _ = pointers.without_end(stated)
    half = len(text) // 2
    if len(text) >= _TWICE and text[:half].rstrip() == text[half:].lstrip():
        text = text[:half].rstrip()
    return plain.cut(text, MAX_SUMMARY)


@functools.lru_cache(maxsize=8)  # all entries of a feed have the same few
def language(stated: str | None) -> str | None:
    """`en-GB` for `EN_gb` (the case that RFC 5646 section 2.1.1 recommends); None for what is not a language tag."""
    match = _LANGUAGE.fullmatch((stated or "").strip().replace("_", "-"))
    if match is None:
        return None
    subtags = (tag.upper() if len(tag) == 2 else tag.title() if len(tag) == 4 else tag for tag in match[2].split("-"))
    return match[1].lower() + "-".join(subtags)


def canonical_url(stated: str | None, url: str) -> str | None:
    """The canonical URL that the page states, if it can be that of the page at `url`: on the same site, and not a front
    page.

    Some sites point every page at their front page, and reprints point at the original.
    """
    try:
        if stated is None or urls.is_home(stated) or _site(stated) != _site(url):
            return None
        return urls.canonical(stated)
    except ValueError:
        return None


def _site(url: str) -> str:
    return _SITE_PREFIX.sub("", urls.host_of(url))
