from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.configs import Config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(folder=tmp_path).write(worker="", feeds="feeds: []")
