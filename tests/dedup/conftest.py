"""A feed's memory, in a dictionary: what the store does with keys and judgements, in thirty lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from worker import urls
from worker.dedup import Duplicate, Known, New, Ref, has_guid, identity, place, title_key, version_key
from worker.model import Entry, EntryId, FeedId, SeenEntry


@dataclass
class Memory:
    """Remembers entries by key, as the store does."""

    known: dict[bytes, Ref] = field(default_factory=dict)

    def poll(
        self, *entries: Entry, feed: str = "feed", site: str | None = None, also: Sequence[Entry] = ()
    ) -> list[str]:
        """What a document of `entries` comes to, a word an entry: new, known, duplicate.

        `also`: entries that stand in the document too, but were known by their element and taken out before.
        """
        document = [*entries, *also]
        guids = Counter(entry.guid for entry in document if entry.guid)
        links = Counter(urls.canonical(entry.url) for entry in document if entry.url)
        return [
            self._met(
                entry,
                FeedId(feed),
                frozenset(guid for guid, times in guids.items() if times > 1),
                frozenset(url for url, times in links.items() if times > 1),
                site,
            )
            for entry in entries
        ]

    def _met(self, entry: Entry, feed: FeedId, guids: frozenset[str], links: frozenset[str], site: str | None) -> str:
        found = identity(entry, feed_id=feed, repeated_guids=guids, repeated_urls=links, site_url=site)
        seen = SeenEntry(
            look_up=found.look_up,
            own=found.own,
            alone=found.alone,
            has_guid=has_guid(entry),
            url_key=found.url_key,
            title_key=title_key(entry.title),
            version=version_key(entry),
            url=found.url,
            page=None,
            host="",
            entry=b"",
        )
        by_key = next((self.known[key] for key in seen.look_up if key in self.known), None)
        by_url = self.known.get(seen.url_key) if seen.url_key else None
        alone = next((self.known[key] for key in seen.alone if key in self.known), None)
        match place(seen, feed_id=feed, by_key=by_key, by_url=by_url, alone=alone):
            case Known(ref):
                self.known.setdefault(seen.own, ref)
                return "known"
            case New(claims_url):
                ref = Ref(
                    entry_id=EntryId(len(self.known) + 1),
                    feed_id=feed,
                    title_key=seen.title_key,
                    revision=0,
                    revision_key=b"",
                    text_mark=None,
                    duplicate_of=None,
                    version=seen.version,
                    url=seen.url,
                )
                self.known[seen.own] = ref
                if claims_url and seen.url_key:
                    self.known[seen.url_key] = ref
                return "new"
            case Duplicate(of):
                self.known[seen.own] = of
                return "duplicate"


@pytest.fixture
def memory() -> Memory:
    return Memory()


Poll = Callable[..., list[str]]


@pytest.fixture
def poll(memory: Memory) -> Poll:
    """Polls a document of entries; gives a word an entry: new, known or duplicate."""
    return memory.poll
