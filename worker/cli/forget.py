"""forget."""

from __future__ import annotations

from typing import Annotated

import typer

from worker import urls
from worker.cli.asking import said
from worker.cli.options import DEFAULT_CONFIG, ConfigFile, load_to_change
from worker.cli.printing import console, errors
from worker.pipeline import NOT_ALL, NOTHING_KNOWN
from worker.record import is_id

PATIENCE_S = 90.0
"""Every file of the output is read, and may have to be written anew."""


def forget(
    article: Annotated[str, typer.Argument(help="The URL of the article, or the id of its record.", metavar="URL")],
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Keep it out, too, where nothing was ever seen of it.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Takes an article down: out of every file of the output, out of the state, and never to come back.

    With its duplicates. The files that held it are written anew, which the manifest says, and who follows the records
    gets `op: delete` of each. Beside a running worker it asks that one, and waits for it. Ends with 1, and changes
    nothing, where nothing is known of it.

    Example: feedmill forget https://example.org/2026/11/lighthouse
    """
    settings = load_to_change(config)
    if not is_id(article) and urls.absolute(article) is None:
        errors.print("expected an http or https URL, or the id of a record (32 hexadecimal digits)")
        raise typer.Exit(2)
    answer = said(settings, "keep_out" if unknown else "forget", article, patience_s=PATIENCE_S)
    failed = answer == NOTHING_KNOWN or answer.startswith(NOT_ALL)
    (errors if failed else console).print(answer, markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)
