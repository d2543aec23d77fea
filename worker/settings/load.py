"""worker.yaml and the feed lists that it names → `Settings`."""

from __future__ import annotations

import dataclasses
import gc
import glob
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from worker.errors import ConfigError, Problem
from worker.model import ObjectPath, State
from worker.settings import opml, values
from worker.settings.feeds import feeds_of
from worker.settings.problems import problems_of
from worker.settings.schema import Settings, WorkerFile
from worker.settings.yaml_file import Loc, YamlFile, content, of_nodes, parsed


@contextmanager
def _uncollected() -> Iterator[None]:
    """No look for garbage: each goes through all that was read so far, and takes 5 of 13 s of 40,000 feeds."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_uncollected()
def load(
    path: Path, environ: Mapping[str, str], *, instead: Mapping[Path, bytes] | None = None, lists: bool = True
) -> Settings:
    """The settings in the file at `path`, and the feeds of every list that it names.

    instead: contents that are not in the files yet. lists: False leaves the feed lists alone.

    Raises ConfigError with all problems of all files, in the order of files, lines and columns.
    """
    new = instead or {}
    file = _read(path, environ, new)
    if isinstance(file, Problem):
        raise ConfigError([_hinted(file)])
    problems = list(file.problems)
    settings = WorkerFile()
    try:
        settings = WorkerFile.model_validate(file.value)
    except ValidationError as error:
        problems += problems_of(error, file, WorkerFile)
    files: list[YamlFile] = []
    paths = _list_paths(path, file) if lists else {}
    for list_path, named_at in paths.items():
        found = _read(list_path, environ, new)
        if isinstance(found, YamlFile):
            files.append(found)
        elif named_at and not found.line:
            hint = "URLs go into a feed list" if "://" in file.text(named_at) else ""
            problems.append(file.problem(named_at, f"{found.message}: {file.shown(named_at)}", hint=hint))
        else:
            problems.append(_hinted(found))
    feeds, wrong = feeds_of(files)
    problems += wrong
    if problems:
        raise ConfigError(sorted(set(problems)))
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
        feeds=feeds,
        files=(path, *paths),
        has_lists=lists,
        lists=settings.feeds,
    )


def state_at(text: str, *, beside: Path) -> State | None:
    """The state that a URL names, as worker.yaml at `beside` would mean it; None: it names none."""
    found = values.state(text)
    return _placed(found, beside) if found is not None else None


def _placed(state: State, beside: Path) -> State:
    return (beside.parent / state).resolve() if isinstance(state, Path) else state


def stamps(settings: Settings, also: Iterable[Path] = ()) -> Mapping[Path, tuple[int, int, int] | None]:
    """What tells whether a file of the configuration was saved since: those that were read, those that its globs find
    now, and others. None: it is not there."""
    config = settings.files[0]
    paths = {found for name in settings.lists for found, _ in _matches(config, name, ())}
    return {path: _stamp(path) for path in {*paths, *settings.files, *also}}


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _read(path: Path, environ: Mapping[str, str], instead: Mapping[Path, bytes]) -> YamlFile | Problem:
    data = instead[path] if path in instead else content(path)
    if isinstance(data, Problem):
        return data
    if not opml.is_opml(path.name):
        return parsed(str(path), data, environ)
    root = opml.nodes(data, name=str(path))
    return root if isinstance(root, Problem) else of_nodes(str(path), root, None)


def _list_paths(path: Path, file: YamlFile) -> dict[Path, Loc]:
    """The feed lists of the worker.yaml at `path`, each once, with the place that names it; `()` where none does.

    Taken from the bare values, so that what is wrong with the lists is told together with what is wrong here.
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
    """The files that `name` stands for; hidden ones, such as an editor's, only where it says so."""
    if glob.has_magic(name):
        found = sorted(glob.glob(name, root_dir=path.parent, recursive=True))  # noqa: PTH207  # Path.glob takes hidden files
        files = [path.parent / match for match in found if (path.parent / match).is_file()]
        files = [match for match in files if not match.samefile(path)]
        if files:
            return [(match, ()) for match in files]
    return [(path.parent / name, loc)]


def _hinted(problem: Problem) -> Problem:
    missing = problem.message == "no such file"
    return dataclasses.replace(problem, hint="feedmill init writes one") if missing else problem


def _beside(folder: Path, place: Path) -> Path:
    return place if isinstance(place, ObjectPath) else (folder / place).resolve()
