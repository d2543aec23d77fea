"""The commands that configure and show."""

from __future__ import annotations

import json
import os
import pty
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from tests import warm
from tests.site import Answer, Site
from tests.typed import Typed, typed
from tests.whole.conftest import Worker
from tests.whole.pages import item, rss
from worker.cli.main import app
from worker.output import locked


def feedmill(*args: str, folder: Path, status: int = 0, **environ: str) -> Typed:
    """The command, typed in `folder`."""
    return typed(*args, folder=folder, status=status, environ={"COLUMNS": "120", **environ})


def test_init_writes_a_configuration_that_checks(tmp_path: Path) -> None:
    """Both files, commented; a second time it touches neither."""
    feedmill("init", folder=tmp_path)
    assert "ok: 10 feeds in 1 list" in feedmill("check", folder=tmp_path).stdout
    (tmp_path / "config/feeds.yaml").write_text("feeds: [https://example.org/feed]\n")
    assert "kept" in feedmill("init", folder=tmp_path).stdout
    assert "ok: 1 feed in 1 list" in feedmill("check", folder=tmp_path).stdout


def test_check_reports_every_mistake_at_once(tmp_path: Path) -> None:
    """With file, line and the nearest right key, for people and for programs; the status is 2."""
    (tmp_path / "worker.yaml").write_text("fetch:\n  conccurency: 3\n  timeout: 17\nfeeds: [feeds.yaml, gone.yaml]\n")
    (tmp_path / "feeds.yaml").write_text("feeds:\n  - https://a.example/feed\n  - url: https://a.example/feed\n")
    done = feedmill("check", "-c", "worker.yaml", folder=tmp_path, status=2)
    said = done.stderr.splitlines()
    assert said[-1] == "4 problems"
    for part in ("worker.yaml:2", 'did you mean "concurrency"?', "worker.yaml:3", "gone.yaml", "feeds.yaml:3"):
        assert part in done.stderr
    problems = json.loads(feedmill("check", "-c", "worker.yaml", "--json", folder=tmp_path, status=2).stdout)
    assert len(problems["problems"]) == 4


@pytest.mark.parametrize("command", ["once", "run", "status", "check"])
def test_a_missing_configuration_says_what_to_do(tmp_path: Path, command: str) -> None:
    """Every command that needs one ends with 2 and names `feedmill init`."""
    assert "feedmill init" in feedmill(command, folder=tmp_path, status=2).stderr


def test_a_state_is_not_moved_to_where_it_is(tmp_path: Path) -> None:
    """That is said, and not that somebody uses it."""
    feedmill("init", folder=tmp_path)
    said = feedmill("migrate-state", "--to", "sqlite:///../state/feedmill.db", folder=tmp_path, status=2).stderr
    assert "that is where the state is" in said


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    """As `init` takes one: the file in it is to be named."""
    feedmill("init", "elsewhere", folder=tmp_path)
    said = feedmill("check", "-c", "elsewhere", folder=tmp_path, status=2).stderr
    assert "elsewhere: can't be read: Is a directory (name the file in it)" in said


def test_the_configuration_may_be_named_by_the_environment(tmp_path: Path) -> None:
    """`$FEEDMILL_CONFIG` stands in for `--config`."""
    feedmill("init", "elsewhere", folder=tmp_path)
    feedmill("check", folder=tmp_path, FEEDMILL_CONFIG="elsewhere/worker.yaml")


def test_status_without_a_state_says_what_makes_one(tmp_path: Path) -> None:
    """No state is made by looking."""
    feedmill("init", folder=tmp_path)
    assert "feedmill once" in feedmill("status", folder=tmp_path, status=1).stderr
    assert not (tmp_path / "state").exists()


def test_status_shows_when_and_what(site: Site, worker: Worker) -> None:
    """A line a feed, and totals; titles and errors of strangers cannot colour the terminal."""
    evil = "\x1b[31mred\x1b[0m [bold]x[/]"
    body = f"<rss version='2.0'><channel><title>{evil[1:]}</title></channel></rss>".encode()
    worker.configure([site.add("a", "/feed", Answer(body=body)), site.add("b", "/feed", Answer(status=500))])
    worker.once()
    shown = worker.run("status").stdout
    assert "ok" in shown
    assert "500" in shown
    assert "2 feeds, 1 failing" in shown
    assert "\x1b" not in shown
    failing = worker.run("status", "--failing").stdout
    assert "b.localhost" in failing
    assert "a.localhost" not in failing


def test_where_nothing_is_due_it_is_said_how_to_try_what_failed(site: Site, worker: Worker) -> None:
    """On a terminal; where nothing failed, there is nothing to try."""
    for answer, said in (
        (Answer(body=rss(item("1")), content_type="application/rss+xml"), "Nothing is due; --all polls anyway."),
        (Answer(status=404), "Nothing is due; 1 feed that failed waits for another try"),
    ):
        worker.configure([site.add("a", "/feed", answer)])
        worker.once(every=True)
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            with os.fdopen(theirs, "wb", closefd=False) as file:
                done = warm.Process(worker.command("once"), env=worker.environment(), stdout=file, stderr=file)
            os.close(theirs)
            shown = b""
            with suppress(OSError):  # as Linux ends it
                while some := terminal.read(4096):
                    shown += some
            assert done.wait(60) == 0
        assert said in " ".join(shown.decode().split())


@pytest.mark.parametrize("which", ["record", "config", "feeds"])
def test_schema_prints_json_schemas(tmp_path: Path, which: str) -> None:
    """Valid ones, of draft 2020-12."""
    schema = json.loads(feedmill("schema", which, folder=tmp_path).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)


def test_two_workers_do_not_write_to_one_directory(tmp_path: Path) -> None:
    """Even if each has a state of its own; the status is 2."""
    (tmp_path / "worker.yaml").write_text("{feeds: [], output: {dir: out}, state: 'sqlite:///other.db'}")
    with locked(tmp_path / "out"):
        done = feedmill("once", "-c", "worker.yaml", folder=tmp_path, status=2)
    assert f"out is being written by process {os.getpid()}" in done.stderr


def test_version_and_help(tmp_path: Path) -> None:
    """Both exist; what each command's help says: tests/test_documentation.py."""
    assert feedmill("--version", folder=tmp_path).stdout.startswith("feedmill ")
    assert "once" in feedmill("--help", folder=tmp_path).stdout


def test_the_shell_completes_commands(tmp_path: Path) -> None:
    """As the script that `--install-completion` installs asks for them."""
    asked = {"_FEEDMILL_COMPLETE": "complete_bash", "COMP_WORDS": "feedmill ver", "COMP_CWORD": "1"}
    assert feedmill(folder=tmp_path, **asked).stdout.split() == ["verify"]


@pytest.mark.parametrize("args", [["pol"], ["once", "--every"]], ids=["command", "option"])
def test_wrong_use_ends_with_2(args: list[str]) -> None:
    """An unknown command, an unknown option."""
    assert CliRunner().invoke(app, args).exit_code == 2
