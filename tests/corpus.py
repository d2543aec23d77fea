"""The corpus beside the repository: real bytes, none of which may be copied into it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[1].parent / "shared" / "corpus"

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not here")


class _Unpacked(Mapping[str, bytes]):
    """Each when it is asked for: the names are enough to collect tests by."""

    def __init__(self, folder: Path) -> None:
        self._files = {file.name.partition(".")[0]: file for file in sorted(folder.glob("*.gz"))}

    def __getitem__(self, name: str) -> bytes:
        return gzip.decompress(self._files[name].read_bytes())

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@cache
def feeds() -> Mapping[str, bytes]:
    """The documents of 72 feeds as their sites served them, by name."""
    return _Unpacked(CORPUS / "feeds")


def pages(*, at_least: int, at_most: int) -> list[bytes]:
    """The pages of articles between two sizes in bytes; none where the corpus is absent."""
    contents = (gzip.decompress(file.read_bytes()) for file in sorted((CORPUS / "pages").glob("*.gz")))
    return [page for page in contents if at_least <= len(page) <= at_most]
