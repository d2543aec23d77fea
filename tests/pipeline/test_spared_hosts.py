"""Hosts whose pages keep killing what reads them."""

from __future__ import annotations

from worker.model import Millis
from worker.pipeline.spared import KILLS, SPARED_MS, SparedHosts

NOW = Millis(1_800_000_000_000)


def killed_often() -> SparedHosts:
    hosts = SparedHosts()
    for _ in range(KILLS):
        assert not hosts.spares("a.example", NOW)
        hosts.killed("a.example", NOW)
    return hosts


def test_a_host_is_spared_after_some_kills_in_a_row() -> None:
    """For an hour, and no other host with it; then it begins anew."""
    hosts = killed_often()
    assert hosts.spares("a.example", NOW)
    assert not hosts.spares("b.example", NOW)
    assert hosts.spares("a.example", Millis(NOW + SPARED_MS - 1))
    assert not hosts.spares("a.example", Millis(NOW + SPARED_MS))
    hosts.killed("a.example", NOW)
    assert not hosts.spares("a.example", NOW)


def test_a_page_that_can_be_read_ends_the_row() -> None:
    """Now and then a page is too much, at any host."""
    hosts = SparedHosts()
    for _ in range(5):
        hosts.killed("a.example", NOW)
        hosts.killed("a.example", NOW)
        hosts.read("a.example")
    assert not hosts.spares("a.example", NOW)


def test_a_clock_that_is_set_back_spares_nobody_for_years() -> None:
    """The hour is not waited for by it."""
    hosts = killed_often()
    assert not hosts.spares("a.example", Millis(NOW - 86_400_000))
