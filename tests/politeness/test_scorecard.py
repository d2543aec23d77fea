"""feedmill among all kinds of site, scored by what they see of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from tests.politeness.clients import watch_feedmill
from tests.politeness.kinds import HORIZON_S, Kind, all_kinds, manners
from tests.politeness.scoring import COLUMNS, counted, faults, heading, row
from tests.site import Site
from tests.whole.conftest import Worker

FEW = {"both": 3, "new-304": 3, "429": 2, "max-age": 1, "cookies": 3, "six": 1}
"""Kinds that show something within some seconds, and how often they are asked at least by then."""
FEW_S = 5.0


def unlike(kinds: Sequence[Kind], site: Site) -> list[str]:
    """URLs that were asked more or less often than their kind says."""
    counts = Counter((exchange.request.host, exchange.request.path) for exchange in site.exchanges)
    return [
        f"{kind.name}: {where[0]}{where[1]} was asked {counts[where]} times, not {least} to {most}"
        for kind in kinds
        for where, (least, most) in kind.asked.items()
        if not least <= counts[where] <= most
    ]


@pytest.mark.slow
@pytest.mark.alone
def test_no_kind_of_site_has_anything_to_complain_of(
    site: Site, worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not a fault in any column, while every kind is polled as often as it should be."""
    kinds = all_kinds(site)
    watch_feedmill(worker, kinds, site, HORIZON_S)
    found = faults(site.exchanges, manners(kinds))
    with capsys.disabled():
        print(f"\n{heading()}\n{row('feedmill', len(site.exchanges), found)}")  # noqa: T201 — the table
    assert [str(fault) for fault in found] == []
    assert counted(found) == dict.fromkeys(COLUMNS, 0)
    assert unlike(kinds, site) == []


def test_a_few_kinds_have_nothing_to_complain_of(site: Site, worker: Worker) -> None:
    """In some seconds, for every run of the tests."""
    kinds = [kind for kind in all_kinds(site) if kind.name in FEW]

    def seen() -> bool:
        counts = Counter((exchange.request.host, exchange.request.path) for exchange in list(site.exchanges))
        return all(FEW[kind.name] <= counts[where] for kind in kinds for where in kind.asked)

    watch_feedmill(worker, kinds, site, FEW_S, seen)
    assert [str(fault) for fault in faults(site.exchanges, manners(kinds))] == []
    assert len(kinds) == len(FEW)
