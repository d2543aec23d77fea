"""A scripted site, and the command as a real process with a folder of its own."""

from tests.whole.conftest import site, worker

__all__ = ["site", "worker"]
