"""The bus, with a real broker."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import nats.js.errors
import pytest

from tests import broker
from worker.bus import Bus
from worker.bus.jetstream import JetStreamBus

KEEP_S = 60.0


@pytest.fixture
async def bus(nats_server: broker.Server) -> AsyncIterator[Bus]:
    async with JetStreamBus(nats_server.address, keep_s=KEEP_S) as opened:
        yield opened


@pytest.fixture
async def full_server(tmp_path: Path) -> AsyncIterator[broker.Server]:
    """A broker whose room others have filled, up to the last kilobyte, with a stream `other`."""
    if broker.binary() is None and "FEEDMILL_SKIP_NOTHING" not in os.environ:
        pytest.skip("nats-server is not installed")
    with broker.server(tmp_path / "nats", conf="jetstream { max_file_store: 200000 }") as server:
        async with server.stream() as stream:
            await stream.add_stream(name="other", subjects=["other"])
            for size in (50_000, 5_000, 500, 50, 1):
                with contextlib.suppress(nats.js.errors.APIError):
                    while True:
                        await stream.publish("other", bytes(size))
        yield server
