"""The corpus beside the repository: real bytes, none of which may be copied into it."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[1].parent / "shared" / "corpus"

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not here")


@cache
def feeds() -> dict[str, bytes]:
    """The documents of 72 feeds as their sites served them, by name."""
    files = sorted((CORPUS / "feeds").glob("*.gz"))
    return {file.name.partition(".")[0]: gzip.decompress(file.read_bytes()) for file in files}


def pages(*, at_least: int, at_most: int) -> list[bytes]:
    """The pages of articles between two sizes in bytes; none where the corpus is absent."""
    contents = (gzip.decompress(file.read_bytes()) for file in sorted((CORPUS / "pages").glob("*.gz")))
    return [page for page in contents if at_least <= len(page) <= at_most]
