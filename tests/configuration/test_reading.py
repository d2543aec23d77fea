"""A worker reads long lists in a process of its own, and short ones itself; what comes of them is the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker.configuration import reading
from worker.cpu.pool import start_fork_server
from worker.errors import ConfigError, FeedmillError
from worker.settings import Settings
from worker.wiring.means import PRELOAD

LISTS = {
    "world.yaml": "defaults: {tags: [world], skip: [{title: sponsored}]}\nfeeds:\n"
    "  - https://a.example/feed\n"
    "  - {url: 'https://b.example/${PLACE}', id: b, every: 15m, headers: {Authorization: 'Bearer ${TOKEN}'}}\n"
    "  - {url: https://user:word@c.example/, cron: '0 6 * * *', backlog: {newest: 3}, rewrite: [{match: a, to: b}]}\n",
    "readers.opml": "<opml version='2.0'><head/><body><outline text='D' xmlUrl='https://d.example/'/></body></opml>",
}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in LISTS.items():
        (tmp_path / name).write_text(text)
    path = tmp_path / "worker.yaml"
    path.write_text("feeds: ['world.yaml', '*.opml']\nfetch: {proxy: 'http://u:${TOKEN}@p.example:3128'}\n")
    monkeypatch.setenv("TOKEN", "hush-hush")
    monkeypatch.setenv("PLACE", "news")
    return path


def read(config: Path) -> Settings:
    return reading.read(config, preload=PRELOAD)


def elsewhere(config: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As a worker reads it whose lists are long."""
    with monkeypatch.context() as patch:
        patch.setattr(reading, "SHORT_BYTES", 0)
        return read(config)


def test_long_lists_give_what_short_ones_give(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Feeds with all that they may have, the environment, and the settings beside them come over whole."""
    found = elsewhere(config, monkeypatch)
    assert [feed.id for feed in found.feeds] == ["a.example-feed", "b", "c.example", "d.example"]
    monkeypatch.setattr(reading, "read_elsewhere", pytest.fail)
    assert read(config) == found


def test_every_mistake_is_told_wherever_it_is_read(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of worker.yaml and of the lists together, each with its line."""
    (config.parent / "world.yaml").write_text("feeds:\n  - not a URL\n")
    with pytest.raises(ConfigError) as of_lists:
        elsewhere(config, monkeypatch)
    assert [(Path(p.file).name, p.line) for p in of_lists.value.problems] == [("world.yaml", 2)]
    config.write_text("feeds: [world.yaml]\nstat: x\n")
    with pytest.raises(ConfigError) as of_all:
        elsewhere(config, monkeypatch)
    assert [(Path(p.file).name, p.line) for p in of_all.value.problems] == [("worker.yaml", 2), ("world.yaml", 2)]


def test_feeds_that_are_as_they_were_are_there_once(config: Path) -> None:
    """Those of a list that is read again beside the one in force; one that is another is given as it is now."""
    start_fork_server(PRELOAD)
    first = read(config)
    (config.parent / "world.yaml").write_text(LISTS["world.yaml"].replace("every: 15m", "every: 30m"))
    again = reading.read_elsewhere(config, before={feed.id: feed for feed in first.feeds})
    assert [one is other for one, other in zip(first.feeds, again.feeds, strict=True)] == [True, False, True, True]
    assert again.feeds[1].every_s == 1800


def test_a_reading_process_that_dies_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as where memory is short; nothing waits for it."""
    monkeypatch.setattr(reading, "_send", _die)
    start_fork_server(PRELOAD)
    with pytest.raises(FeedmillError, match="the process that read it died"):
        reading.read_elsewhere(config)


def _die(*_: object) -> None:
    os._exit(1)
