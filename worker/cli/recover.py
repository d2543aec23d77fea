"""recover."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from worker.cli.options import DEFAULT_CONFIG, ConfigFile
from worker.cli.printing import print_line
from worker.settings import load
from worker.wiring import app
from worker.words import counted


def recover(
    config: ConfigFile = DEFAULT_CONFIG,
    new_output: Annotated[
        bool, typer.Option("--new-output", help="Go on although output.dir lacks what was published.")
    ] = False,
) -> None:
    """Reads the output directory back into a state that was lost, is damaged, or is older than the output.

    Nothing that was written, has expired or was taken down is written again. A damaged state is renamed, not deleted.
    At the next poll, articles still in their feeds are fetched once more; those that changed become updates.

    Example: feedmill recover --config /etc/feedmill/worker.yaml
    """
    settings = load(config, os.environ)
    recovered = app.recover(settings, new_output=new_output)
    if recovered.put_aside is not None:
        print_line(f"The damaged state is now {recovered.put_aside}")
    if recovered.learned is None:
        print_line("The state knows all that its output directory has.")
        return
    print_line(
        f"{counted(recovered.learned.records, 'record')} read from {settings.output.dir}, "
        f"{recovered.learned.unknown} of them not known before",
    )
