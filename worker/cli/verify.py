"""verify."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, OutputFolder, output_dir
from worker.cli.printing import errors, print_json, print_line, print_note
from worker.output import Finding, Report
from worker.output import verify as check
from worker.words import counted


def verify(
    folder: OutputFolder = None,
    quick: Annotated[bool, typer.Option("--quick", help="Read only the manifest, not the records.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Finish what a crash left half done, and nothing else.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Proves that the output directory is whole, or says what is wrong and where, and exits with 1.

    Checks the manifest's chain of hashes, the hash and size of each file, the schema of each record, that numbers have
    no gaps or repeats, that no revision is there twice, that no file is missing from the manifest, and that the archive
    has the page of each record. A worker may run meanwhile, except with --repair.

    Example: feedmill verify /srv/feedmill/out
    """
    root = folder or output_dir(config)
    with _progress() as progress:
        report = check(root, quick=quick, repair=repair, progress=progress)
    if as_json:
        print_json(_plain(report))
    else:
        _print(report, quick)
    if not report.is_sound:
        raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal."""
    columns = (TextColumn("verify"), BarColumn(bar_width=24), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("verify", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print(report: Report, quick: bool) -> None:
    for finding in report.mended:
        print_line(f"mended: {finding}")
    for _, alike in groupby(report.findings, lambda finding: (finding.file, finding.message, finding.remedy)):
        finding, *others = alike
        remedy = " (left half done; feedmill verify --repair finishes it)" if finding.remedy else ""
        more = f" (and in {counted(len(others), 'more line')} of it)" if others else ""
        print_note(f"{finding}{more}{remedy}")
    if report.being_written:
        print_line("A worker is writing there: what it has in hand was not judged.")
    sizes = f"{counted(report.records, 'record')} in {counted(report.files, 'file')}"
    if report.pages:
        sizes += f", {counted(report.pages, 'page')}"
    if report.findings:
        print_note(f"{counted(len(report.findings), 'problem')} in {sizes}")
    else:
        print_line(f"ok: {sizes}" + (", not read" if quick else ""))


def _plain(report: Report) -> dict[str, object]:
    return {
        "ok": report.is_sound,
        "files": report.files,
        "records": report.records,
        "pages": report.pages,
        "being_written": report.being_written,
        "findings": [_plain_finding(finding) for finding in report.findings],
        "mended": [_plain_finding(finding) for finding in report.mended],
    }


def _plain_finding(finding: Finding) -> dict[str, object]:
    return dataclasses.asdict(finding) | {"remedy": type(finding.remedy).__name__.lower() if finding.remedy else None}
