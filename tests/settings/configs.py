"""A configuration in a folder, written and loaded as an operator would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from worker.errors import ConfigError, Problem
from worker.settings import Settings, load


@dataclass(frozen=True, kw_only=True)
class Config:
    """A folder with a worker.yaml, empty until it is written, and a feeds.yaml, of no feeds until it is."""

    folder: Path

    def write(self, **files: str) -> Config:
        """`write(worker=…, feeds=…)`; the texts stand in files of these names."""
        for name, text in files.items():
            (self.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        return self

    def load(self, environ: Mapping[str, str] | None = None) -> Settings:
        return load(self.folder / "worker.yaml", environ or {})

    def problems(self, environ: Mapping[str, str] | None = None) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            self.load(environ)
        return list(caught.value.problems)

    def complaints(self, environ: Mapping[str, str] | None = None) -> list[str]:
        """The problems as they are shown, the folder left out."""
        return [str(problem).replace(f"{self.folder}/", "") for problem in self.problems(environ)]
