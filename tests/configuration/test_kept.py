"""Long lists that have not changed are not read again; whatever makes them say something else has them read."""

from __future__ import annotations

import os
import shutil
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.configuration import kept, reading
from worker.errors import ConfigError
from worker.settings import Settings, load
from worker.wiring.means import PRELOAD

WORLD = r"""
defaults: {tags: [world], skip: [{title: "^sponsored", older: 7d}, {language: [de, fr]}], full_text: never}
feeds:
  - https://a.example/feed
  - {url: https://b.example/, id: b, every: 15m, title: "Ü", tags: [x, "y/z"], recheck: [1h, 6h], expect: 2d}
  - {url: https://c.example/, cron: "0 6 * * *", backlog: {newest: 3},
     rewrite: [{match: (a), to: '\1'}], only: [{tag: q}]}
  - {url: https://d.example/?a=1, backfill: 30d, backfill_from: https://d.example/map, select: [main], remove: [b]}
  - https://a.example/other
"""
OPML = """<opml version="2.0"><body><outline text="News">
<outline text="$E" xmlUrl="https://e.example/"/></outline></body></opml>"""


class Folder:
    def __init__(self, root: Path) -> None:
        self.root, self.config, self.kept = root, root / "worker.yaml", root / "state.db.lists"
        self.world = root / "world.yaml"
        self.config.write_text("feeds: [world.yaml, '*.opml']\nstate: sqlite:///state.db\n")
        self.world.write_text(WORLD)
        (root / "readers.opml").write_text(OPML)

    def read(self) -> Settings:
        return reading.read(self.config, preload=PRELOAD)


