from __future__ import annotations

import pytest

from worker.settings import quantities


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("0s", 0.0, id="none at all"),
        pytest.param("90s", 90.0, id="more than the next unit"),
        pytest.param("250ms", 0.25, id="milliseconds"),
        pytest.param("5m", 300.0, id="minutes, not milliseconds"),
        pytest.param("1h30m", 5400.0, id="two units"),
        pytest.param("1d2h3m4s5ms", 93784.005, id="every unit"),
        pytest.param("0.5d", 43200.0, id="decimals"),
        pytest.param("30d", 2592000.0, id="days"),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    """Units can be joined, the largest first."""
    assert quantities.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("17", id="no unit"),
        pytest.param("s", id="no number"),
        pytest.param("5 m", id="a space"),
        pytest.param("5M", id="an upper-case unit"),
        pytest.param("30m1h", id="the smaller unit first"),
        pytest.param("1m1m", id="one unit twice"),
        pytest.param("-5s", id="negative"),
        pytest.param("1w", id="unknown unit"),
        pytest.param("٣s", id="digits that are not ASCII"),
        pytest.param("5s\n", id="a line end"),
        pytest.param("9" * 400 + "s", id="beyond what a float holds"),
    ],
)
def test_what_is_no_duration(text: str) -> None:
    """Nothing is guessed: what is not written as it should be is no duration."""
    assert quantities.seconds(text) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("0B", 0, id="nothing"),
        pytest.param("512B", 512, id="bytes"),
        pytest.param("20kB", 20_000, id="kilobytes are decimal"),
        pytest.param("1.5MB", 1_500_000, id="decimals"),
        pytest.param("1GB", 1_000_000_000, id="gigabytes"),
        pytest.param("20", None, id="no unit"),
        pytest.param("20mb", None, id="megabits, or millibits"),
        pytest.param("20KB", None, id="K is for kelvin"),
        pytest.param("20MiB", None, id="binary units"),
        pytest.param("9" * 400 + "GB", None, id="beyond what a float holds"),
    ],
)
def test_a_size_is_read_in_bytes(text: str, size: int | None) -> None:
    """A number and one decimal unit, or no size."""
    assert quantities.size_bytes(text) == size
