"""worker.yaml and the feed lists it names → `Settings`."""

from __future__ import annotations

import dataclasses
import gc
import glob
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from pydantic import ValidationError

from worker.errors import ConfigError, Problem
from worker.model import Feed, FeedList, ObjectPath, State
from worker.settings import opml, places
from worker.settings.feeds import feeds_of
from worker.settings.problems import problems_of
from worker.settings.schema import WorkerFile
from worker.settings.settings import Settings
from worker.settings.yaml_file import Loc, YamlFile, content, of_nodes, parsed


@contextmanager
def _uncollected() -> Iterator[None]:
    """Turns garbage collection off: each run goes through everything read so far, which took 5 of 13 s for 40,000
    feeds."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_INIT = "feedmill init writes one"
Known: TypeAlias = "Mapping[Path, tuple[FeedList, Sequence[Feed]]]"
"""Lists whose feeds are known without reading the file."""


@_uncollected()
def load(
    path: Path,
    environ: Mapping[str, str],
    *,
    instead: Mapping[Path, bytes] | None = None,
    lists: bool = True,
    known: Known | None = None,
    blank: bool = False,
) -> Settings:
    """The settings in the file at `path`, with the feeds of every list it names.

    instead: contents for files, used instead of what is in them now. lists: False skips the feed lists. known: lists
    that need not be read because their feeds are known. blank: accept a list that says nothing, because feeds are going
    to be added to it.

    Raises ConfigError with all problems of all files, sorted by file, line and column.
    """
    new, known = instead or {}, known or {}
    file, _ = _read(path, environ, new)
    if isinstance(file, Problem):
        above = path.parent.parent / path.name
        raise ConfigError(
            [_hinted(file, f"--config {above} names the one that is there" if above.is_file() else _INIT)]
        )
    problems = list(file.problems)
    settings = WorkerFile()
    try:
        settings = WorkerFile.model_validate(file.value)
    except ValidationError as error:
        problems += problems_of(error, file, WorkerFile)
    paths = _list_paths(path, file)
    unread = {place: named_at for place, named_at in paths.items() if lists and place not in known}
    files, missing = _lists(unread, file, environ, new)
    beside = [feed for _, feeds in known.values() for feed in feeds] if files else []
    feeds, wrong = feeds_of((found for found, _ in files.values()), beside=beside, blank=blank)
    problems += [*missing, *wrong]
    if problems:
        raise ConfigError(sorted(set(problems)))
    read = {
        place: (_listed(place, data, found.varies, theirs), theirs)
        for (place, (found, data)), theirs in zip(files.items(), feeds, strict=True)
    }
    listed = [known.get(place) or read[place] for place in paths] if lists else []
    return Settings(
        state=_placed(settings.state, path),
        bus=settings.bus,
        output=settings.output.model_copy(update={"dir": _beside(path.parent, settings.output.dir)}),
        fetch=settings.fetch,
        schedule=settings.schedule,
        extract=settings.extract,
        dedup=settings.dedup,
        web=settings.web,
        alerts=settings.alerts,
        telemetry=settings.telemetry,
        log=settings.log,
        feeds=tuple(feed for _, feeds in listed for feed in feeds),
        listed=tuple(of for of, _ in listed),
        files=(path, *paths),
        is_blank=file.value is None,
        has_lists=lists,
        lists=settings.feeds,
    )


def _lists(
    paths: Mapping[Path, Loc], file: YamlFile, environ: Mapping[str, str], instead: Mapping[Path, bytes]
) -> tuple[dict[Path, tuple[YamlFile, bytes]], list[Problem]]:
    """The feed lists at these paths that could be read, with their bytes; and the problems of the others, reported
    where `file` names them."""
    lists: dict[Path, tuple[YamlFile, bytes]] = {}
    problems: list[Problem] = []
    for path, named_at in paths.items():
        found, data = _read(path, environ, instead)
        if isinstance(found, YamlFile):
            lists[path] = found, data
        elif named_at and not found.line:
            hint = "URLs go into a feed list" if "://" in file.text(named_at) else ""
            problems.append(file.problem(named_at, f"{found.message}: {file.shown(named_at)}", hint=hint))
        else:
            problems.append(_hinted(found))
    return lists, problems


def state_at(text: str, *, beside: Path) -> State | None:
    """The state that a URL names in a worker.yaml at `beside`; None if it does not name one."""
    found = places.state(text)
    return _placed(found, beside) if found is not None else None


def _placed(state: State, beside: Path) -> State:
    return (beside.parent / state).resolve() if isinstance(state, Path) else state


def stamps(settings: Settings, also: Iterable[Path] = ()) -> Mapping[Path, tuple[int, int, int] | None]:
    """What shows whether a file of the configuration has been saved since: for the files that were read, those its
    globs match now, and `also`. None: the file does not exist."""
    config = settings.files[0]
    paths = {found for name in settings.lists for found, _ in _matches(config, name, ())}
    return {path: _stamp(path) for path in {*paths, *settings.files, *also}}


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _read(path: Path, environ: Mapping[str, str], instead: Mapping[Path, bytes]) -> tuple[YamlFile | Problem, bytes]:
    """The file, and its bytes."""
    data = instead[path] if path in instead else content(path)
    if isinstance(data, Problem):
        return data, b""
    if not opml.is_opml(path.name):
        return parsed(str(path), data, environ), data
    root = opml.nodes(data, name=str(path))
    return root if isinstance(root, Problem) else of_nodes(str(path), root, None), data


def _listed(path: Path, data: bytes, varies: bool, feeds: Sequence[Feed]) -> FeedList:
    return FeedList(
        path=path,
        digest=hashlib.sha256(data).hexdigest(),
        feeds=len(feeds),
        lasting=not (varies or any(feed.headers for feed in feeds)),
    )


def is_unchanged(listed: FeedList) -> bool:
    """Whether the file still has the bytes that were read."""
    try:
        with listed.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == listed.digest
    except OSError:
        return False


def _list_paths(path: Path, file: YamlFile) -> dict[Path, Loc]:
    """The feed lists of the worker.yaml at `path`, without repetitions, each with the place that names it (`()` if none
    does).

    Taken from the raw values, so that mistakes in the lists are reported together with mistakes in worker.yaml.
    """
    values = {} if file.value is None else file.value
    if not isinstance(values, dict):
        return {}
    if "feeds" not in values:
        return {path.parent / "feeds.yaml": ()}
    names = values["feeds"] if isinstance(values["feeds"], list) else []
    paths: dict[Path, tuple[Path, Loc]] = {}
    for index, name in enumerate(names):
        for found, loc in _matches(path, name, ("feeds", index)) if isinstance(name, str) else ():
            paths.setdefault(found.resolve(), (found, loc))
    return dict(paths.values())


def _matches(path: Path, name: str, loc: Loc) -> list[tuple[Path, Loc]]:
    """The files that `name` matches; hidden ones, such as an editor's, only if it says so."""
    if glob.has_magic(name):
        found = sorted(glob.glob(name, root_dir=path.parent, recursive=True))  # noqa: PTH207  # Path.glob takes hidden files
        files = [path.parent / match for match in found if (path.parent / match).is_file()]
        files = [match for match in files if not match.samefile(path)]
        if files:
            return [(match, ()) for match in files]
    return [(path.parent / name, loc)]


def _hinted(problem: Problem, missing: str = _INIT) -> Problem:
    """missing: what helps where there is no such file."""
    if problem.message == "no such file":
        return dataclasses.replace(problem, hint=missing)
    is_folder = not problem.line and Path(problem.file).is_dir()
    return dataclasses.replace(problem, hint="name the file in it") if is_folder else problem


def _beside(folder: Path, place: Path) -> Path:
    return place if isinstance(place, ObjectPath) else (folder / place).resolve()
