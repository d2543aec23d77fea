"""The configuration as a worker reads it: lists that are long and have changed in a process of its own.

    as long as ever, and unchanged? ─► from what is `kept` of them
    short? ─► here                     else ─► elsewhere ─► kept, but for what may be secret

YAML's nodes and pydantic's models of a hundred thousand feeds take 450 MB and six seconds of CPU, the feeds 35 MB.
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
"""Lists that are no longer, all together, are read at the start by the process itself, and not kept: 20,000 URLs, half
a second."""
READ_S = 300.0
"""For reading a configuration: a hundred thousand feeds take 6 s of CPU."""
_HANDED_OVER = 2_000
"""Feeds that come from the reading process at once: to unpickle a hundred thousand would hold the loop for 0.4 s."""


def read(config: Path, *, preload: Sequence[str]) -> Settings:
    """The settings in the file, at the start of a worker. preload: as of the worker's `cpu.Pool`, whose fork server may
    be started by this.

    Raises ConfigError; FeedmillError as `read_elsewhere`.
    """
    try:
        bare = load(config, os.environ, lists=False)
    except ConfigError:
        return load(config, os.environ)  # to tell of the lists, too
    lengths = {path: _length(path) for path in bare.files[1:]}
    if sum(lengths.values()) <= SHORT_BYTES:
        return load(config, os.environ)
    known = _known(bare)
    if sum(length for path, length in lengths.items() if path not in known) <= SHORT_BYTES:
        with suppress(ConfigError):  # what is wrong between two lists is told where both are read
            return load(config, os.environ, known=known)
    start_fork_server(preload)
    return read_elsewhere(config)


def look(config: Path) -> Settings:
    """The settings in the file, for a command: of lists that have not changed, what a worker has kept serves it, too.

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
    """The settings in the file, read in a process of its own: it takes this one no time but what the feeds take to come
    over, however long the lists are. Blocks.

    before: feeds as they were. One that is the same is given as that, so that there are no two of it.

    Raises ConfigError; FeedmillError where the process died, or took longer than `READ_S`.
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
    """The settings, of which long lists are kept where there is a place for them."""
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
    """In the process of its own: the settings without the feeds, then those in pieces; or what is wrong."""
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
