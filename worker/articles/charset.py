"""Bytes of a page → text.

The order is the HTML standard's (https://html.spec.whatwg.org/#determining-the-character-encoding): byte order mark,
HTTP, `<meta>`. It is not followed if the bytes contradict it: text with characters beyond ASCII is not valid UTF-8 by
chance, whatever a server's default says; and a charset in which the bytes can't be decoded gives way to the next.
"""

from __future__ import annotations

import codecs
import re

import charset_normalizer

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# What a label means on the web (https://encoding.spec.whatwg.org/#names-and-labels), by the name of the codec that
# Python finds for it. Labels of codecs that are not here (rot13, utf-7, unicode_escape) mean nothing.
_SUPERSET = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "shift_jisx0213": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "utf-16": "utf-16-le",
    "cp936": "gb18030",
}
_AS_NAMED = frozenset(
    {
        *("utf-8", "utf-16-le", "utf-16-be", "gb18030", "big5hkscs", "euc_jp", "iso2022_jp", "koi8-r", "koi8-u"),
        *("mac-roman", "mac-cyrillic", "cp866", "cp874", "cp932", "cp949", "cp950"),
        *(f"cp125{n}" for n in range(9)),
        *(f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
    }
)
_ALIASES = {  # labels of the standard that Python does not know
    "unicode-1-1-utf-8": "utf-8",
    "x-sjis": "cp932",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "gb_2312": "gb18030",
    "gb_2312-80": "gb18030",
    "x-x-big5": "big5hkscs",
    "windows-949": "cp949",
    "windows-874": "cp874",
    "dos-874": "cp874",
    "x-mac-roman": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
}
_HTTP = re.compile(r"charset\s*=[\s\"']*([^\s\"';]+)", re.IGNORECASE)  # a run of spaces is matched in one way only
_META = re.compile(rb"<(?:meta\s[^<>]*?charset|\?xml\s[^<>]*?encoding)\s*=[\s\"']*([\w.:-]+)", re.IGNORECASE)
_META_WITHIN = 65_536  # bytes; the standard says 1024, but 2 of 13 corpus pages state theirs later, at 2,045 and 58,128
_SAMPLE = 16_384  # bytes to guess from
_ENOUGH = 20  # of them beyond ASCII: one accented letter reads in any charset
_GUESSES = [
    *("cp932", "euc_jp", "gb18030", "big5hkscs", "cp949", "koi8_r", "cp1251", "cp1253", "cp1255", "cp1256"),
    *("cp1252", "cp1250", "cp1254", "cp1257"),
]
# A guess can't tell these from each other (it takes French for Central European): the page's language can, as the
# user's does in browsers (https://encoding.spec.whatwg.org, and the HTML standard's table of default encodings).
_LATIN = frozenset({"cp1252", "cp1250", "cp1254", "cp1257"})
_LATIN_OF = {
    **dict.fromkeys(("bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl", "sq"), "cp1250"),
    **dict.fromkeys(("az", "tr"), "cp1254"),
    **dict.fromkeys(("et", "lt", "lv"), "cp1257"),
}
_LANGUAGE = re.compile(rb"<html\s[^<>]*?\blang\s*=\s*[\"']?([a-z]{2})\b", re.IGNORECASE)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\ufffe\uffff]")
_CONTROL_BYTES = bytes(code for code in range(0x20) if _CONTROLS.match(chr(code)))


def decode(body: bytes, content_type: str | None) -> str:
    """The text of a page; bytes that can't be decoded become U+FFFD, control characters are dropped."""
    text = _decoded(body, content_type)
    # No charset makes a control character of bytes without one; to search the text for them takes 2 ms of a large page.
    is_clean = len(body.translate(None, _CONTROL_BYTES)) == len(body) and "\ufffe" not in text and "\uffff" not in text
    return text if is_clean else _CONTROLS.sub("", text)


def codec(label: str) -> str | None:
    """The Python codec for what a label means on the web; None for unknown labels."""
    label = label.strip().lower()
    if label in _ALIASES:
        return _ALIASES[label]
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):  # ValueError: a NUL in the label
        return None
    name = _SUPERSET.get(name, name)
    return name if name in _AS_NAMED else None


def _decoded(body: bytes, content_type: str | None) -> str:
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    stated = _stated(body, content_type)
    if stated and stated[0].startswith("utf-16") and b"\0" in body:
        return body.decode(stated[0], "replace")
    if body.isascii():
        # The charsets that hide other characters in ASCII bytes are to be believed, the others make no difference.
        return body.decode("iso2022_jp" if "iso2022_jp" in stated else "ascii", "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for name in (*stated, "utf-8"):
        text = body.decode(name, "replace")
        if _reads(text):
            return text
    return body.decode(_guess(body), "replace")


def _stated(body: bytes, content_type: str | None) -> list[str]:
    """The codecs that HTTP and the page name, in that order."""
    found: list[str] = []
    if http := _HTTP.search(content_type or ""):
        found.append(codec(http[1]) or "")
    if meta := _META.search(body[:_META_WITHIN]):
        name = codec(meta[1].decode("ascii")) or ""
        # What could be read as ASCII up to here is no UTF-16 (the standard, "prescan").
        found.append("utf-8" if name.startswith("utf-16") else name)
    return [name for name in found if name]


def _reads(text: str) -> bool:
    """Whether at most a tenth of the characters beyond ASCII could not be decoded."""
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    return text.count("\ufffd") * 10 <= beyond


def _guess(body: bytes) -> str:
    """The charset that gives the most plausible text; windows-1252 if none stands out, or there is too little text."""
    start = next(_BEYOND_ASCII.finditer(body)).start()
    sample = body[max(0, start - 200) : start + _SAMPLE]
    if len(_BEYOND_ASCII.findall(sample)) < _ENOUGH:
        return "cp1252"
    best = charset_normalizer.from_bytes(sample, cp_isolation=_GUESSES).best()
    if best is not None and best.encoding not in _LATIN:
        return best.encoding
    language = _LANGUAGE.search(body[:_META_WITHIN])
    return _LATIN_OF.get(language[1].decode().lower(), "cp1252") if language else "cp1252"
