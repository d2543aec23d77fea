"""charset.py: which of the charsets stated is the page's."""

from __future__ import annotations

import codecs

import pytest

from tests.cost import within
from worker.articles import charset

GERMAN = "Die Brücke über den Fluß wird größer als geplant, sagt die Behörde für Straßenbau."
FRENCH = "La société a décidé de créer une filière à l’étranger : « un succès », d’après le résumé de la réunion."
POLISH = "Zażółć gęślą jaźń. Rząd ogłosił wczoraj nowe zasady wspierania małych przedsiębiorstw."
RUSSIAN = "Правительство объявило о новых мерах поддержки малого бизнеса в северных регионах страны."
JAPANESE = "政府は本日、新しい経済対策を発表しました。詳細については来週の会議で説明される予定です。"
CHINESE = "政府今天宣布了新的经济措施。更多细节将在下周的会议上公布,届时各部门负责人将出席。"
KOREAN = "정부는 오늘 새로운 경제 대책을 발표했습니다. 자세한 내용은 다음 주 회의에서 설명할 예정입니다."


def page(text: str, label: str | None = None) -> str:
    meta = f'<meta charset="{label}">' if label else ""
    return f"<html><head>{meta}<title>t</title></head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("text", "codec", "meta", "http"),
    [
        pytest.param(GERMAN, "utf-8", None, None, id="UTF-8 that nobody states"),
        pytest.param(GERMAN, "cp1252", "iso-8859-1", None, id="latin-1 in meta means windows-1252"),
        pytest.param("“quoted” – 5 €", "cp1252", "iso-8859-1", None, id="its quotes and euro are beyond latin-1"),
        pytest.param(GERMAN, "cp1252", "us-ascii", None, id="so does ASCII"),
        pytest.param(POLISH, "iso8859-2", None, "text/html; charset=ISO-8859-2", id="HTTP alone"),
        pytest.param(POLISH, "cp1250", "utf-8", 'text/html; charset="windows-1250"', id="HTTP before meta"),
        pytest.param(RUSSIAN, "koi8-r", "koi8-r", None, id="KOI8-R"),
        pytest.param(JAPANESE, "cp932", "Shift_JIS", None, id="Shift_JIS means its Windows superset"),
        pytest.param(JAPANESE, "euc_jp", "x-euc-jp", None, id="a label that Python does not know"),
        pytest.param(JAPANESE, "iso2022_jp", "iso-2022-jp", None, id="a charset that hides in ASCII bytes"),
        pytest.param("朱镕基 " + CHINESE, "gb18030", "gb2312", None, id="characters beyond the GB 2312 that is stated"),
        pytest.param(KOREAN, "cp949", "euc-kr", None, id="EUC-KR"),
        pytest.param(GERMAN, "utf-8", "iso-8859-1", "text/html; charset=iso-8859-1", id="UTF-8 that is called latin-1"),
        pytest.param(CHINESE, "utf-8", None, "text/html; charset=gbk", id="UTF-8 that is called GBK"),
        pytest.param(GERMAN * 3, "cp1252", "utf-8", "text/html; charset=utf-8", id="windows-1252 that is called UTF-8"),
        pytest.param(RUSSIAN * 3, "cp1251", None, None, id="Cyrillic that nobody states"),
        pytest.param(JAPANESE * 3, "euc_jp", "utf-8", None, id="Japanese that is called UTF-8"),
        pytest.param(POLISH, "iso8859-2", "iso-8859-2", "text/html; charset=rot13", id="a label that means nothing"),
        pytest.param(GERMAN, "utf-8", "x-unheard-of", "text/html; charset=\x00", id="labels that nobody knows"),
        pytest.param(GERMAN, "utf-16-le", None, "text/html; charset=utf-16", id="UTF-16 by HTTP, without a mark"),
        pytest.param(GERMAN, "utf-8", "utf-16", "text/html; charset=utf-16", id="UTF-16 that could not have been read"),
        pytest.param("plain", "ascii", None, None, id="ASCII"),
    ],
)
def test_the_text_is_read_as_it_was_written(text: str, codec: str, meta: str | None, http: str | None) -> None:
    """Whatever is stated, rightly or wrongly, the article's characters come out as they were."""
    assert f"<p>{text}</p>" in charset.decode(page(text, meta).encode(codec), http)


