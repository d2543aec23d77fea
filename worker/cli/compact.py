"""compact."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import assert_never

import typer

from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from worker.cli.printing import print_json, print_line, print_note
from worker.errors import OutputError, OutputLocked
from worker.output import Delete, Drop, Merge, Step, is_expiry, locked, shards_in
from worker.output.disk import files
from worker.settings import Settings, load
from worker.wiring import app, outputs
from worker.words import counted


def compact(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Merges the files of each day that is over into one, and removes what is older than output.keep.

    Follows output.compact. The merged files are deleted by a later run, after a period of grace for their readers. A
    running worker does all this by itself; while there is one, this exits with 2.

    Example: feedmill compact
    """
    settings = load(config, os.environ)
    if not files.exists(settings.output.dir):
        raise OutputError(f"there is no output directory at {settings.output.dir} yet")
    try:
        done: list[str] = []
        failed: list[str] = []
        for name in shards_in(settings.output.dir):
            with locked(settings.output.dir / name):
                _work(settings, name, done, failed, quiet=as_json)
    except OutputLocked as error:
        print_note(
            f"{error.path} is being written by {error.holder}, which compacts it by itself",
        )
        raise typer.Exit(2) from None
    if as_json:
        print_json({"ok": not failed, "done": done, "failed": failed})
    elif not done and not failed:
        print_line("Nothing to do.")
    if failed:
        raise typer.Exit(1)


def _work(settings: Settings, shard: str, done: list[str], failed: list[str], *, quiet: bool) -> None:
    """Appends to `done` and `failed`: a damaged day does not stop the others."""
    root = settings.output.dir / shard
    directory, archive = outputs.output_directory(settings, root), outputs.archive_of(settings, root)
    keeping = outputs.keeping(settings)
    pages_are_due = True
    for step in directory.due(keeping, now=app.now()):
        try:
            directory.carry_out(step, now=app.now())
        except OutputError as error:
            pages_are_due &= not is_expiry(step)  # pages go after the records that point to them
            failed.append(str(error))
            if not quiet:
                print_note(str(error))
        else:
            done.append(_said(step, f"{shard}/" if shard else ""))
            if not quiet:
                print_line(done[-1])
    past = archive.expire(now=app.now(), keep_ms=keeping.keep_ms) if archive and pages_are_due else 0
    if past:
        done.append(f"{counted(past, 'file')} of the archive removed: past output.keep")
        if not quiet:
            print_line(done[-1])


def _said(step: Step, within: str) -> str:
    match step:
        case Merge():
            return f"{within}{step.path}: made of {counted(len(step.sources), 'file')}"
        case Drop():
            why = "past output.keep" if step.expired else "their records are in a merged file"
            return f"{within}{step.paths[0]}{_and_more(step.paths)} removed: {why}"
        case Delete():
            return f"{within}{step.paths[0]}{_and_more(step.paths)} removed: left by a crash"
        case _:
            assert_never(step)


def _and_more(paths: Sequence[str]) -> str:
    return f" and {counted(len(paths) - 1, 'more file')}" if len(paths) > 1 else ""
