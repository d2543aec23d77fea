"""Feeds that were damaged at random: `parse` raises nothing, and what comes out is within its bounds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feeds.bounds import assert_sound
from worker.feeds import discover, parse
from worker.model import Millis
from worker.urls import canonical

NOW = Millis(1_795_392_000_000)  # 2026-11-23T00:00:00Z
RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel><title>T &amp; é</title>
<link>https://example.org/</link><language>de-at</language><ttl>60</ttl><sy:updatePeriod>daily</sy:updatePeriod>
<sy:updateFrequency>2</sy:updateFrequency><skipHours><hour>3</hour></skipHours><skipDays><day>Sunday</day></skipDays>
<item><guid isPermaLink="false">1</guid><title><![CDATA[A <b>title</b>]]></title><link>/1</link>
<description>&lt;p&gt;One &#8211; two&lt;/p&gt;</description><content:encoded><![CDATA[<p>Long</p>]]></content:encoded>
<pubDate>Fri, 17 May 2024 10:00:00 +0200</pubDate><dc:creator>N. N.</dc:creator><category>x</category>
<enclosure url="https://example.org/1.mp3" type="audio/mpeg" length="123"/><itunes:duration>1:02:03</itunes:duration>
<media:thumbnail url="https://example.org/1.jpg" width="10"/></item>
<item><guid>https://example.org/2</guid><author>a@example.org (A)</author><dc:date>2024-05-17</dc:date></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en" xml:base="https://example.org/"><title>T</title>
<link href="/"/><author><name>A</name><uri>/a</uri></author><entry xml:lang="fr"><id>tag:1</id>
<title type="html">a &lt;b&gt;</title><link href="1"/><link rel="enclosure" href="1.ogg" type="audio/ogg" length="9"/>
<updated>2024-05-17T10:00:00.123Z</updated><published>2024-05-17</published><category term="x" label="y"/>
<summary>plain</summary><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>x</p></div></content>
<source><id>s</id><title>S</title></source></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://example.org/"><title>t</title>
<link>https://example.org/</link><items><rdf:Seq><rdf:li resource="https://example.org/1"/></rdf:Seq></items></channel>
<item rdf:about="https://example.org/1"><title>a</title><link>https://example.org/1</link><dc:subject>x</dc:subject>
<dc:date>2024-05-17T10:00+02:00</dc:date></item></rdf:RDF>"""
JSON = """{"version": "https://jsonfeed.org/version/1.1", "title": "T", "home_page_url": "https://example.org/",
"language": "en", "authors": [{"name": "A", "url": "/a"}], "items": [{"id": 1.5, "url": "/1", "title": "\\ud83d\\ude00",
"content_html": "<p>x</p>", "summary": "s", "image": "i.png", "date_published": "2024-05-17T10:00:00Z", "tags": ["x"],
"attachments": [{"url": "1.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 1e3, "duration_in_seconds": 61}]},
{"id": "2", "external_url": "https://example.com/", "content_text": "a\\n\\nb", "author": {"name": "B"}}]}"""
HTML = """<!doctype html><html><head><base href="/b/"><meta charset="utf-8"><title>t</title>
<link rel="alternate" type="application/rss+xml" title="Feed &amp; é" href="feed"></head><body>
<a href="https://example.org/comments/feed/" type="application/atom+xml">Comments</a><a href="?feed=rss2"><b>RSS</b></a>
</body></html>"""
MARKUP = [
    b"<", b">", b"&", b'"', b"'", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<?", b"<!DOCTYPE x [<!ENTITY e 'f'>]>",
    b"&e;", b"\0", b"\xff", b"\xed\xa0\x80", b"<item>", b"</item>", b"<entry/>", b"<link/>", b"<authors/>",
    b"<links><link>x</link></links>", b"xml:base='//['", b"\xef\xbb\xbf", b"\xff\xfe", b"null", b"[[", b"{}",
    b" " * 50, b" xmlns:x='y' ", b"<x:y/>", b" type='html' ", b" rel='alternate' ", b"\r\n", b"\x85",
]  # fmt: skip
VALUES = [
    b"\x1b[31m\xc2\x9b1m\x7f", b"&#27;&#155;&#x9b;", b"&#0;&#xD800;&#99999999;", b"\\u001b\\u009b\\u0000", b"\\ud800",
    b"javascript:", b"http://[", b"https://\xc3\xbc.example:99999/", b"9" * 30, b"-1e999", b"NaN", b"9999-01-01",
    b"0000-00-00", b"x" * 5000, b"\xe2\x80\xae",
]  # fmt: skip
_TAG = re.compile(rb"</?[\w:]+")
_VALUE = re.compile(rb"(?<=[>\"])[^<>\"\n]+(?=[<\"])")


@st.composite
def damaged(draw: st.DrawFn, document: str) -> bytes:
    """`document` after one to six blows."""
    body = document.encode()
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(body)))
        blow = draw(st.sampled_from(["flip", "splice", "stuff", "stuff", "stuff", "cut", "drop", "repeat", "swap"]))
        if blow == "flip":
            body = body[:at] + bytes([draw(st.integers(0, 255))]) + body[at + 1 :]
        elif blow == "splice":
            body = body[:at] + draw(st.sampled_from(MARKUP)) + body[at:]
        elif blow == "stuff" and (values := list(_VALUE.finditer(body))):
            value = draw(st.sampled_from(values))
            start, end = draw(st.sampled_from([value.span(), (value.start(),) * 2, (value.end(),) * 2]))
            body = body[:start] + draw(st.sampled_from(VALUES)) + body[end:]
        elif blow == "cut":
            body = body[:at]
        elif blow == "swap" and len(tags := list(_TAG.finditer(body))) > 1:
            one, other = sorted((draw(st.sampled_from(tags)), draw(st.sampled_from(tags))), key=lambda tag: tag.start())
            if one.end() <= other.start():
                between = body[one.end() : other.start()]
                body = body[: one.start()] + other[0] + between + one[0] + body[other.end() :]
        else:
            end = at + draw(st.integers(0, 200))
            body = body[:end] + body[at:] if blow == "repeat" else body[:at] + body[end:]
    return body


@pytest.mark.parametrize("document", [RSS, ATOM, RDF, JSON], ids=["rss", "atom", "rdf", "json"])
@settings(derandomize=True)
@given(data=st.data())
def test_damaged_feeds(document: str, data: st.DataObject) -> None:
    """Whatever was done to it; and the same again, with what was found known."""
    body = data.draw(damaged(document))
    content_type = data.draw(st.sampled_from([None, "text/xml; charset=iso-8859-1", "application/feed+json"]))
    known = frozenset[bytes]()
    for _ in range(2):
        outcome = parse(body, url="https://example.org/f", content_type=content_type, known=known, now=NOW)
        assert_sound(outcome, now=NOW)
        known = frozenset(getattr(outcome, "elements", ())[1:])


@settings(derandomize=True)
@given(page=damaged(HTML))
def test_damaged_pages(page: bytes) -> None:
    """What is found is an address, once, with a clean title."""
    found = discover(page, url="https://example.org/", content_type=None)
    assert len({canonical(feed.url) for feed in found}) == len(found) <= 20
    for feed in found:
        assert feed.url.startswith(("http://", "https://"))
        for text in (feed.url, feed.title or "", feed.type or ""):
            assert text.isprintable() or not re.search("[\0-\x1f\x7f-\x9f\ud800-\udfff]", text)
