"""The feeds of an OPML file that are to be added to one of our lists, each checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from worker import urls
from worker.errors import ConfigError, Problem
from worker.model import Feed
from worker.settings import opml
from worker.settings.editing import Item
from worker.settings.feeds import feeds_of
from worker.settings.yaml_file import content, of_nodes


@dataclass(frozen=True, kw_only=True)
class Imported:
    good: Sequence[Item]
    """As they would be written in a feed list."""
    problems: Sequence[Problem]
    """What is wrong with the others, by line."""
    bad: int
    """How many others there are."""


def imported(path: Path, *, beside: Sequence[Feed]) -> Imported:
    """The feeds of the OPML file at `path`; those that can't be listed `beside` the others are bad.

    Raises ConfigError if the file can't be read or is not OPML.
    """
    data = content(path)
    root = data if isinstance(data, Problem) else opml.nodes(data, name=str(path))
    if isinstance(root, Problem):
        raise ConfigError([root])
    file = of_nodes(str(path), root, None)
    items = cast("dict[str, list[Item]]", file.value)["feeds"]
    own = {urls.canonical_if_any(str(item["url"])) for item in items}
    # Feeds that are listed already are skipped later, and are not a mistake.
    others = [feed for feed in beside if urls.canonical(feed.url) not in own]
    _, problems = feeds_of([file], beside=others)
    bad = {int(found[1]) for problem in problems if (found := re.match(r"feeds\[(\d+)\]", problem.key))}
    good = [item for index, item in enumerate(items) if index not in bad]
    return Imported(good=good, problems=sorted(problems), bad=len(bad))
