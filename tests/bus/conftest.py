"""Brokers and claims for the tests of the bus."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import broker
from worker.bus import Bus, LocalBus
from worker.bus.jetstream import JetStreamBus
from worker.model import Claim

KEEP_S = 60.0


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[broker.Server]:
    """A broker for this test alone; skipped where there is none, unless nothing may be."""
    if broker.binary() is None and "FEEDMILL_SKIP_NOTHING" not in os.environ:
        pytest.skip("nats-server is not installed")
    with broker.server(tmp_path / "nats") as started:
        yield started


@pytest.fixture(params=["local", "jetstream"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus[Claim]]:
    """Each of the buses."""
    if request.param == "local":
        yield LocalBus[Claim]()
        return
    server: broker.Server = request.getfixturevalue("nats_server")
    async with JetStreamBus(server.address, keep_s=KEEP_S) as opened:
        yield opened
