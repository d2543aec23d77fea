"""Failures in a row: their class, and how much each counts."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model import FailureClass, FetchFailed

WEIGHTS: dict[FailureClass, float] = {
    "permanent": 2.0,  # gone, forbidden, unreadable: asking again soon gives the same
    "parse": 1.0,
    "server": 1.0,
    "network": 1.0,
    "dns": 0.5,  # as often our resolver's fault as theirs
    "throttled": 0.0,  # not a failure: the server works, and says when to ask again
}
"""By how many doublings of the interval a failure backs off. The proportions are Media Cloud's, from years with some
100,000 feeds: 1 for hard errors, 1/2 for soft ones, 1/4 for temporary DNS errors (rss-fetcher, fetcher/tasks.py)."""

_KINDS: dict[FailureClass | None, str] = {"permanent": "not likely to pass by itself"}
_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setbacks:
    """The failed polls since the last successful one."""

    count: int = 0
    weight: float = 0.0
    """The sum of their `WEIGHTS`, in doublings of the interval."""
    last: FailureClass | None = None

    def then(self, failure: FailureClass) -> Setbacks:
        """With one more; throttling does not count."""
        if failure == "throttled":
            return self
        return Setbacks(count=self.count + 1, weight=self.weight + WEIGHTS[failure], last=failure)

    @property
    def words(self) -> str:
        which = f"{_ORDINALS[self.count]} failure" if self.count < len(_ORDINALS) else f"failure {self.count}"
        row = " in a row" if self.count > 1 else ""
        return f"{which}{row} ({_KINDS.get(self.last, self.last)}), tried again less often"


NO_SETBACKS = Setbacks()


def class_of(failed: FetchFailed) -> FailureClass:
    """The class of a failed fetch. (A document that is not a feed is `parse`.)"""
    if failed.kind == "dns":
        return "dns"
    if failed.lasting:
        return "permanent"
    return "network" if failed.kind in ("connect", "timeout") else "server"
