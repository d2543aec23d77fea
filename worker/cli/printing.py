"""What is printed: foreign text made safe for a terminal, times in words, tallies."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from typing import Any, TextIO

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.model import Millis
from worker.record import rfc3339
from worker.telemetry.meters import Tally
from worker.words import counted

# What could move the cursor, change colours, or turn the reading direction of what follows.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def _console(stream: TextIO, *, stderr: bool) -> Console:
    """A console that does not wrap lines in a pipe, where rich would at 80 columns: programs get one feed or sentence a
    line."""
    wide = None if stream.isatty() or "COLUMNS" in os.environ else 1000
    return Console(stderr=stderr, highlight=False, width=wide)


console = _console(sys.stdout, stderr=False)
errors = _console(sys.stderr, stderr=True)


def clean(text: str | None, width: int = 200) -> Text:
    """Foreign text as a single line, cut to `width`, without control characters and not read as rich markup."""
    line = _UNPRINTABLE.sub(" ", text or "")
    return Text(line if len(line) <= width else line[: width - 1] + "…")


def print_line(*parts: str | Text) -> None:
    """Prints a line of any length to standard output. None of it is read as markup."""
    console.print(*parts, markup=False, soft_wrap=True)


def print_table(table: Table) -> None:
    """Prints a table, in a pipe without the spaces that fill its last column: they would be wrapped as lines of their
    own."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as printed:
        console.print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in printed.get().splitlines())


def print_note(*parts: str | Text) -> None:
    """The same to standard error: what goes wrong, and what else is not a result."""
    errors.print(*parts, markup=False, soft_wrap=True)


def print_no_more() -> None:
    """Discards what is still to be printed. Python would flush the buffer at exit, and print that this failed
    (docs.python.org, signal, SIGPIPE)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(value: object) -> None:
    """Prints one JSON document to standard output."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def plain(value: Any) -> dict[str, Any]:
    """A dataclass as a dict for JSON, with times as in RFC 3339."""
    return _with_dates(dataclasses.asdict(value))


def _with_dates(values: dict[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        if isinstance(value, dict):
            values[name] = _with_dates(value)
        elif isinstance(value, list | tuple):
            values[name] = [_with_dates(item) if isinstance(item, dict) else item for item in value]
        elif isinstance(value, int) and name.endswith(("_at", "_since", "_until", "not_before")):
            values[name] = rfc3339(Millis(value))
    return values


def summary(tally: Tally) -> str:
    """A tally as a sentence."""
    put_off = f", {tally.throttled} told to wait" if tally.throttled else ""
    parts = [
        f"{counted(tally.polls, 'feed')} polled ({tally.unchanged} unchanged, {tally.failed_polls} failed{put_off})",
        f"{counted(tally.new, 'new record')}",
        f"{counted(tally.updates, 'update')}",
        f"{counted(tally.duplicates, 'duplicate')} kept out",
    ]
    if tally.skipped:
        parts.append(f"{tally.skipped} left out by rules")
    if tally.incomplete:
        parts.append(f"{tally.incomplete} from the feed alone")
    if tally.retries:
        parts.append(f"{tally.retries} to be tried again later")
    if tally.broken:
        parts.append(f"{counted(tally.broken, 'error')} of feedmill's own, see the log")
    return ", ".join(parts)
