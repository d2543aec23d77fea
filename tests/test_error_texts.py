"""The errors that an operator sees: their texts, and which catches which."""

from __future__ import annotations

import pytest

from worker import errors
from worker.errors import (
    ConfigError,
    FeedmillError,
    OutputError,
    OutputLocked,
    Problem,
    StateDamaged,
    StateError,
    StateLocked,
    StateLost,
    StateUnreachable,
    TaskCrashed,
    TaskError,
    TaskTimeout,
)

PROBLEMS = {
    "all there is": (
        Problem(file="feeds.yaml", line=3, column=5, key="feeds.0.evry", message="unknown key", hint="every?"),
        "feeds.yaml:3:5: feeds.0.evry: unknown key (every?)",
    ),
    "a line alone": (Problem(file="feeds.yaml", line=3, message="no YAML"), "feeds.yaml:3: no YAML"),
    "a file alone": (
        Problem(file="worker.yaml", message="there is no such file"),
        "worker.yaml: there is no such file",
    ),
    "a key without a line": (Problem(file="a", key="web", message="unknown key"), "a: web: unknown key"),
}


@pytest.mark.parametrize(("problem", "text"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_problem_is_a_line_that_editors_can_follow(problem: Problem, text: str) -> None:
    """File, line and column as compilers give them, then what is wrong and what may be meant."""
    assert str(problem) == text


def test_problems_are_in_the_order_of_files_lines_and_columns() -> None:
    """Lines by number, not by text."""
    places = [("a", 2, 1), ("a", 10, 1), ("a", 10, 3), ("b", 1, 1)]
    problems = [Problem(file=file, line=line, column=column, message="x") for file, line, column in places]
    assert sorted([problems[n] for n in (2, 0, 3, 1)]) == problems


def test_a_config_error_shows_all_its_problems() -> None:
    """One line each, in the order given."""
    one, two = Problem(file="a", message="x"), Problem(file="b", message="y")
    error = ConfigError([one, two])
    assert (str(error), error.problems) == ("a: x\nb: y", (one, two))


def test_a_locked_state_says_who_holds_it() -> None:
    """The operator is to find the other process."""
    error = StateLocked("state.db", "pid 7 on a")
    assert (error.path, error.holder) == ("state.db", "pid 7 on a")
    assert "state.db is in use by pid 7 on a" in str(error)


def test_a_damaged_state_says_what_can_be_done() -> None:
    """Two ways out, each a command."""
    error = StateDamaged("state.db", "file is not a database")
    assert (error.path, error.problem) == ("state.db", "file is not a database")
    said = ("state.db is damaged (file is not", "feedmill backup", "feedmill recover")
    assert all(part in str(error) for part in said)


TREE = [
    (StateLocked, StateError),
    (StateLost, StateError),
    (StateDamaged, StateLost),
    (StateUnreachable, StateError),
    (OutputLocked, OutputError),
    (TaskTimeout, TaskError),
    (TaskCrashed, TaskError),
]


@pytest.mark.parametrize(("error", "family"), TREE, ids=[error.__name__ for error, _ in TREE])
def test_the_tree_of_errors_is_the_one_drawn(error: type[Exception], family: type[Exception]) -> None:
    """The kinds are caught by their family, and all by FeedmillError."""
    assert issubclass(error, family)
    assert issubclass(family, FeedmillError)


def test_every_error_of_the_module_is_drawn() -> None:
    """The tree at the top of the module names each."""
    found = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    assert len(found) >= 8
    assert all(error.__name__ in (errors.__doc__ or "") and issubclass(error, FeedmillError) for error in found)
