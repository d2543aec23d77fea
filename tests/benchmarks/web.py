"""A web on loopback for the benchmarks: feeds and pages as files, served by nginx.

The documents are the corpus' where it is there, each copy with links of its own; else they are made up. Hosts are
addresses of 127.0.0.0/8. nginx answers conditional requests by itself, and costs less than what is measured.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from html import escape
from pathlib import Path

from tests.corpus import CORPUS, feeds

HOSTS = 100
_LINK = re.compile(rb"((?:<link>|<guid[^>]*>|<id>|<link [^>]*?href=[\"'])\s*(?:<!\[CDATA\[)?https?://[^/<\"'\s]+)")
_ENTRY = re.compile(rb"<(item|entry)[\s>].*?</\1>", re.DOTALL)
_ID = re.compile(rb"(<(?:guid|id)(?:\s[^>]*)?>(?:<!\[CDATA\[)?[^<\]]+)((?:\]\]>)?</(?:guid|id)>)")
_WORDS = [a + b + c for a in ("ka", "lo", "mi", "ru", "se", "to") for b in ("n", "r", "l", "st", "m") for c in "aeio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """What is served."""

    folder: Path
    feeds: tuple[str, ...]
    """Their URLs."""
    pages: tuple[Path, ...] = ()


def nginx() -> str | None:
    """Where nginx is; None where it is not installed (Debian: nginx-light)."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def real_feeds(folder: Path, count: int, port: int) -> Web:
    """`count` feeds without pages to fetch: the corpus' XML documents in turn, each with links of its own."""
    documents = [document for document in feeds().values() if _ENTRY.search(document)]
    documents = documents or [made_feed(number, 30, port) for number in range(60)]
    urls = []
    for number in range(count):
        copy = _LINK.sub(rb"\1/copy%d" % number, documents[number % len(documents)])
        urls.append(_written(folder, number, copy, port))
    return Web(folder=folder, feeds=tuple(urls))


def made_feeds(folder: Path, count: int, entries: int, port: int) -> Web:
    """`count` made-up feeds of `entries` each, with the posts' text in them."""
    urls = [_written(folder, number, made_feed(number, entries, port), port) for number in range(count)]
    return Web(folder=folder, feeds=tuple(urls))


def with_pages(folder: Path, count: int, port: int, *, a_feed: int = 10, corpus: bool = True) -> Web:
    """`count` pages, the corpus' or made up, and feeds that link to `a_feed` of them each."""
    (folder / "pages").mkdir(parents=True, exist_ok=True)
    files = sorted((CORPUS / "pages").glob("*.gz"))[:count] if corpus else []
    documents = [gzip.decompress(file.read_bytes()) for file in files]
    documents += [made_page(number) for number in range(count - len(documents))]
    pages = []
    for number, document in enumerate(documents):
        pages.append(folder / "pages" / f"{number}.html")
        pages[-1].write_bytes(document)
    urls = []
    for number, first in enumerate(range(0, count, a_feed)):
        items = "".join(
            f"<item><title>Page {page}</title><link>http://{host(number)}:{port}/pages/{page}.html</link></item>"
            for page in range(first, min(first + a_feed, count))
        )
        urls.append(_written(folder, number, _rss(number, items), port))
    return Web(folder=folder, feeds=tuple(urls), pages=tuple(pages))


def add_entries(web: Web) -> None:
    """One more entry in each feed, before the others; the document's date moves on, as nginx tells versions by it."""
    for number, url in enumerate(web.feeds):
        path = web.folder / url.rpartition("/")[2]
        document = path.read_bytes()
        entry = _ENTRY.search(document)
        assert entry is not None
        new = re.sub(rb"(?<=/copy)\d+", rb"\g<0>-new", entry[0])
        new = new if new != entry[0] else re.sub(rb"(?<=/post/)\d+-\d+", rb"\g<0>-new", new)
        if new == entry[0]:  # its links are of a form that `_LINK` does not know
            new = re.sub(rb"://", b"://new%d." % number, new)
        new = _ID.sub(rb"\1-new\2", new)  # there are ids that are no links
        path.write_bytes(document[: entry.start()] + new + document[entry.start() :])
        os.utime(path, (time.time(), path.stat().st_mtime + 60))


def made_feed(number: int, entries: int, port: int) -> bytes:
    """An RSS document with `entries` posts in full, some 200 words each."""
    chance = random.Random(number)
    items = "".join(
        f"<item><title>{escape(prose(chance, 6))}</title>"
        f"<link>http://{host(number)}:{port}/post/{number}-{entry}</link>"
        f"<guid>http://{host(number)}:{port}/post/{number}-{entry}</guid>"
        f"<pubDate>{formatdate(1_790_000_000 - 3600 * entry)}</pubDate>"
        f"<description>{escape('<p>' + prose(chance, 100) + '</p><p>' + prose(chance, 100) + '</p>')}</description>"
        "</item>"
        for entry in range(entries)
    )
    return _rss(number, items)


def made_page(number: int) -> bytes:
    """A page of an article with some 500 words, and what stands around such."""
    chance = random.Random(-number - 1)
    body = "".join(f"<p>{prose(chance, 70)}</p>" for _ in range(7))
    menu = "".join(f"<li><a href=/s/{n}>{prose(chance, 2)}</a></li>" for n in range(60))
    return (
        f"<!doctype html><html lang=en><head><title>{prose(chance, 6)}</title></head><body><nav><ul>{menu}</ul></nav>"
        f"<main><article><h1>{prose(chance, 6)}</h1>{body}</article><aside><ul>{menu}</ul></aside></main>"
        f"<footer><p>{prose(chance, 20)}</p></footer></body></html>"
    ).encode()


def host(number: int) -> str:
    return f"127.0.1.{number % HOSTS + 1}"


@contextlib.contextmanager
def served(folder: Path, port: int) -> Iterator[None]:
    """nginx on `port` of every host's address, until the block ends."""
    program = nginx()
    assert program is not None, "nginx is not installed (Debian: nginx-light)"
    listen = "".join(f"listen {host(number)}:{port};" for number in range(HOSTS))
    configuration = folder.parent / "nginx.conf"
    configuration.write_text(
        f"daemon off; master_process off; worker_processes 1; pid {folder.parent}/nginx.pid; error_log stderr error;"
        "events { worker_connections 1024; } http { access_log off; types { text/html html; application/xml xml; }"
        f"client_body_temp_path {folder.parent}/a; proxy_temp_path {folder.parent}/b; fastcgi_temp_path "
        f"{folder.parent}/c; uwsgi_temp_path {folder.parent}/d; scgi_temp_path {folder.parent}/e;"
        f"server {{ {listen} root {folder}; keepalive_timeout 65; }} }}"
    )
    process = subprocess.Popen([program, "-c", configuration, "-p", folder.parent])
    try:
        _wait_for(host(0), port)
        yield
    finally:
        process.terminate()
        process.wait(10)


def free_port(hosts: Sequence[str] = ("127.0.1.1",)) -> int:
    with socket.socket() as probe:
        probe.bind((hosts[0], 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError("nginx does not answer")


def _written(folder: Path, number: int, document: bytes, port: int) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number}.xml").write_bytes(document)
    return f"http://{host(number)}:{port}/{number}.xml"


def _rss(number: int, items: str) -> bytes:
    return f'<rss version="2.0"><channel><title>Feed {number}</title>{items}</channel></rss>'.encode()


def prose(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words)).capitalize()
