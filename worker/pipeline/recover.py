"""recover(output directory): gives a state the knowledge of what was written.

A record has nearly everything the state knew of its article: id (its first key), revision, title, text, and so the
hashes of these. It does not have the exact words of the feed, so every entry still in its feed is read once more; nor
the entries dropped as duplicates, which are recognised again by URL and text. Of records removed from the directory by
age there are keys (`removal_keys`), so that these articles, and corrections of them, don't come back as long as the
keys are kept. The keys of takedowns are read by every state when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import orjson

from worker import dedup, urls
from worker.errors import OutputError, StateDamaged
from worker.model import AGENCY, Article, Author, Credit, Entry, FeedId, Millis, Sketch, State
from worker.output import (
    FileLine,
    date_of,
    expired_keys,
    last_segment,
    last_segments,
    make_shards,
    read_records,
    shards_in,
)
from worker.pipeline.pairing import lacking, pairing
from worker.record import Record, instant
from worker.store import REMEMBERED, Learned, Recovery, Sealed, Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """The result of a recovery."""

    learned: Learned | None
    """None: state and directory matched, so there was nothing to read back."""
    put_aside: Path | None
    """Where the damaged state was moved to, if it was damaged."""


def recover(
    directory: Path, state: State, *, now: Millis, window_ms: int, shards: int = 1, new_output: bool = False
) -> Recovered:
    """Brings a new, damaged or older state up to date with its output directory, which has so many shards.

    new_output: continue even in a directory that lacks what the state has published, or has another number of shards.
    Raises OutputError if it lacks something and `new_output` is not set, or if it can't be read; StateLocked,
    StateError. Then nothing was changed.
    """
    make_shards(directory, shards)
    folders = [directory / name for name in shards_in(directory)]
    lasts = {shard: last for shard, folder in enumerate(folders) if (last := last_segment(folder)) is not None}
    try:
        with Recovery(state, replace=bool(new_output or lasts), shards=shards, reshard=new_output) as recovery:
            if not recovery.reshards and _are_together(recovery, folders, lasts, new_output=new_output):
                return Recovered(learned=None, put_aside=recovery.put_aside)
            learned = recovery.learn(
                (written(record) for record in read_records(directory)) if lasts else (),
                sealed={shard: _sealed(folders[shard]) for shard in lasts},
                now=now,
                window_ms=window_ms,
                expired=(key for folder in folders for key in expired_keys(folder)),
            )
            return Recovered(learned=learned, put_aside=recovery.put_aside)
    except StateDamaged as error:
        if lasts or new_output:
            raise
        raise OutputError(
            f"the state {state} is damaged ({error.problem}), and {directory} has no records to read back: set "
            "output.dir right; `feedmill recover --new-output` begins anew"
        ) from error


def _are_together(
    recovery: Recovery, folders: Sequence[Path], lasts: Mapping[int, FileLine], *, new_output: bool
) -> bool:
    """Whether the state knows everything each shard has, and vice versa. Raises OutputError if a shard lacks something
    and `new_output` is not set."""
    found = []
    for shard, folder in enumerate(folders):
        last = lasts.get(shard)
        ours = recovery.publications(None if last is None else (last.writer, last.last_seq), shard)
        found.append(pairing(folder, ours))
        if found[-1] == "lacking" and not new_output:
            raise lacking(folder, ours)
    return set(found) == {"together"}


def written(record: Record) -> Written:
    """What the state has to know of a record. Raises OutputError if feedmill did not write it."""
    try:
        return _written(record)
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(f"a record can't be read back: {record.get('id')}: {error!r}") from error


def removal_keys(record: Record, with_text: bool) -> tuple[bytes, ...]:
    """The keys by which an article is recognised after its record is gone; `with_text`: including its text, which also
    stops copies.

    The key of its URL is included only if its page was read, because several entries of a feed may link to a page that
    belongs to none of them. Empty if feedmill did not write the record.
    """
    try:
        known = _written(record)
    except (KeyError, TypeError, ValueError):
        return ()
    by_url = () if known.url_key is None else (known.url_key,)
    by_page = (*by_url, *known.page_keys) if known.extraction == "ok" else ()
    by_text = (known.text_key,) if with_text and known.text_key is not None else ()
    return (known.record_id, *by_page, *by_text)


def _written(record: Record) -> Written:
    ingest = record["_ingest"]
    text, title = record["content_text"], record.get("title")
    published = record.get("date_published")
    feed_id = FeedId(ingest["feed_id"])
    entry = dedup.identity(Entry(guid=ingest["entry_id"], url=ingest["entry_url"], title=title), feed_id=feed_id)
    article = Article(
        extraction=ingest["extraction"],
        title=title,
        text=text,
        authors=tuple(Author(name=author["name"]) for author in record["authors"]),
        published=None if published is None else instant(published),
    )
    key_of = dedup.revision_key if ingest["revision"] <= dedup.DATED_REVISIONS else dedup.undated_key
    text_key, revision_key = dedup.text_key(text), key_of(article)
    if ingest["removed_lines"]:  # the text before that is known only by its hash
        authors = [author.name for author in article.authors]
        revision_key = dedup.hashed_key(title, ingest["content_hash"], authors, article.published)
        text_key = text_key and dedup.key_of_hash(ingest["content_hash"])
    page = record.get("url"), ingest["final_url"] if ingest["extraction"] == "ok" else None
    url, ended_at = (each and urls.canonical(each) for each in page)
    return Written(
        record_id=bytes.fromhex(record["id"]),
        feed_id=feed_id,
        op=ingest["op"],
        revision=ingest["revision"],
        duplicate_of=bytes.fromhex(exact) if (exact := _exact(record)) else None,
        url=entry.url,
        url_key=entry.url_key,
        page_keys=dedup.page_keys((url, ended_at), link=entry.url, ended_at=ended_at),
        title_key=dedup.title_key(title),
        text_key=text_key,
        revision_key=revision_key,
        removed_lines=ingest["removed_lines"],
        extraction=ingest["extraction"],
        first_seen_at=instant(ingest["first_seen_at"]),
        written_at=instant(ingest["ingested_at"]),
        **_story(record),
    )


def _exact(record: Record) -> str | None:
    """The id of the record that it is an exact duplicate of; None otherwise."""
    ingest = record["_ingest"]
    return None if ingest["duplicate_kind"] == "near" else ingest["duplicate_of"]


class _Story(TypedDict):
    sketch: Sketch | None
    cluster_id: bytes | None
    copy_of: bytes | None
    credit: Credit | None
    body: bytes


def _story(record: Record) -> _Story:
    """By what copies of the article are recognised, and whether it waits for its original. Records of a worker that did
    not look for near-duplicates have no cluster."""
    ingest = record["_ingest"]
    cluster_id, copy_of, original = ingest["cluster_id"], ingest["duplicate_of"], ingest["original"]
    waits = original is not None and copy_of is None and ingest["sources"].get("original") != AGENCY
    return _Story(
        sketch=None if cluster_id is None else dedup.sketch(record["content_text"]),
        cluster_id=None if cluster_id is None else bytes.fromhex(cluster_id),
        copy_of=bytes.fromhex(copy_of) if copy_of and ingest["duplicate_kind"] == "near" else None,
        credit=Credit(name=original["name"], url=original["url"]) if original and waits else None,
        body=orjson.dumps(record) if waits else b"",
    )


def _sealed(folder: Path) -> list[Sealed]:
    """The directory's last segments, as many as a state remembers."""
    return [
        Sealed(
            path=line.path,
            sha256=line.sha256,
            writer=line.writer,
            date=date_of(line.path),
            sealed_at=Millis(instant(line.sealed_at) + 999),  # recorded only to the second
            first_seq=line.first_seq,
            last_seq=line.last_seq,
        )
        for line in last_segments(folder, REMEMBERED)
    ]
