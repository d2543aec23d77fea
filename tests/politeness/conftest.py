"""A scripted site, and the command as a real process with a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.site import Site
from tests.whole.conftest import Worker


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as served:
        yield served


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)
