"""What newly arrived entries are judged against: read for all of them with a few statements, and written back with as
few."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, insert, select, update

from worker.dedup import Ref
from worker.model import EntryId, FeedId, PollDone, SeenEntry
from worker.store.database import tables as t
from worker.store.database.dialects import Many, is_sqlite
from worker.store.known.graves import dead_keys
from worker.store.known.keys import stored
from worker.store.known.names import give_numbers, numbers_given, origin
from worker.store.known.owners import give_up, has_left, is_a_strangers
from worker.store.known.refs import ref_by_id, refs_by_key, refs_saying

_ADD = insert(t.entry).returning(t.entry.c.id, sort_by_parameter_order=True)
_IS_LISTED = select(t.feed.c.active).where(t.feed.c.id == bindparam("feed"))
_SHARE = (
    select(t.entry.c.id)
    .where(t.entry.c.shared_key == bindparam("key"), t.entry.c.duplicate_of.is_(None), t.entry.c.revision > 0)
    .limit(1)
)
_LAST = select(func.max(t.entry.c.id))
_ADD_NUMBERED = Many(insert(t.entry))
_KNOW = Many(insert(t.identity))


class Shelf:
    """What the store knows that the entries of some polls may match, together with what these entries add.

    Additions are written to the database when something has to read them, and by `write` at the end.
    """

    def __init__(self, connection: Connection, polls: Sequence[PollDone]) -> None:
        self.connection = connection
        entries = [seen for done in polls for seen in done.entries]
        keys = {key for seen in entries for key in (seen.own, seen.url_key) if key}
        known = refs_by_key(connection, keys)
        more = {key for seen in entries if not _is_met(seen, known) for key in (*seen.look_up, *seen.alone)} - keys
        known |= refs_by_key(connection, more)
        self.known: dict[bytes, EntryId] = {key: ref.entry_id for key, ref in known.items()}
        """The entry known under each key, including those added here."""
        self.refs = {ref.entry_id: ref for ref in known.values()}
        self.dead = dead_keys(connection, (keys | more) - known.keys())
        met = self.known.keys() | self.dead
        names = {done.feed_id for done in polls if done.entries}
        origins = {seen.url: origin(seen.url) for seen in entries if seen.url}
        unmet = (origins[seen.url] for seen in entries if seen.url and met.isdisjoint(seen.look_up))
        self._numbers = numbers_given(connection, names.union(origins.values()))
        self._unnumbered = names.union(unmet) - self._numbers.keys()
        """Feed ids and origins of URLs that possibly new entries use, and that have no number yet."""
        self._listed: dict[FeedId, bool] = {}
        self._last: int | None = None
        """The id of the entry added last, where ids are assigned here (SQLite)."""
        self._rows: list[dict[str, object]] = []
        self._keys: list[dict[str, object]] = []

    def under(self, *keys: bytes | None) -> Ref | None:
        """The entry known under the first of these keys that is known at all."""
        return next((self.refs[self.known[key]] for key in keys if key in self.known), None)

    def saying(self, feed_id: FeedId, versions: Collection[bytes]) -> Collection[Ref]:
        """The entries of the feed of which it said one of these last, as far as they are among its newest."""
        if feed_id not in self._numbers:
            return ()
        self.write()
        found = refs_saying(self.connection, self._numbers[feed_id], versions)
        for ref in found:
            self.refs.setdefault(ref.entry_id, ref)
        return found

    def numbers(self, names: Collection[str]) -> Mapping[str, int]:
        """The numbers of (at least) these names. If one has none yet, every name that may still need one gets it now,
        in one go."""
        missing = names - self._numbers.keys()
        if missing:
            self._numbers |= give_numbers(self.connection, missing | self._unnumbered)
            self._unnumbered = set()
        return self._numbers

    def add(self, rows: Sequence[dict[str, object]]) -> Sequence[int]:
        """Adds new entries. Returns their ids. In SQLite, where nobody else writes, they are simply the next ones and
        need not be asked for."""
        if not is_sqlite(self.connection):
            return self.connection.scalars(_ADD, rows).all()
        if self._last is None:
            self._last = self.connection.scalar(_LAST) or 0
        ids = range(self._last + 1, self._last + 1 + len(rows))
        self._last += len(rows)
        self._rows += ({"id": entry_id, **row} for entry_id, row in zip(ids, rows, strict=True))
        return ids

    def know(self, ref: Ref, *keys: bytes | None) -> None:
        """Makes an entry just added known under those of the keys that no other entry has."""
        self.refs[ref.entry_id] = ref
        self._keys += ({"key": stored(key), "entry_id": ref.entry_id} for key in self._missing(ref, keys))

    def know_more(self, ref: Ref, *keys: bytes | None) -> None:
        """Like `know`, for an entry that already had keys."""
        rows = [{"key": stored(key), "entry_id": ref.entry_id, "extra": True} for key in self._missing(ref, keys)]
        _KNOW.execute(self.connection, rows)

    def _missing(self, ref: Ref, keys: Sequence[bytes | None]) -> list[bytes]:
        missing = [key for key in keys if key is not None and key not in self.known]
        self.known.update(dict.fromkeys(missing, ref.entry_id))
        return missing

    def yields(self, of: Ref, seen: SeenEntry, *, feed_urls: Sequence[str]) -> bool:
        """Whether `of` gives up the URL of `seen`, an entry of the feed at `feed_urls`. If so, no entry is known under
        that URL any more."""
        key = seen.url_key
        if key is None:
            return False
        connection, url = self.connection, seen.url
        if not has_left(of, url=url) and not is_a_strangers(connection, of, url=url, feed_urls=feed_urls):
            return False
        self.write()
        give_up(self.connection, of, key, is_its_own=of.url == seen.url)
        del self.known[key]
        return True

    def adopt(self, of: Ref, feed_id: FeedId, *, said: bytes) -> Ref:
        """`of`, which is made an entry of this feed (which shows its URL) if its own is no longer listed, as nobody
        else would tell of its changes. said: how this feed described it up to now."""
        if of.feed_id == feed_id or self._is_listed(of.feed_id):
            return of
        number = self.numbers({feed_id})[feed_id]
        self.connection.execute(update(t.entry).where(t.entry.c.id == of.entry_id).values(feed_no=number, version=said))
        self.refs[of.entry_id] = of._replace(feed_id=feed_id, version=said)
        return self.refs[of.entry_id]

    def hand_over(self, key: bytes, to: Ref) -> None:
        """Makes `to`, which was just added, known under a key of another entry: that of its URL."""
        self.write()
        mine = update(t.identity).where(t.identity.c.key == stored(key))
        self.connection.execute(mine.values(entry_id=to.entry_id, extra=False))
        self.known[key] = to.entry_id
        self.refs[to.entry_id] = to

    def is_anothers(self, of: Ref, feed_id: FeedId) -> bool:
        """Whether `of`, which this feed has shown, is an entry of another feed that is listed."""
        return of.feed_id != feed_id and self._is_listed(of.feed_id)

    def original(self, ref: Ref) -> Ref:
        """The entry that `ref` is a duplicate of, else `ref` itself."""
        if ref.duplicate_of is None:
            return ref
        return self.refs.get(ref.duplicate_of) or ref_by_id(self.connection, ref.duplicate_of)

    def is_list(self, url_key: bytes | None) -> bool:
        """Whether several articles have this URL, as a page has that lists many things: it tells none from another."""
        return url_key is not None and self.connection.scalar(_SHARE, {"key": stored(url_key)}) is not None

    def _is_listed(self, feed_id: FeedId) -> bool:
        if feed_id not in self._listed:
            self._listed[feed_id] = bool(self.connection.scalar(_IS_LISTED, {"feed": feed_id}))
        return self._listed[feed_id]

    def write(self) -> None:
        _ADD_NUMBERED.execute(self.connection, self._rows)
        _KNOW.execute(self.connection, self._keys)
        self._rows, self._keys = [], []


def _is_met(seen: SeenEntry, known: Mapping[bytes, Ref]) -> bool:
    """Whether its own key, its URL and its title all name the same entry. Then it is not looked for under the keys that
    tell entries with one guid apart: hardly any entry has one, and each costs a page of a large database."""
    ref = known.get(seen.own)
    return ref is not None and ref == known.get(seen.url_key or b"") and ref.title_key == seen.title_key


def keys_of(seen: SeenEntry) -> tuple[bytes, ...]:
    """All keys that the entry may be known under."""
    return (*seen.look_up, seen.own, *([seen.url_key] if seen.url_key else []))
