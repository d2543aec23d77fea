"""Feeds that are added to a list in place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import within
from worker.errors import ConfigError
from worker.settings import editing, init_files

NEW = {"url": "https://new.example/feed", "id": "new", "tags": ["a b", "c"]}
BARE = {"url": "https://new.example/feed"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", "feeds:\n  - U\n", id="an empty file"),
        pytest.param("# nothing yet\n", "# nothing yet\nfeeds:\n  - U\n", id="comments alone"),
        pytest.param("feeds:\n", "feeds:\n  - U\n", id="nothing under the key"),
        pytest.param("feeds:", "feeds:\n  - U\n", id="no end of line"),
        pytest.param("feeds: []  # none\n", "feeds:  # none\n  - U\n", id="an empty list"),
        pytest.param("feeds: null\n", "feeds:\n  - U\n", id="null"),
        pytest.param(
            "feeds:\n  #- https://a.example/\n\ndefaults: {}\n",
            "feeds:\n  #- https://a.example/\n  - U\n\ndefaults: {}\n",
            id="after examples that are commented out",
        ),
        pytest.param("feeds:\n- a\n", "feeds:\n- a\n- U\n", id="dashes below the key"),
        pytest.param("feeds:\n    -   a\n", "feeds:\n    -   a\n    -   U\n", id="its own indentation"),
        pytest.param("feeds:\n  - a # why\n", "feeds:\n  - a # why\n  - U\n", id="a comment behind the last"),
        pytest.param("feeds:\n  - a", "feeds:\n  - a\n  - U\n", id="no end of line after the last"),
        pytest.param(
            "feeds:\n  - url: a\n    id: x\n    #every: 5m\n\n# the end\ndefaults: {full_text: never}\n",
            "feeds:\n  - url: a\n    id: x\n    #every: 5m\n  - U\n\n# the end\ndefaults: {full_text: never}\n",
            id="a mapping with a comment of its own, and another key",
        ),
        pytest.param(
            "feeds:\n  - url: a\n    tags:\n      - x\n      - y\n",
            "feeds:\n  - url: a\n    tags:\n      - x\n      - y\n  - U\n",
            id="a list within the last",
        ),
        pytest.param("feeds:\n  - a\n\n  - b\n", "feeds:\n  - a\n\n  - b\n\n  - U\n", id="an empty line between them"),
        pytest.param("feeds:\n  - url: >-\n      a\n\n", "feeds:\n  - url: >-\n      a\n\n  - U\n", id="a folded text"),
        pytest.param("feeds: [a]  # x\n", "feeds: [a, {url: 'U'}]  # x\n", id="in brackets"),
        pytest.param(
            "feeds: [\n  a,\n  b,\n]\n", "feeds: [\n  a,\n  b, {url: 'U'},\n]\n", id="in brackets, line by line"
        ),
        pytest.param("{feeds: [a]}", "{feeds: [a, {url: 'U'}]}", id="all in brackets"),
        pytest.param("feeds:\r\n  - a\r\n", "feeds:\r\n  - a\r\n  - U\r\n", id="the lines of Windows"),
        pytest.param("---\nfeeds:\n  - a\n", "---\nfeeds:\n  - a\n  - U\n", id="a document's beginning"),
    ],
)
def test_a_feed_is_put_in_and_all_else_stays(before: str, after: str) -> None:
    """Byte by byte, in the manner of its neighbours."""
    assert editing.added(before, [BARE], name="f") == after.replace("U", BARE["url"])


def test_what_is_said_of_a_feed_stands_below_it() -> None:
    """Quoted where YAML wants it."""
    item = {**NEW, "cron": "*/5 * * * *", "title": "yes: # no", "every": "5m"}
    text = editing.added("feeds:\n  - a\n", [item], name="f")
    assert text == (
        "feeds:\n  - a\n  - url: https://new.example/feed\n    id: new\n    tags: [a b, c]\n"
        "    cron: '*/5 * * * *'\n    title: 'yes: # no'\n    every: 5m\n"
    )


def test_the_files_that_init_writes_can_be_added_to() -> None:
    """The last feed keeps the line that is commented out in it."""
    before = init_files()["feeds.yaml"]
    after = editing.added(before, [NEW, BARE], name="f")
    assert after.startswith(before)
    assert yaml.safe_load(after)["feeds"][-2:] == [NEW, BARE["url"]]


@pytest.mark.parametrize(
    "text",
    ["- a\n", "feeds: {a: b}\n", "{}", "feeds: *x", "feeds:\n  - a\n...\n---\nfeeds: []\n", "defaults: {}\n...\n", "a"],
)
def test_what_cannot_be_added_to_is_left_alone(text: str) -> None:
    """With the lines to add by hand."""
    with pytest.raises(ConfigError, match="add by hand") as caught:
        editing.added(text, [NEW], name="feeds.yaml")
    assert NEW["url"] in str(caught.value)


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufeff\ufffe\uffff"),
    max_size=30,
)


@given(
    title=texts,
    tags=st.lists(texts, max_size=4),
    before=st.sampled_from(["", "feeds:\n- a\n", "feeds: [a]\n", "feeds: []\n", "feeds:\n    - url: a\n      id: b\n"]),
)
def test_any_text_comes_back_as_it_was(title: str, tags: list[str], before: str) -> None:
    """Whatever YAML could take it for; and no text becomes a variable."""
    item = {"url": "https://new.example/?${SECRET}", "title": title, "tags": tags}
    written = yaml.safe_load(editing.added(before, [item], name="f"))["feeds"][-1]
    escaped = {"url": "https://new.example/?$${SECRET}", "title": title.replace("${", "$${")}
    assert written == {**escaped, "tags": [tag.replace("${", "$${") for tag in tags]}


def test_a_long_list_is_added_to_in_no_time() -> None:
    """Five thousand feeds, and as many more."""
    before = "feeds:\n" + "".join(f"  - https://h{n}.example/feed\n" for n in range(5_000))
    with within(15):
        after = editing.added(before, [{"url": f"https://n{n}.example/"} for n in range(5_000)], name="f")
        assert after.count("\n") == 10_001


def test_a_file_is_replaced_whole_with_its_rights(tmp_path: Path) -> None:
    """Through a link, and never in the middle of another's change."""
    real = tmp_path / "real.yaml"
    real.write_bytes(b"before")
    real.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    editing.replace(link, b"before", b"after")
    assert (real.read_bytes(), real.stat().st_mode & 0o777, link.is_symlink()) == (b"after", 0o640, True)
    with pytest.raises(ConfigError, match="changed meanwhile"):
        editing.replace(link, b"before", b"again")
    assert real.read_bytes() == b"after"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """With the file that it was about."""
    with pytest.raises(ConfigError, match=r"gone/feeds.yaml: can't be written"):
        editing.replace(tmp_path / "gone/feeds.yaml", b"", b"x")
