"""What `feedmill init` says of the files that it writes."""

from __future__ import annotations

from tests.cli.conftest import Feedmill


def test_a_folder_is_named_as_it_is(feedmill: Feedmill) -> None:
    """Brackets in its name are not taken for markup."""
    assert "wrote [bold]/worker.yaml\n" in feedmill("init", "[bold]").stdout
    assert "kept  [bold]/worker.yaml, which exists\n" in feedmill("init", "[bold]").stdout
