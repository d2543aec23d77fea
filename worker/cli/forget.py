"""forget."""

from __future__ import annotations

from typing import Annotated

import typer

from worker import urls
from worker.cli.asking import said
from worker.cli.options import DEFAULT_CONFIG, ConfigFile, load_to_change
from worker.cli.printing import print_line, print_note
from worker.pipeline import NOT_ALL, NOT_KEPT_OUT, NOT_LET_IN, NOTHING_KNOWN, TAKEN_DOWN
from worker.record import is_id

PATIENCE_S = 90.0
"""All of the output is read, and may have to be rewritten."""


def forget(
    article: Annotated[str, typer.Argument(help="The URL of the article, or the id of its record.", metavar="URL")],
    unknown: Annotated[bool, typer.Option("--unknown", help="Keep it out even if it was never seen.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo --unknown. A takedown can't be undone.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Takes an article down: removes it from every file of the output and from the state, and never lets it back in.

    Its duplicates go, too. Files that held it are rewritten, as the manifest says, and programs that follow the records
    get an `op: delete` for each. If a worker runs, it does the work, and this command waits. Exits with 1, and changes
    nothing, if the article is unknown. feedmill why tells whether a URL is kept out.

    Example: feedmill forget https://example.org/2026/11/lighthouse
    """
    settings = load_to_change(config)
    if not is_id(article) and urls.absolute(article) is None:
        print_note("expected an http or https URL, or the id of a record (32 hexadecimal digits)")
        raise typer.Exit(2)
    if undo and unknown:
        print_note("--undo takes back what --unknown asked for: one of them")
        raise typer.Exit(2)
    verb = "let_in" if undo else "keep_out" if unknown else "forget"
    answer = said(settings, verb, article, patience_s=PATIENCE_S)
    failed = answer in (NOTHING_KNOWN, TAKEN_DOWN, NOT_KEPT_OUT) or answer.startswith((NOT_ALL, NOT_LET_IN))
    (print_note if failed else print_line)(answer)
    if failed:
        raise typer.Exit(1)
