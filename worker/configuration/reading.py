"""The configuration as a worker reads it: long lists that have changed are read in a separate process.

    long lists, unchanged? ─► from the cache (`kept`)
    short lists?           ─► parsed here
    otherwise              ─► parsed in a separate process, then cached, except for what may be secret

For a hundred thousand feeds, YAML's nodes and pydantic's models take 450 MB and six seconds of CPU; the feeds, 35 MB.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from worker.configuration import kept
from worker.cpu.pool import start_fork_server
from worker.errors import ConfigError, FeedmillError
from worker.model import Feed, FeedId
from worker.settings import Known, Settings, load

SHORT_BYTES = 1_000_000
"""Lists up to this size, all together, are parsed at the start by the process itself, and not cached: 20,000 URLs, half
a second."""
READ_S = 300.0
"""Time limit for reading a configuration: a hundred thousand feeds take 6 s of CPU."""
_HANDED_OVER = 2_000
"""Feeds that the reading process sends at once: unpickling a hundred thousand in one go would block the event loop for
0.4 s."""


def read(config: Path, *, preload: Sequence[str]) -> Settings:
    """The settings in the file, at the start of a worker. preload: as for the worker's `cpu.Pool`, because this may
    start the fork server of that.

    Raises ConfigError, and FeedmillError like `read_elsewhere`.
    """
    try:
        bare = load(config, os.environ, lists=False)
    except ConfigError:
        return load(config, os.environ)  # to report the mistakes in the lists, too
    lengths = {path: _length(path) for path in bare.files[1:]}
    if sum(lengths.values()) <= SHORT_BYTES:
        return load(config, os.environ)
    known = _known(bare)
    if sum(length for path, length in lengths.items() if path not in known) <= SHORT_BYTES:
        with suppress(ConfigError):  # conflicts between two lists are reported when both are parsed
            return load(config, os.environ, known=known)
    start_fork_server(preload)
    return read_elsewhere(config)


def look(config: Path) -> Settings:
    """The settings in the file, for a command. Lists that have not changed are taken from the worker's cache.

    Raises ConfigError.
    """
    with suppress(ConfigError):
        known = _known(load(config, os.environ, lists=False))
        return load(config, os.environ, known=known)
    return load(config, os.environ)


def _known(bare: Settings) -> Known:
    return kept.read(kept.beside(bare.state), bare.files[1:]) if isinstance(bare.state, Path) else {}


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def read_elsewhere(config: Path, *, before: Mapping[FeedId, Feed] | None = None) -> Settings:
    """The settings in the file, read in a separate process, so that this one only spends the time to receive the feeds,
    however long the lists are. Blocks.

    before: the feeds as they were; those that are equal are reused, so that there is only one object of each. Raises
    ConfigError; FeedmillError if the process died or took longer than `READ_S`.
    """
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(theirs, config, dict(os.environ)), daemon=True)
    child.start()
    theirs.close()
    until = time.monotonic() + READ_S
    try:
        found = _received(ours, until)
        if isinstance(found, ConfigError):
            raise found
        known = before or {}
        feeds: list[Feed] = []
        while piece := _received(ours, until):
            feeds += [was if (was := known.get(feed.id, feed)) == feed else feed for feed in piece]
    finally:
        child.kill()
        child.join()
        ours.close()
    return keep(found.model_copy(update={"feeds": tuple(feeds)}))


def keep(settings: Settings) -> Settings:
    """Returns the settings, and caches long lists if there is a place for that."""
    if isinstance(settings.state, Path) and sum(map(_length, settings.files[1:])) > SHORT_BYTES:
        feeds = iter(settings.feeds)
        kept.write(kept.beside(settings.state), [(of, list(islice(feeds, of.feeds))) for of in settings.listed])
    return settings


def _received(pipe: Connection, until: float) -> Any:
    if not pipe.poll(max(0.0, until - time.monotonic())):
        raise FeedmillError(f"the configuration could not be read in {READ_S:g} s")
    try:
        return pipe.recv()
    except EOFError:
        raise FeedmillError("the configuration could not be read: the process that read it died") from None


def _send(pipe: Connection, config: Path, environ: Mapping[str, str]) -> None:
    """Runs in the separate process: sends the settings without the feeds, then the feeds in pieces; or the
    ConfigError."""
    try:
        settings = load(config, environ)
    except ConfigError as error:
        pipe.send(error)
        return
    pipe.send(settings.model_copy(update={"feeds": ()}))
    feeds = iter(settings.feeds)
    while piece := list(islice(feeds, _HANDED_OVER)):
        pipe.send(piece)
    pipe.send([])
