"""Who owns what root has made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.output.conftest import make_segments
from worker.output import OutputDirectory
from worker.output.disk.lock import locked
from worker.settings.editing import replace
from worker.store.database.holding import locked as locked_state
from worker.store.database.opening import open_database

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
SERVICE = 65534


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of a service that has an account of its own."""
    (home := tmp_path / "home").mkdir()
    os.chown(home, SERVICE, SERVICE)
    return home


def test_what_root_makes_there_is_the_services(home: Path) -> None:
    """Else the service could not write its own files after `poll`, `recover` or `forget` was run by root."""
    with locked_state(state := home / "deep" / "state" / "state.db"):
        state.write_bytes(b"")  # a copy that root has put back
        open_database(state).dispose()
    out = home / "out"
    with locked(out):
        directory = OutputDirectory.open(out, schema=b"{}", latest=True)
        for segment in make_segments(2):
            directory.publish(segment)
    assert {path.stat().st_uid for path in home.rglob("*")} == {SERVICE}
    assert len(list(out.rglob("*.json*"))) > 8


def test_a_link_gives_nothing_away(home: Path) -> None:
    """It could lead to any file of root's."""
    (secret := home.parent / "secret").write_text("")
    (home / ".lock").symlink_to(secret)
    with locked(home):
        pass
    assert secret.stat().st_uid == 0


def test_a_list_that_root_adds_to_stays_its_owners(home: Path) -> None:
    """`feedmill add` puts a new file in its place."""
    (feeds := home.parent / "feeds.yaml").write_text("feeds: []\n")
    os.chown(feeds, SERVICE, SERVICE)
    replace(feeds, feeds.read_bytes(), b"feeds: [http://a.example/]\n")
    assert (feeds.stat().st_uid, feeds.stat().st_gid) == (SERVICE, SERVICE)
