"""What the manifest's lines add up to: which file holds a segment's records now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from worker.output.manifest.manifest import BEGIN, MANIFEST, FileLine, ManifestLine, lines


class Inventory:
    """The lines added so far, in their order; beginning at any line, it knows what became of the files named since."""

    def __init__(self) -> None:
        self.files: dict[str, FileLine] = {}
        """Every file that was ever named, by its path."""
        self._replaced: dict[str, FileLine] = {}
        self.removed: set[str] = set()

    @classmethod
    def of(cls, root: Path) -> Inventory:
        """All lines of the manifest. Raises OutputError."""
        inventory = cls()
        for line, _ in lines(root / MANIFEST, BEGIN):
            inventory.add(line)
        return inventory

    def add(self, line: ManifestLine) -> None:
        if isinstance(line, FileLine):
            self.files[line.path] = line
            self._replaced.update(dict.fromkeys(line.drops, line))
        else:
            self.removed.update(line.drops)

    def replacement(self, path: str) -> FileLine | None:
        """The file that replaced this one; None if none did."""
        return self._replaced.get(path)

    def holder(self, line: FileLine) -> FileLine | None:
        """The file that holds the records of `line`: its own, or what replaced it; None if they were removed."""
        while (replacement := self._replaced.get(line.path)) is not None:
            line = replacement
        return None if line.path in self.removed else line

    def is_dropped(self, path: str) -> bool:
        """Whether the file must not be read any more; it may still exist."""
        return path in self._replaced or path in self.removed

    def present(self) -> Iterator[FileLine]:
        """The files that must exist, whether they are still read or not, in the order in which they were named."""
        return (line for path, line in self.files.items() if path not in self.removed)


class Standing(Inventory):
    """Only of files that must exist: what is removed is forgotten, so that it does not grow with the years."""

    def add(self, line: ManifestLine) -> None:
        if isinstance(line, FileLine):
            kept = replace(line, drops=())
            self.files[line.path] = kept
            self._replaced.update(dict.fromkeys(line.drops, kept))
        else:
            for path in line.drops:
                self.files.pop(path, None)
                self._replaced.pop(path, None)

    def copy(self) -> Standing:
        made = Standing()
        made.files, made._replaced = self.files.copy(), self._replaced.copy()
        return made
