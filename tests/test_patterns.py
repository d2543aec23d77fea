"""patterns.py: what operators may write, and what comes of it."""

from __future__ import annotations

import pytest

from worker import patterns


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        pytest.param("(?=x)", "invalid perl operator", id="lookahead"),
        pytest.param(r"(a)\1", "invalid escape sequence", id="backreference"),
        pytest.param("(a", r"missing \)", id="a parenthesis"),
        pytest.param("[z-a]", "invalid character class range", id="a range"),
        pytest.param("a{1001}", "invalid repetition size", id="a count"),
        pytest.param("((a{100}){100}){100}", "invalid repetition size", id="one that would take gigabytes"),
        pytest.param("a" * 1001, "longer than 1000", id="length"),
    ],
)
def test_what_is_no_pattern(pattern: str, reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Said with the reason; RE2 itself writes nothing to standard error."""
    with pytest.raises(patterns.BadPattern, match=reason):
        patterns.check(pattern)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("to", "fits"), [("", True), (r"\0\1\2", True), (r"\3", False), ("\\", False), (r"\n", False)])
def test_what_fits_a_pattern_with_two_groups(to: str, fits: bool) -> None:
    """Groups that are there, and escaped backslashes."""
    assert patterns.check("(a)(b)") == 2
    if fits:
        patterns.check_replacement(to, 2)
    else:
        with pytest.raises(patterns.BadPattern):
            patterns.check_replacement(to, 2)


def test_texts_of_any_characters_are_matched() -> None:
    """Lone surrogates, which UTF-8 has not, count as a question mark."""
    assert patterns.found("a.b", "a\ud800b")
    assert patterns.found("Ж", "ж")
    assert patterns.replaced("b", "c", "a\ud800b") == "a?c"
