from __future__ import annotations

import pytest

from worker.settings.expand import Unexpanded, expanded

ENVIRON = {"USER": "ann", "EMPTY": "", "NESTED": "${USER}", "BYTES": "a\udcff"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("plain", "plain", id="nothing to expand"),
        pytest.param("$5 and $USER", "$5 and $USER", id="a dollar alone means nothing"),
        pytest.param("${USER}", "ann", id="the whole text"),
        pytest.param("a ${USER} b ${USER}", "a ann b ann", id="within a text, twice"),
        pytest.param("${EMPTY}", "", id="set, and empty"),
        pytest.param("${EMPTY:-x}", "x", id="a default stands in for an empty one, as in the shell"),
        pytest.param("${MISSING:-x y}", "x y", id="a default stands in for a missing one"),
        pytest.param("${MISSING:-}", "", id="an empty default"),
        pytest.param("${USER:-x}", "ann", id="a default that is not needed"),
        pytest.param("${NESTED}", "${USER}", id="what is put in is not expanded again"),
        pytest.param("$${USER}", "${USER}", id="a literal"),
        pytest.param("$$${USER}", "$${USER}", id="a literal after a dollar"),
    ],
)
def test_variables_are_replaced(text: str, result: str) -> None:
    """Names in braces are looked up, everything else stays."""
    assert expanded(text, ENVIRON) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("${MISSING} ${OTHER} ${MISSING}", "not set in the environment: MISSING, OTHER", id="all, once"),
        pytest.param("${USER", 'a "${" that begins no ${VARIABLE}', id="no closing brace"),
        pytest.param("${1}", 'a "${" that begins no ${VARIABLE}', id="no name"),
        pytest.param("${}", 'a "${" that begins no ${VARIABLE}', id="empty"),
        pytest.param("${BYTES}", "not text in the environment: BYTES", id="bytes that no encoding could decode"),
    ],
)
def test_what_cannot_be_replaced_is_a_value_that_says_why(text: str, message: str) -> None:
    """The message names variables, never what is in them."""
    result = expanded(text, ENVIRON)
    assert isinstance(result, Unexpanded)
    assert result.message == message
