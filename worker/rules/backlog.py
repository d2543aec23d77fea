"""The entries of a feed's first poll that are left out for good, such as years of an archive."""

from __future__ import annotations

from collections.abc import Sequence

from worker.model import Backlog, Millis


def left_out(dates: Sequence[Millis | None], backlog: Backlog, now: Millis) -> dict[int, str]:
    """The positions of the entries that `backlog` leaves out, each with the reason.

    dates: of the entries, in document order. The newest are those with the latest dates; if any has no date, those that
    come first, as is usual in feeds. An entry without a date is never too old.
    """
    out: dict[int, str] = {}
    for place, date in enumerate(dates):
        if backlog.younger_s is not None and date is not None and now - date > backlog.younger_s * 1000:
            out[place] = "it was too old at the feed's first poll (backlog.younger)"
    if backlog.newest is not None:
        kept = [place for place in range(len(dates)) if place not in out]
        stated = {place: date for place in kept if (date := dates[place]) is not None}
        if len(stated) == len(kept):
            kept.sort(key=lambda place: stated[place], reverse=True)
        for place in kept[backlog.newest :]:
            out[place] = f"it was not among the {backlog.newest} newest at the feed's first poll (backlog.newest)"
    return out
