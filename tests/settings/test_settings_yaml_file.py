from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.cost import within
from worker.errors import Problem
from worker.settings import yaml_file
from worker.settings.yaml_file import YamlFile, content, parsed


def read(path: Path, environ: Mapping[str, str]) -> YamlFile | Problem:
    data = content(path)
    return data if isinstance(data, Problem) else parsed(str(path), data, environ)


def written(folder: Path, text: str | bytes, environ: dict[str, str] | None = None) -> YamlFile | Problem:
    path = folder / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, environ or {})


def good(folder: Path, text: str | bytes, environ: dict[str, str] | None = None) -> YamlFile:
    file = written(folder, text, environ)
    assert isinstance(file, YamlFile)
    return file


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("", None, id="empty"),
        pytest.param("# nothing\n", None, id="a comment"),
        pytest.param("a: [1, 2.5, true, null, text]", {"a": [1, 2.5, True, None, "text"]}, id="scalars"),
        pytest.param("a: 2024-01-01\nb: =", {"a": "2024-01-01", "b": "="}, id="dates are text"),
        pytest.param("1: a\non: b\n~: c", {"1": "a", "on": "b", "~": "c"}, id="keys are text"),
        pytest.param("a: &x [1]\nb: *x", {"a": [1], "b": [1]}, id="an alias"),
        pytest.param(b"\xef\xbb\xbfa: \xc3\xa9\r\n", {"a": "é"}, id="a byte order mark, and lines of Windows"),
        pytest.param("a: ${X}\nb: '${X}'\nc: $5", {"a": "7", "b": "7", "c": "$5"}, id="what is expanded is text"),
        pytest.param("a: !!str 5", {"a": "5"}, id="a tag of YAML's own"),
    ],
)
def test_a_file_is_read_as_plain_values(tmp_path: Path, text: str | bytes, value: object) -> None:
    """Mappings, lists, text, numbers: nothing else comes out of a file."""
    file = good(tmp_path, text, {"X": "7"})
    assert file.value == value
    assert file.problems == ()


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_every_value_has_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: type) -> None:
    """Lines and columns count from one, with either of PyYAML's parsers; what is not there has the place around it."""
    monkeypatch.setattr(yaml_file, "LOADER", loader)
    file = good(tmp_path, "a:\n  b:\n    - x: 1\n      é: 2\n")

    def place(*loc: str | int, at_key: bool = False) -> tuple[int, int, str]:
        problem = file.problem(loc, "", at_key=at_key)
        return problem.line, problem.column, problem.key

    assert place("a", "b", 0, "é") == (4, 10, "a.b[0].é")
    assert place("a", "b", 0, "é", at_key=True) == (4, 7, "a.b[0].é")
    assert place("a", "b", 0, "missing") == (3, 7, "a.b[0]")
    assert place("a", "b", 0, "x", "deeper") == (3, 10, "a.b[0].x")
    assert place() == (1, 1, "")
    assert file.place(("a", "b", 0)).endswith("file.yaml:3")


