"""What the three efforts cost: `python -m tests.benchmarks.efforts [FOLDER]`.

Prints CPU time a page for each `extract.effort`, and its ratio to the plainest use of trafilatura (bare_extraction with
metadata), over the same pages in turn, so that a busy machine is as busy for all. FOLDER holds pages as .html or
.html.gz; without one it is the demo's, which are short, so that fixed costs weigh more.
"""

from __future__ import annotations

import gzip
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import trafilatura

from worker.articles import extract
from worker.demo.site import Site
from worker.model import Effort

EFFORTS: tuple[Effort, ...] = ("fast", "normal", "thorough")
ROUNDS = 3
URL = "https://site.example/article"


def pages(folder: Path | None) -> Iterator[tuple[bytes, str]]:
    """Bodies and addresses."""
    if folder is None:
        site = Site(now=datetime(2026, 11, 23, 12, tzinfo=UTC), port=80)
        for page in site.pages:
            host, _, path = page.url.partition("://")[2].partition("/")
            yield site.respond(host, f"/{path}").body, page.url
        return
    for file in sorted((*folder.rglob("*.html"), *folder.rglob("*.html.gz"))):
        yield (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()), URL


def main(arguments: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    found = list(pages(Path(arguments[0]) if arguments else None))
    means: dict[str, Callable[[bytes, str], object]] = {
        "trafilatura": lambda body, url: trafilatura.bare_extraction(body, url=url, with_metadata=True),
        **{effort: lambda body, url, effort=effort: extract(body, url, effort=effort) for effort in EFFORTS},
    }
    spent: Counter[str] = Counter()
    for round_ in range(ROUNDS + 1):  # the first one warms up
        for body, url in found:
            for name, run in means.items():
                begun = time.process_time_ns()
                run(body, url)
                spent[name] += (time.process_time_ns() - begun) * bool(round_)
    print(f"{len(found)} pages, {ROUNDS} times")  # noqa: T201 — it is a command
    for name, ns in spent.items():
        per_page = ns / 1e6 / ROUNDS / len(found)
        print(f"{name:12s} {per_page:6.1f} ms a page  {ns / spent['trafilatura']:5.2f}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
