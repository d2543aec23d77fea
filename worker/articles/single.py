"""One page → a record, for callers without a feed."""

from __future__ import annotations

import time
from typing import get_args

from worker import urls
from worker.articles import compose, from_page
from worker.dedup import content_hash, fingerprint, sketch, url_key
from worker.model import Effort, Millis
from worker.record import Record, rfc3339


def extract(html: bytes | str, url: str, *, content_type: str | None = None, effort: Effort = "normal") -> Record:
    """See `worker.articles.extract`."""
    if effort not in get_args(Effort):
        raise ValueError(f"effort is one of {', '.join(get_args(Effort))}, not {effort!r}")
    return record(html, url, content_type=content_type, effort=effort, at=Millis(time.time_ns() // 1_000_000))


def record(html: bytes | str, url: str, *, content_type: str | None, at: Millis, effort: Effort = "normal") -> Record:
    """`extract` with the clock as an argument, so that the same page gives the same record."""
    if isinstance(html, str):
        body, content_type = html.encode("utf-8", "replace"), "text/html; charset=utf-8"
    else:
        body = html
    article = from_page(body, url=url, content_type=content_type, entry=None, effort=effort)
    address = article.canonical_url or urls.canonical_if_any(url)
    sketched = sketch(article.text)
    made = compose(
        article,
        record_id=url_key(address or url).hex(),
        url=address,
        entry=None,
        feed=None,
        feed_title=None,
        first_seen_at=at,
        fetched_at=None,
        final_url=None,
        http_status=None,
        content_hash=content_hash(article.text),
        fingerprint=None if sketched is None else fingerprint(sketched),
    )
    made["_ingest"]["seq"] = 1  # required by the schema in every record, like the time
    made["_ingest"]["ingested_at"] = rfc3339(at)
    return made