@pytest.fixture
def read_again(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Long lists that are read, each time that they are; here, since it is the same elsewhere."""
    told: list[Path] = []
    monkeypatch.setattr(reading, "SHORT_BYTES", 0)

    def read_elsewhere(config: Path) -> Settings:
        told.append(config)
        return reading.keep(load(config, os.environ))

    monkeypatch.setattr(reading, "read_elsewhere", read_elsewhere)
    return told


@pytest.fixture
def folder(tmp_path: Path, read_again: list[Path]) -> Folder:
    """With lists that have been read once."""
    folder = Folder(tmp_path)
    folder.read()
    read_again.clear()
    return folder


def test_lists_that_have_not_changed_are_not_read(folder: Folder, read_again: list[Path]) -> None:
    """They give the same feeds, in all that these may have, and the same settings."""
    found = folder.read()
    assert not read_again
    assert found == load(folder.config, os.environ) == reading.look(folder.config)
    assert [feed.id for feed in found.feeds][1:3] == ["b", "c.example"]
    assert found.feeds[0].tags is found.feeds[4].tags  # what feeds have in common is there once


def test_what_worker_yaml_says_else_is_in_force(folder: Folder, read_again: list[Path]) -> None:
    """It is read each time."""
    folder.config.write_text(folder.config.read_text() + "schedule: {min: 1h}\n")
    assert folder.read().schedule.min_s == 3600
    assert not read_again


def saved(folder: Folder, before: str, after: str) -> None:
    """In the same second, at the same length, and with the same stamps."""
    assert len(before) == len(after)
    stat = folder.world.stat()
    text = folder.world.read_text()
    assert before in text
    folder.world.write_text(text.replace(before, after))
    os.utime(folder.world, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def renamed(folder: Folder, _: pytest.MonkeyPatch) -> None:
    folder.world.rename(folder.root / "other.yaml")
    folder.config.write_text(folder.config.read_text().replace("world", "other"))


def cut(length: int) -> Callable[[Folder, pytest.MonkeyPatch], None]:
    return lambda folder, _: os.truncate(folder.kept, length)


def lines_cut(folder: Folder, _: pytest.MonkeyPatch) -> None:
    folder.kept.write_bytes(b"".join(folder.kept.read_bytes().splitlines(keepends=True)[:-1]))


def a_folder(folder: Folder, _: pytest.MonkeyPatch) -> None:
    folder.kept.unlink()
    folder.kept.mkdir()


def longer(folder: Folder, _: pytest.MonkeyPatch) -> None:
    (folder.root / "a.opml").write_text(OPML.replace("e.example", "f.example"))


def damaged(folder: Folder, _: pytest.MonkeyPatch) -> None:
    folder.kept.write_bytes(folder.kept.read_bytes().replace(b"//a.example", b"//z.example"))


CHANGES: dict[str, Callable[[Folder, pytest.MonkeyPatch], None]] = {
    "a feed moves, in the same second and at the same length": lambda f, _: saved(f, "//a.example", "//z.example"),
    "a default of the list": lambda f, _: saved(f, "tags: [world]", "tags: [earth]"),
    "a filter": lambda f, _: saved(f, "older: 7d", "older: 9d"),
    "the list has another name, which filters tell": renamed,
    "a list comes before it": longer,
    "what is kept is gone": lambda f, _: f.kept.unlink(),
    "what is kept is cut": cut(500),
    "… within its first line": cut(10),
    "… to nothing": cut(0),
    "… by its last feed": lines_cut,
    "a byte of it is another": damaged,
    "the code is another": lambda _, patch: patch.setattr(kept, "_code", lambda: b"of a later version"),
    "it is a folder": a_folder,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_changes_has_the_lists_read(
    change: Callable[[Folder, pytest.MonkeyPatch], None],
    folder: Folder,
    read_again: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing stale is taken, and nothing that is damaged."""
    change(folder, monkeypatch)
    assert folder.read() == load(folder.config, os.environ)
    assert read_again


SECRETS = {
    "a variable in a URL": "feeds: ['https://s.example/${TOKEN}']",
    "a variable in a header": "feeds: [{url: https://s.example/, headers: {X-Key: 'Bearer ${TOKEN}'}}]",
    "a variable of which the file has no dollar": 'feeds: ["https://s.example/\\x24{TOKEN}"]',
    "a variable in a tag": "feeds: [{url: https://s.example/, tags: ['${TOKEN}']}]",
    "a variable among the defaults": "defaults: {title: '${TOKEN}'}\nfeeds: [https://s.example/]",
    "a header": "feeds: [{url: https://s.example/, headers: {X-Key: hush-hush}}]",
    "a header among the defaults": "defaults: {headers: {X-Key: hush-hush}}\nfeeds: [https://s.example/]",
    "credentials in a URL": "feeds: ['https://user:hush-hush@s.example/']",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_no_secret_is_kept(
    secret: str, folder: Folder, read_again: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that may hold some is read each time, and as the environment is then; the others are kept."""
    monkeypatch.setenv("TOKEN", "hush-hush")
    (folder.root / "secret.yaml").write_text(secret)
    folder.config.write_text("feeds: [world.yaml, secret.yaml, readers.opml]\nstate: sqlite:///state.db\n")
    found = folder.read()
    assert read_again
    said = str(found.feeds[-2]) + str(found.feeds[-2].headers)
    assert "hush-hush" in said or b64encode(b"user:hush-hush").decode() in said
    assert {path.name for path in folder.root.iterdir()} == {
        "worker.yaml", "world.yaml", "secret.yaml", "readers.opml", "state.db.lists",
    }  # fmt: skip
    assert b"s.example" not in folder.kept.read_bytes()
    assert folder.kept.stat().st_mode & 0o777 == 0o600

    read_again.clear()
    monkeypatch.setattr(reading, "SHORT_BYTES", 100)  # of the new list, and not of all
    monkeypatch.setenv("TOKEN", "changed-meanwhile")
    assert folder.read() == load(folder.config, os.environ)
    assert not read_again
    assert b"s.example" not in folder.kept.read_bytes()


@pytest.mark.parametrize("again", ["https://b.example/", "{url: https://n.example/, id: b}"])
def test_a_feed_that_stands_in_a_kept_list_too_is_wrong(
    again: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is where both are read, with both their lines."""
    (folder.root / "a.yaml").write_text(f"feeds:\n  - {again}\n")
    folder.config.write_text("feeds: [world.yaml, a.yaml]\nstate: sqlite:///state.db\n")
    monkeypatch.setattr(reading, "SHORT_BYTES", 100)
    with pytest.raises(ConfigError) as read:
        folder.read()
    with pytest.raises(ConfigError) as looked:
        reading.look(folder.config)
    assert read.value.problems == looked.value.problems
    assert [(Path(p.file).name, p.line) for p in read.value.problems] == [("a.yaml", 2)]
    assert "world.yaml:5" in str(read.value)


def test_where_nothing_can_be_kept_the_lists_are_read(folder: Folder, read_again: list[Path]) -> None:
    """There may be no place for it, or a state that is no file."""
    for state in ("sqlite:///worker.yaml/state.db", "postgresql://u@127.0.0.1/none"):
        folder.config.write_text(f"feeds: [world.yaml]\nstate: {state}\n")
        for _ in range(2):
            assert len(folder.read().feeds) == 5
    assert len(read_again) == 4


def test_another_list_in_place_of_one_is_kept_beside_the_others(folder: Folder, read_again: list[Path]) -> None:
    """Of what is kept, a list that is not named any more is passed over."""
    folder.config.write_text("feeds: [readers.opml]\nstate: sqlite:///state.db\n")
    found = folder.read()
    assert not read_again
    assert found == load(folder.config, os.environ)


@pytest.mark.parametrize(
    "name", ["settings/feed_list.py", "model/feed.py", "urls.py", "patterns.py", "configuration/kept.py"]
)
def test_the_code_that_makes_feeds_of_a_list_is_part_of_what_is_kept(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a later version would go on with what an earlier one made of them."""
    copied = tmp_path / "worker"
    shutil.copytree(Path(kept.__file__).parents[1], copied)
    monkeypatch.setattr(kept, "__file__", str(copied / "configuration/kept.py"))
    before = kept._code.__wrapped__()
    (copied / name).write_text("# of a later version")
    assert kept._code.__wrapped__() != before
