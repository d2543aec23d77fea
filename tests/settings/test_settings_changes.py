"""What a running worker takes up of new settings."""

from __future__ import annotations

import pytest

from tests.settings.configs import Config
from worker.settings import taken_up

OLD = "schedule: {min: 1m}\nfetch: {contact: a@a.example, per_host: {delay: 1s}}\noutput: {dir: out}\n"


@pytest.mark.parametrize(
    ("worker", "waiting"),
    [
        pytest.param(OLD, (), id="nothing"),
        pytest.param(OLD + "log: {level: debug}\n", (), id="the log"),
        pytest.param(OLD.replace("1m", "2m"), (), id="the schedule"),
        pytest.param(OLD.replace("1s", "2s"), (), id="the pace of hosts"),
        pytest.param(OLD.replace("{contact", "{hosts: {a.example: {delay: 9s}}, contact"), (), id="exceptions"),
        pytest.param(OLD.replace("a@a", "b@a"), ("fetch.contact",), id="the contact"),
        pytest.param(OLD + "web: {listen: '127.0.0.1:1', token: abcdefgh}\n", (), id="the page"),
        pytest.param(OLD + "alerts: {webhook: 'http://a.example/'}\n", (), id="whom silence is told"),
        pytest.param(
            OLD + "web: {public_url: 'https://a.example', token: abcdefgh}\n",
            ("web.token", "web.public_url"),
            id="the way of the world to the page, and what closes it",
        ),
        pytest.param(OLD + "state: sqlite:///other.db\n", ("state",), id="the state"),
        pytest.param(OLD + "state: postgresql://u:p@h/x\n", ("state",), id="the state, to a server"),
        pytest.param(
            OLD.replace("dir: out", "dir: other, seal_after: 5s, compact: {zstd: true}"),
            ("output.dir", "output.seal_after", "output.compact.zstd"),
            id="the output",
        ),
    ],
)
def test_what_can_change_live_does_and_the_rest_is_named(config: Config, worker: str, waiting: tuple[str, ...]) -> None:
    """As the keys are called in the file; what is in force of the rest stays."""
    feeds = "feeds: [https://a.example/feed]"
    old = config.write(worker=OLD, feeds="feeds: []").load()
    new = config.write(worker=worker, feeds=feeds).load()
    taken = taken_up(old, new)
    assert taken.waiting == waiting
    assert len(taken.settings.feeds) == 1
    assert (taken.settings == new) == (not waiting)
    assert (taken.settings.state, taken.settings.output, taken.settings.fetch.contact) == (
        old.state,
        old.output,
        old.fetch.contact,
    )
    assert (taken.settings.schedule, taken.settings.fetch.per_host) == (new.schedule, new.fetch.per_host)
