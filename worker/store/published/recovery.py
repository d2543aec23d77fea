"""Records of an output directory, written into a state that does not know them.

The state is new, or an older copy put in place of a lost one. All of this is one transaction: an interrupted recovery
has changed nothing, and the state is still one that a worker refuses to start with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from worker.errors import StateDamaged, StateError
from worker.model import Millis, Server, State
from worker.store.database import notes
from worker.store.database.holding import locked
from worker.store.database.integrity import check, reason
from worker.store.database.migrating import refuse_moved
from worker.store.database.opening import open_database
from worker.store.known.graves import note_dead
from worker.store.published import publications
from worker.store.published.learning import Learning, Written
from worker.store.published.publications import Publications, Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a state has taken over from an output directory."""

    records: int
    """How many records were read."""
    unknown: int
    """How many of them the state did not know."""


class Recovery:
    """A state, held by this process alone, into which an output directory is read. Use as a context manager.

    replace: if the state is damaged, rename it and begin a new one; otherwise StateDamaged is raised. shards: of the
    output. reshard: accept a state with records for another number of shards, until `learn` has run.
    """

    def __init__(self, state: State, *, replace: bool, shards: int = 1, reshard: bool = False) -> None:
        self._state, self._replace, self._shards, self._reshard = state, replace, shards, reshard
        self._held = ExitStack()
        self.put_aside: Path | None = None
        """Where the damaged state was moved to; None if it was not damaged."""

    def __enter__(self) -> Recovery:
        """Raises StateLocked, StateDamaged, StateError."""
        with ExitStack() as held:
            held.enter_context(locked(self._state))
            self._engine = self._open()
            held.callback(self._engine.dispose)
            self._held = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @property
    def reshards(self) -> bool:
        """Whether the state has records for another number of shards."""
        with self._begun() as connection:
            return publications.shards(connection) != self._shards

    def publications(self, last: tuple[str, int] | None, shard: int = 0) -> Publications:
        """See `Store.publications`."""
        with self._begun() as connection:
            return publications.against(connection, last, shard=shard)

    def learn(
        self,
        records: Iterable[Written],
        *,
        sealed: Mapping[int, Sequence[Sealed]],
        now: Millis,
        window_ms: int,
        expired: Iterable[bytes] = (),
    ) -> Learned:
        """Takes over all records of a directory, in their order; the state then publishes after `sealed`, the last
        segments of each shard. Texts are remembered for `window_ms` from `now` on, because there are no records of
        entries that were dropped as their duplicates, and feeds may still show those. expired: keys of articles whose
        records the directory no longer has; those unknown now will never come back."""
        with self._begun() as connection:
            learning = Learning(connection, now=now, window_ms=window_ms)
            for record in records:
                learning.take(record)
            learning.resolve()
            note_dead(connection, learning.published(expired))
            publications.follow_on(connection, sealed, shards=self._shards)
            notes.keep(connection, notes.RECOVERED, str(learning.records))
            return Learned(records=learning.records, unknown=learning.unknown)

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        """A transaction. Raises StateError; then nothing was changed."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise StateError(f"the state {self._state}: {reason(error)}") from error

    def _open(self) -> Engine:
        try:
            return self._whole()
        except StateDamaged:
            if not self._replace or isinstance(self._state, Server):
                raise
            self.put_aside = _put_aside(self._state.resolve())
            return self._whole()

    def _whole(self) -> Engine:
        engine = open_database(self._state, alone=True)
        try:
            if isinstance(self._state, Path):
                check(engine, self._state, every_row=True)
            refuse_moved(self._state, engine)
            with engine.begin() as connection:
                if not (self._reshard and publications.shards(connection)):
                    publications.name_writers(connection, self._shards)
        except StateError:
            engine.dispose()
            raise
        return engine


def _put_aside(path: Path) -> Path:
    """Renames all files of the database. Returns the new name of the main one. Raises StateError."""
    aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    try:
        for suffix in ("-wal", "-shm", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise StateError(f"can't put the damaged state {path} aside: {error.strerror}") from error
    return aside
