"""Four workers on one state and one bus, scored as one is: by what sites see of them."""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest

from tests import broker, postgresql
from tests.politeness.kinds import HORIZON_S, all_kinds, configuration, manners
from tests.politeness.scoring import COLUMNS, counted, faults, heading, row
from tests.site import Site
from tests.whole.cluster import log_of, shared, workers
from tests.whole.conftest import Worker
from tests.whole.processes import until

WORKERS = 4


@pytest.mark.slow
@pytest.mark.alone
def test_no_kind_of_site_can_tell_four_workers_from_one(
    site: Site, worker: Worker, nats_server: broker.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not a fault in any column, while every kind is asked as often as by one, at least."""
    if postgresql.binaries() is None and "FEEDMILL_SKIP_NOTHING" not in os.environ:
        pytest.skip("PostgreSQL is not installed: initdb is not found")
    kinds = all_kinds(site)

    def seen() -> bool:
        counts = Counter((exchange.request.host, exchange.request.path) for exchange in list(site.exchanges))
        return all(least <= counts[where] for kind in kinds for where, (least, _) in kind.asked.items())

    with workers(worker, nats_server) as of:
        worker.configure([feed for kind in kinds for feed in kind.feeds], **configuration(kinds), **shared(of))
        for number in range(WORKERS):
            of.start(number)
        until(lambda: site.requests)
        time.sleep(HORIZON_S)
        until(seen)
        assert of.stop() == [0] * WORKERS, log_of(worker)[-2000:]
    found = faults(site.exchanges, manners(kinds))
    with capsys.disabled():
        print(f"\n{heading()}\n{row('four of feedmill', len(site.exchanges), found)}")  # noqa: T201 — the table
    assert [str(fault) for fault in found] == []
    assert counted(found) == dict.fromkeys(COLUMNS, 0)
