"""records."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.naming import UnknownFeed, has_tag, near
from worker.cli.options import DEFAULT_CONFIG, ConfigFile, OutputFolder, output_dir
from worker.cli.printing import print_no_more
from worker.configuration.reading import look
from worker.errors import ConfigError
from worker.output import CONSUMERS, Line, commit, committed, cursor, is_output, read_lines
from worker.output.disk import files
from worker.record import Record

STOPS = (signal.SIGINT, signal.SIGTERM)


class OpName(StrEnum):
    """worker.model.Op as an enum, which typer needs."""

    new = "new"
    update = "update"
    delete = "delete"
    duplicate = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which records to print. An empty field matches all."""

    feeds: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    """Of the feed; those below them match, too."""
    ops: frozenset[str] = frozenset()
    id: str | None = None

    def __call__(self, record: Record) -> bool:
        ingest = record["_ingest"]
        return (
            (not self.feeds or ingest["feed_id"] in self.feeds)
            and (not self.tags or any(has_tag(ingest["feed_tags"], tag) for tag in self.tags))
            and (not self.ops or ingest["op"] in self.ops)
            and (self.id is None or record["id"] == self.id)
        )


def records(
    folder: OutputFolder = None,
    since: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Start after the record with this cursor.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for more records, until Ctrl-C or SIGTERM.")] = False,
    feeds: Annotated[list[str] | None, typer.Option("--feed", metavar="ID", help="Only of this feed.")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="T", help="Only of feeds with this tag, or one below it.")
    ] = None,
    ops: Annotated[list[OpName] | None, typer.Option("--op", help="Only with this op.")] = None,
    after: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only ingested on this day (UTC) or later.")
    ] = None,
    history: Annotated[str | None, typer.Option(metavar="ID", help="Only the revisions of this article.")] = None,
    with_cursor: Annotated[
        bool, typer.Option("--with-cursor", help="Put the record's cursor and a tab before each line.")
    ] = False,
    consumer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Start after what this consumer has committed.")
    ] = None,
    consumers: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where cursors of consumers are kept; by default consumers/ in DIR."),
    ] = None,
    commit_cursor: Annotated[
        str | None, typer.Option("--commit", metavar="CURSOR", help="Print nothing; save this cursor for --consumer.")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Prints the records of the output directory as JSON lines, each once, in order.

    A filter may be repeated to match any of its values; different filters must all match. A consumer that commits the
    cursor of each record it has processed gets every record at least once, whatever interrupts it.

    Example: feedmill records out --follow --with-cursor --consumer index
    """
    root = files.at(folder) if folder else output_dir(config)
    kept = consumers or root / CONSUMERS
    if commit_cursor is not None and consumer is None:
        raise typer.BadParameter("--commit needs --consumer NAME")
    if since is not None and consumer is not None:
        raise typer.BadParameter("--since and --consumer exclude each other")
    _expect_known(feeds or (), root, config)
    where = Where(feeds=frozenset(feeds or ()), tags=frozenset(tags or ()), ops=frozenset(ops or ()), id=history)
    try:
        if consumer is not None and commit_cursor is not None:
            read_lines(root, commit_cursor)  # refuses a cursor of another directory
            commit(kept, consumer, commit_cursor)
            return
        begin = committed(kept, consumer) if consumer is not None else since
        lines = read_lines(root, begin, follow, after=None if after is None else after.date().isoformat())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    _print(lines, where, with_cursor=with_cursor)


def _expect_known(feeds: Sequence[str], root: Path, config: Path) -> None:
    """Raises UnknownFeed for a feed that is not listed and has no record. Does nothing if the lists can't be read."""
    try:
        listed = {feed.id for feed in look(config).feeds} if feeds else set()
    except ConfigError:
        return
    unknown: set[str] = set(feeds) - listed
    for line in read_lines(root) if unknown and is_output(root) else ():
        unknown.discard(line.record["_ingest"]["feed_id"])
        if not unknown:
            return
    if unknown:
        name = min(unknown)
        raise UnknownFeed(f"no feed {name!r} is listed, nor has {root} a record of it{near(name, sorted(listed))}")


def _print(lines: Iterator[Line], where: Where, *, with_cursor: bool) -> None:
    """Prints until there are no more lines, nobody reads them any more, or a signal comes."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for line in lines:
            if where(line.record):
                prefix = f"{cursor(line.record)}\t".encode() if with_cursor else b""
                with _undisturbed():
                    sys.stdout.buffer.write(prefix + line.raw)
                    sys.stdout.buffer.flush()
    except BrokenPipeError:
        print_no_more()
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Holds back signals that would end the process, so that no line is cut."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