@pytest.mark.parametrize(
    ("mark", "codec"),
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")],
)
def test_a_byte_order_mark_leads(mark: bytes, codec: str) -> None:
    """A byte order mark outranks HTTP and meta, and is not part of the text."""
    decoded = charset.decode(mark + page(JAPANESE, "euc-kr").encode(codec), "text/html; charset=koi8-r")
    assert decoded == page(JAPANESE, "euc-kr")


def test_an_xml_declaration_counts_as_meta() -> None:
    """XHTML states its charset in the XML declaration."""
    body = f'<?xml version="1.0" encoding="windows-1251"?>{page(RUSSIAN)}'.encode("cp1251")
    assert RUSSIAN in charset.decode(body, "application/xhtml+xml")


def test_http_equiv_states_the_charset() -> None:
    """The older form of meta is read as well."""
    head = '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-2">'
    assert POLISH in charset.decode((head + POLISH).encode("iso8859-2"), None)


def test_a_few_broken_bytes_do_not_unmake_utf_8() -> None:
    """UTF-8 with a character cut in two stays UTF-8; the piece is U+FFFD."""
    body = (GERMAN * 3 + "Ü").encode()[:-1]
    assert charset.decode(body, "text/html; charset=utf-8") == GERMAN * 3 + "\ufffd"


def test_text_without_a_likeliest_charset_is_windows_1252() -> None:
    """What nothing can be guessed from is read as browsers would."""
    assert charset.decode((GERMAN * 3).encode("cp1252"), None) == GERMAN * 3
    assert charset.decode(FRENCH.encode("cp1252"), None) == FRENCH
    assert charset.decode(b"caf\xe9", None) == "café"


@pytest.mark.parametrize(
    ("language", "text", "codec"),
    [
        ("pl", POLISH, "cp1250"),
        ("TR-tr", "Hükümet bugün küçük işletmeler için yeni destek önlemleri açıkladı, şirketler memnun.", "cp1254"),
        ("lt", "Vyriausybė šiandien paskelbė naujas priemones smulkioms įmonėms remti visoje šalyje žiemą.", "cp1257"),
        ("de", GERMAN, "cp1252"),
    ],
)
def test_the_language_tells_latin_charsets_apart(language: str, text: str, codec: str) -> None:
    """Where no charset is stated; their letters stand in each other's places."""
    html = f'<html class="x" lang="{language}"><body>{text * 3}</body></html>'
    assert charset.decode(html.encode(codec), None) == html


def test_a_late_meta_counts() -> None:
    """Some pages state their charset behind scripts and titles, far below where browsers look."""
    html = f'<html><head><script>{"x" * 50_000}</script><meta charset="windows-1250"></head>{POLISH}'
    assert charset.decode(html.encode("cp1250"), None) == html
    assert charset.decode(b"<meta " * 100_000 + b"\xe9", None).endswith("é"), "in linear time"


def test_control_characters_are_dropped() -> None:
    """NUL and other controls that no parser wants are gone; line breaks and tabs stay."""
    assert charset.decode(b"a\x00b\x08c\x1b\td\r\n\xef\xbf\xbf", None) == "abc\td\r\n"


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        pytest.param(" UTF8 ", "utf-8", id="white space and case"),
        pytest.param("latin1", "cp1252", id="an alias of latin-1"),
        pytest.param("gb_2312-80", "gb18030", id="an old name"),
        pytest.param("tis-620", "cp874", id="Thai"),
        pytest.param("unicode_escape", None, id="a codec of Python's own"),
        pytest.param("utf-7", None, id="a charset that browsers refuse"),
        pytest.param("hex", None, id="no charset at all"),
        pytest.param("x" * 10_000, None, id="a flood"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_labels_mean_what_they_mean_on_the_web(label: str, codec: str | None) -> None:
    """Labels are those of the Encoding standard; codecs that are none of the web's are not to be had by name."""
    assert charset.codec(label) == codec


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b"\xe9", f"text/html; charset={' ' * 90_000};", id="in HTTP"),
        pytest.param(b"<meta charset=" + b" " * 60_000 + b";>\xe9", None, id="in the page"),
    ],
)
def test_space_where_a_charset_should_be_costs_nothing(body: bytes, content_type: str | None) -> None:
    """Looked for from each space on, it took half a minute; the page is read as if none was stated."""
    with within(1.0):
        assert charset.decode(body, content_type).endswith("é")
