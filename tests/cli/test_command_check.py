from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Feedmill

CONFIG = """
feeds: []
state: postgresql://mill@db.example/feedmill
output: {dir: s3://bucket/out, compact: {zstd: true}, stream: nats://nats.example/news}
telemetry: {traces: http://localhost:4318}
"""


@pytest.mark.parametrize("package", ["psycopg", "nats"])
def test_extras_that_are_not_installed_are_named(
    tmp_path: Path, feedmill: Feedmill, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """Before a worker fails for want of them; each once, and none that is there."""
    (tmp_path / "worker.yaml").write_text(CONFIG)
    assert "not installed" not in feedmill("check", "-c", "worker.yaml").stdout
    for name in (package, "obstore"):
        monkeypatch.setitem(sys.modules, name, None)  # as Python marks what is not there
    said = feedmill("check", "-c", "worker.yaml").stdout
    for extra in ("cluster", "s3"):
        assert f"Needed, and not installed here: pip install 'feedmill[{extra}]'" in said
    assert json.loads(feedmill("check", "-c", "worker.yaml", "--json").stdout)["missing"] == ["cluster", "s3"]
