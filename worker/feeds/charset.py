"""The bytes of a feed as text.

Decoded once, here, so that lxml and feedparser see the same characters: lxml uses only the XML declaration, feedparser
RFC 3023, which takes `text/xml` without a charset for ASCII. RFC 7303 section 3 has the order byte order mark, charset
of the response, XML declaration. Here UTF-8 is tried before the two declarations: text in another charset is seldom
valid UTF-8 by chance, while servers often declare a charset that nobody checked.
"""

from __future__ import annotations

import codecs
import contextlib
import re

_BYTE_ORDER_MARKS = (  # UTF-32's first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARKS = tuple(mark for mark, _ in _BYTE_ORDER_MARKS)
_IN_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_IN_DECLARATION = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)")
# What the labels mean on the web (WHATWG Encoding Standard, section 4.2): supersets, by the names of Python's codecs.
_SUPERSETS = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs",
}  # fmt: skip
# Python's own codecs under names that a feed could give; none is a charset of the web, and some are quadratic.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7"})


def as_utf8(body: bytes, content_type: str | None) -> bytes:
    """`decoded`, encoded again; the same object if it already is UTF-8, as most feeds are."""
    is_plain = not body.startswith(_MARKS) and b"\0" not in body[:4] and b"\x1b" not in body
    if is_plain and (body.isascii() or _is_utf8(body)):
        return body
    return decoded(body, content_type).encode("utf-8", "ignore")


def decoded(body: bytes, content_type: str | None) -> str:
    """`body` as text, without byte order mark; what can't be decoded becomes U+FFFD."""
    for mark, codec in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    if body[1:2] == b"\0" and body[3:4] == b"\0":
        return body.decode("utf-16-le", "replace")
    if body[:1] == b"\0" and body[2:3] == b"\0":
        return body.decode("utf-16-be", "replace")
    declared = _declared(body, content_type)
    if body.isascii() and b"\x1b" in body:  # ISO-2022: other scripts by escape sequences, in bytes that are all ASCII
        declared = [codec for codec in declared if codec.startswith("iso2022")] + ["utf-8"]
    else:
        with contextlib.suppress(UnicodeDecodeError):
            return body.decode()
        text = body.decode("utf-8", "replace")
        # A feed that was cut off, or one stray byte in it, is UTF-8 all the same: the other charsets would be wrong
        # for every letter of it.
        damaged = text.count("\ufffd")
        if damaged * 4 <= len(text) - len(text.encode("ascii", "ignore")):
            return text
    for codec in declared:
        try:
            return body.decode(codec)
        except UnicodeDecodeError:
            continue
    return body.decode("cp1252", "replace")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _declared(body: bytes, content_type: str | None) -> list[str]:
    labels = []
    if content_type and (match := _IN_HEADER.search(content_type)):
        labels.append(match[1])
    if in_declaration := _IN_DECLARATION.match(body[:400]):
        labels.append(in_declaration[1].decode("ascii", "replace"))
    return [codec for label in labels if (codec := _codec(label)) is not None]


def _codec(label: str) -> str | None:
    try:
        "".encode(label)  # LookupError too for those that are no text encodings, such as zlib
        name = codecs.lookup(label).name
    except (LookupError, UnicodeError, ValueError):
        return None
    return None if name in _NO_CHARSETS else _SUPERSETS.get(name, name)
