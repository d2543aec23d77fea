"""Commands typed in this process, which has loaded them by now."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from tests.whole.conftest import Worker
from worker.cli.main import app
from worker.errors import FeedmillError


def typed(worker: Worker, name: str, *args: str, status: int = 0) -> Result:
    """What the command does; an error of feedmill's, which `main` would print, is raised."""
    result = CliRunner().invoke(app, [name, "-c", str(worker.folder / "worker.yaml"), *args], env={"COLUMNS": "200"})
    if isinstance(result.exception, FeedmillError):
        raise result.exception
    assert result.exit_code == status, (result.output, result.exception)
    return result
