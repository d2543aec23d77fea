"""replay."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import assert_never

import orjson
import typer
from rich.text import Text

from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, load_and_log
from worker.cli.printing import clean, print_line, print_note
from worker.pipeline import Compared, NotCompared, Replayed
from worker.settings import Settings
from worker.wiring import app
from worker.words import counted


@dataclass(slots=True)
class Sum:
    """Results for all articles so far."""

    same: int = 0
    changed: int = 0
    gone: int = 0
    failed: int = 0
    fields: Counter[str] = field(default_factory=Counter)

    def add(self, replayed: Replayed) -> None:
        match replayed:
            case Compared(changes=changes):
                self.changed += bool(changes)
                self.same += not changes
                self.fields.update(changes.keys())
            case NotCompared(gone=gone):
                self.gone += gone
                self.failed += not gone
            case _ as never:
                assert_never(never)

    def __str__(self) -> str:
        if not self.same + self.changed + self.gone + self.failed:
            return "No record points to a page: none is kept unless output.archive says so."
        fields = ", ".join(f"{name} {count}" for name, count in self.fields.most_common())
        parts = [
            f"{counted(self.same + self.changed, 'article')} extracted again",
            f"{self.changed} came out differently" + (f" ({fields})" if fields else ""),
        ]
        parts += [f"{counted(self.gone, 'page')} no longer kept"] if self.gone else []
        parts += [f"{self.failed} could not be read"] if self.failed else []
        return ", ".join(parts)


def replay(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Extracts articles again from the archived pages, and prints how the results differ from their records.

    Fetches nothing and writes nothing. Use it to try a new version of feedmill, or another full_text. --json prints a
    line for each article, with the old and new values. A worker may run meanwhile. Exits with 1 if a page could not be
    read.

    Example: feedmill replay --json | jq -c 'select(.changes.title)'
    """
    settings = load_and_log(config)
    found = asyncio.run(_replayed(settings, as_json))
    if not as_json:
        print_line(str(found))
    if found.failed:
        raise typer.Exit(1)


async def _replayed(settings: Settings, as_json: bool) -> Sum:
    found = Sum()
    async for replayed in app.replayed(settings):
        found.add(replayed)
        if as_json:
            sys.stdout.buffer.write(orjson.dumps(_plain(replayed), option=orjson.OPT_APPEND_NEWLINE))
        else:
            _print(replayed)
    sys.stdout.flush()
    return found


def _print(replayed: Replayed) -> None:
    match replayed:
        case Compared(record_id=id, url=url, changes=changes):
            if changes:
                print_line(Text(f"{id}  {', '.join(changes)}  ") + clean(url))
        case NotCompared(record_id=id, reason=reason, gone=gone):
            if not gone:
                print_note(f"{id}  {reason}")
        case _ as never:
            assert_never(never)


def _plain(replayed: Replayed) -> dict[str, object]:
    match replayed:
        case Compared(record_id=id, url=url, changes=changes):
            plain = {name: {"was": was, "is": now} for name, (was, now) in changes.items()}
            return {"id": id, "url": url, "changes": plain}
        case NotCompared(record_id=id, reason=reason):
            return {"id": id, "error": reason}
        case _ as never:
            assert_never(never)
