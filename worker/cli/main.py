"""The command line as a whole. Exit status: 0 success, 1 failure, 2 wrong use or configuration."""

from __future__ import annotations

import errno
import gc
import sys
from collections import UserDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from keyword import iskeyword
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from worker import __version__
from worker.errors import ConfigError, FeedmillError, OutputLocked, StateLocked

PANELS: Mapping[str, Mapping[str, str]] = {
    "To begin": {"demo": "demo", "init": "configure", "check": "configure", "schema": "configure"},
    "Work": {"once": "running", "run": "running"},
    "See how it does": {"status": "status", "feeds": "feeds", "why": "why"},
    "Feeds": {
        **{"add": "add", "discover": "add", "import": "opml", "export": "opml"},
        **{"pause": "steer", "resume": "steer", "poll": "poll"},
    },
    "Records": {
        **{"records": "records", "verify": "verify", "compact": "compact", "replay": "replay", "forget": "forget"},
    },
    "Keep it going": {
        **{"retry": "steer", "backup": "backup", "recover": "recover", "migrate-state": "migrate_state"},
    },
}
"""The commands with their modules, grouped by purpose, in the order in which people need them."""


class _Commands(UserDict[str, Any]):
    """Commands by name, loaded on first use: a command that needs little starts in a third of the time."""

    def __init__(self) -> None:
        super().__init__({name: None for panel in PANELS.values() for name in panel})

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            self.data[name] = _command(name)
        return self.data[name]


class _Group(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()


def _command(name: str) -> Any:
    panel, module = next((panel, modules[name]) for panel, modules in PANELS.items() if name in modules)
    with _without_garbage():
        function = getattr(
            import_module(f"worker.cli.{module}"), f"{name}_" if iskeyword(name) else name.replace("-", "_")
        )
    alone = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    alone.command(name, rich_help_panel=panel)(function)
    return typer.main.get_command(alone)


@contextmanager
def _without_garbage() -> Iterator[None]:
    """Pauses garbage collection while modules load. Loading leaves no garbage, and looking for it takes a fifth of the
    time; one collection over all modules later, a tenth."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


app = typer.Typer(
    name="feedmill",
    cls=_Group,
    help="Polls feeds, extracts their articles, and writes each once as a JSON record.",
    no_args_is_help=True,
    rich_markup_mode="markdown",  # keeps the paragraphs of docstrings
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"feedmill {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


_UNPRINTED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE)
"""What may become of what is printed to a file or a pipe; it has no name, as files that are opened have."""


def main() -> None:
    """The entry point of the command `feedmill`."""
    try:
        try:
            app(prog_name="feedmill")  # also under `python -m worker.cli`: completion depends on it
        finally:
            print(end="", flush=True)  # noqa: T201  # flushed here, where a failure can still be reported
    except FeedmillError as error:
        lines = map(str, error.problems) if isinstance(error, ConfigError) else [f"feedmill: {error}"]
        _end(lines, 2 if isinstance(error, ConfigError | StateLocked | OutputLocked) else 1)
    except OSError as error:
        if error.filename is not None or error.errno not in _UNPRINTED:
            raise  # a defect of ours
        from worker.cli.printing import print_no_more

        print_no_more()
        _end([] if isinstance(error, BrokenPipeError) else [f"feedmill: can't print: {error.strerror or error}"], 1)


def _end(lines: Iterable[str], status: int) -> NoReturn:
    from worker.cli.printing import print_note

    for line in lines:
        print_note(line)
    sys.exit(status)
