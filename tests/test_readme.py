"""The README, and the guides that it leads to, say nothing that does not work."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.typed import typed
from worker.settings import load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = {
    path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "deploy").glob("[!R]*.md")))
}


def blocks(language: str) -> list[str]:
    found = (
        re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL) for text in GUIDES.values()
    )
    return [block for some in found for block in some]


def test_the_ways_to_read_records_work(
    demo: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By Python, DuckDB and pandas, on what the demo wrote."""
    out, _ = demo
    monkeypatch.chdir(out.parent)
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(block, names)  # noqa: S102  # the guides are ours
    assert names["last"]
    assert len(names["frame"]) == 51  # type: ignore[arg-type]
    assert len(names["latest"]) == 50  # type: ignore[arg-type]
    assert capsys.readouterr().out.count("\n") > 51


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_jq_line_works(demo: tuple[Path, str]) -> None:
    """A line a record."""
    out, _ = demo
    (line,) = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("jq ")]
    done = subprocess.run(line, shell=True, cwd=out.parent, capture_output=True, text=True, check=True)  # noqa: S602
    assert len(done.stdout.splitlines()) == 51


@pytest.mark.parametrize("place", ["a clone", "elsewhere"])
def test_the_first_commands_work(tmp_path: Path, place: str) -> None:
    """In a clone, which has a configuration, and elsewhere; but for `once`, which would ask the world."""
    (block,) = [block for block in blocks("sh") if "feedmill init " in block]
    commands = [line.partition("#")[0].split() for line in block.splitlines()]
    assert [words[:2] for words in commands] == [["feedmill", name] for name in ("init", "check", "once")]
    if place == "a clone":
        shutil.copytree(ROOT / "config", tmp_path / "config")
    for _, *words in commands[:2]:
        done = typed(*words, folder=tmp_path)
        assert words != ["check"] or "ok: 10 feeds" in done.stdout
    assert {file.name for file in (tmp_path / "config").iterdir()} == {"worker.yaml", "feeds.yaml"}


def test_nothing_is_said_twice() -> None:
    """No two paragraphs begin alike."""
    paragraphs = [paragraph for text in GUIDES.values() for paragraph in text.split("\n\n")]
    begins = [" ".join(paragraph.split()[:6]) for paragraph in paragraphs if not paragraph.startswith("```")]
    assert sorted(set(begins)) == sorted(begins)


@pytest.mark.parametrize("block", blocks("yaml"))
def test_a_feed_list_is_a_valid_one(tmp_path: Path, block: str) -> None:
    """The YAML, loaded."""
    (tmp_path / "feeds.yaml").write_text(block)
    (tmp_path / "worker.yaml").write_text("")
    settings = load(tmp_path / "worker.yaml", {"TOKEN": "x"})
    assert len(settings.feeds) == len(yaml.safe_load(block)["feeds"])


def test_every_room_is_in_the_picture() -> None:
    """The table of rooms follows the folders."""
    rooms = {path.name for path in (ROOT / "worker").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {room for room in rooms if f"worker/{room}/" not in README} <= {"bus", "cli", "demo", "model"}


def test_files_that_it_links_to_exist() -> None:
    """Relative links lead somewhere."""
    for path, text in GUIDES.items():
        for target in re.findall(r"\]\((?!https?:)([^)#]+)[)#]", text):
            assert (path.parent / target).exists(), target


def test_the_readme_is_read_in_minutes_and_leads_to_the_rest() -> None:
    """Each guide is named; what is longer belongs into one of them."""
    assert len(README.split()) < 1700
    assert [path.name for path in GUIDES if path.parent != ROOT and f"deploy/{path.name}" not in README] == []