@pytest.mark.parametrize(
    ("text", "line", "column", "key", "message", "hint"),
    [
        pytest.param("a: 1\nb: 2\na: 3", 3, 1, "a", "the same key again", "the first is in line 1", id="repeated key"),
        pytest.param("a: {x y: 1, x y: 2}", 1, 13, "a.…", "the same key again", "in line 1", id="a key like a header"),
        pytest.param("a:\n  b: ${NO}", 2, 6, "a.b", "not set in the environment: NO", "${NO:-…}", id="unset variable"),
        pytest.param("a: ${no", 1, 4, "a", 'a "${" that begins no ${VARIABLE}', "write $${", id="no variable"),
        pytest.param("a: &x\n  - *x", 1, 4, "a[0]", "an alias that contains itself", "", id="recursive list"),
        pytest.param("a: &x {b: *x}", 1, 4, "a.b", "an alias that contains itself", "", id="recursive mapping"),
        pytest.param("a: {<<: {b: 1}}", 1, 5, "a", 'no merging with "<<" here', "defaults:", id="merge key"),
        pytest.param("[a]: 1", 1, 1, "", "a key that is no text", "", id="a list as a key"),
        pytest.param("a: !!python/name:os.system x", 1, 4, "a", "an unknown tag, python/name:os.system", "", id="tag"),
        pytest.param("a: !x {}", 1, 4, "a", "an unknown tag, !x", "", id="a tagged mapping"),
        pytest.param("a: !x []", 1, 4, "a", "an unknown tag, !x", "", id="a tagged list"),
        pytest.param("a: !!int many", 1, 4, "a", "no int", "", id="a tag that lies"),
        pytest.param("a: !!bool many", 1, 4, "a", "no bool", "", id="another that does"),
        pytest.param("a: " + "9" * 5000, 1, 4, "a", "no int", "", id="more digits than Python takes"),
        pytest.param("[" * 60 + "]" * 60, 1, 52, "[0]" * 51, "nested too deeply", "", id="nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_value_is_kept_with_the_rest(
    tmp_path: Path, text: str, line: int, column: int, key: str, message: str, hint: str
) -> None:
    """The file is read to the end, so that all of its problems can be told at once."""
    file = good(tmp_path, text)
    (problem,) = file.problems
    assert (problem.key, problem.message) == (key, message)
    assert hint in problem.hint
    assert (problem.line, problem.column) == (line, column)


def test_a_value_that_was_reported_is_known_to_be(tmp_path: Path) -> None:
    """So that one mistake is told once."""
    file = good(tmp_path, "a: ${NO}\nb: ${YES}", {"YES": "1"})
    assert file.is_reported(("a",))
    assert not file.is_reported(("b",))
    assert file.text(("b",)) == "${YES}"


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        pytest.param("a:\n\tb: 1", 2, 1, "not YAML: a tab", "YAML wants spaces", id="tab"),
        pytest.param("a: @x", 1, 4, "not YAML: a value can't begin with @", "put it in quotes", id="reserved sign"),
        pytest.param("cron: */20 * * * *", 1, 8, "not YAML: while scanning an alias", "has to be quoted", id="cron"),
        pytest.param("a: b: c", 1, 5, "not YAML: mapping values are not allowed", 'with ": " in it', id="colon"),
        pytest.param("a: [1, 2\nb: 3", 2, 2, "flow sequence", "a bracket is not closed", id="bracket"),
        pytest.param("a: 'x\nb: 1\n", 3, 1, "(it begins in line 1)", "a quote is not closed", id="quote"),
        pytest.param("- a\nb: 1\n", 2, 1, "block collection", "with a dash", id="no dash"),
        pytest.param("a: 1\n---\nb: 2", 2, 1, "found another document", "remove the line ---", id="two documents"),
        pytest.param('a: "\\q"', 1, 5, "unknown escape", "a backslash is written twice", id="escape"),
        pytest.param("a: *x", 1, 4, "not YAML: found undefined alias", "", id="unknown alias"),
        pytest.param(b"a: 1\nb: \xff", 2, 4, "a byte that is not UTF-8", "save the file as UTF-8", id="not UTF-8"),
        pytest.param("a: 1\nbc: \x00", 2, 5, "a control character, '\\x00'", "remove it", id="control character"),
        pytest.param("ab: \ufeff", 1, 5, "a control character, '\\ufeff'", "remove it", id="byte order mark inside"),
    ],
)
def test_a_file_that_is_no_yaml_is_one_problem(
    tmp_path: Path, text: str | bytes, line: int, column: int, message: str, hint: str
) -> None:
    """PyYAML's words, with the place and what to do."""
    problem = written(tmp_path, text)
    assert isinstance(problem, Problem)
    assert (problem.line, problem.column) == (line, column)
    assert message in problem.message
    assert hint in problem.hint


def test_pyyaml_without_libyaml_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML was installed without its C parser, the one in Python takes over, hints and all."""
    monkeypatch.setattr(yaml_file, "LOADER", yaml.SafeLoader)
    tab = written(tmp_path, "a:\n\tb: 1")
    dash = written(tmp_path, "- a\nb: 1\n")
    deep = written(tmp_path, "[" * 500 + "]" * 500)
    assert isinstance(tab, Problem)
    assert tab.message == "not YAML: a tab"
    assert isinstance(dash, Problem)
    assert "with a dash" in dash.hint
    assert isinstance(deep, Problem)
    assert deep.message == "nested too deeply"


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """Without a line, in the system's words."""
    assert read(tmp_path / "no.yaml", {}) == Problem(file=f"{tmp_path}/no.yaml", message="no such file")
    assert read(tmp_path, {}) == Problem(file=str(tmp_path), message="can't be read: Is a directory")
    assert read(Path("a\0"), {}) == Problem(file="a\0", message="can't be read: embedded null byte")


def test_billion_laughs_take_no_time(tmp_path: Path) -> None:
    """Aliases of aliases multiply to 10^9 values, and are made once each."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with within(1):
        file = good(tmp_path, "\n".join(lines))
    assert file.problems == ()
