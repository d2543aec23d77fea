from __future__ import annotations

from pathlib import Path

import pytest

from worker.output import commit, committed


def test_what_is_committed_is_kept(tmp_path: Path) -> None:
    """For each name apart, in a folder that is made; the last one counts, also one that goes back."""
    folder = tmp_path / "some/where"
    assert committed(folder, "a") is None
    for name, cursor in (("a", "dzE6MQ"), ("b", "dzE6Mw"), ("a", "dzE6Mg"), ("a", "dzE6MQ")):
        commit(folder, name, cursor)
        assert committed(folder, name) == cursor
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a": "dzE6MQ", "b": "dzE6Mw"}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/x", ".a", "a" * 65, "é", "a\n"], ids=repr)
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    """It becomes a file name."""
    with pytest.raises(ValueError, match="not the name of a consumer"):
        commit(tmp_path, name, "dzE6MQ")
    with pytest.raises(ValueError, match="not the name of a consumer"):
        committed(tmp_path, name)
