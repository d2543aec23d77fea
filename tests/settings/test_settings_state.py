"""Where the state is."""

from __future__ import annotations

import pytest

from tests.settings.configs import Config
from worker.model import Server

URL = "postgresql://mill:p%40ss@db.example:5433/feedmill?sslmode=require&sslpassword=other"


def test_a_state_may_be_a_database_on_a_server(config: Config) -> None:
    """The URL is handed on as it is written."""
    assert config.write(worker=f"state: {URL}").load().state == Server(URL)


def test_its_passwords_are_nowhere_shown(config: Config) -> None:
    """Neither by the state's name nor by the settings; they are among the secrets that logs leave out."""
    settings = config.write(worker=f"state: {URL}").load()
    assert str(settings.state) == "postgresql://mill@db.example:5433/feedmill?sslmode=require"
    assert settings.secrets >= {"p%40ss", "p@ss", "other"}
    for shown in (str(settings), repr(settings), repr(settings.state)):
        assert "p%40ss" not in shown
        assert "other" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "postgres://h/x",
        "postgresql:///x?host=/run/postgresql",
        "postgresql://a:1,b:2/x?target_session_attrs=read-write",
    ],
)
def test_what_libpq_takes_is_taken(config: Config, url: str) -> None:
    """Sockets, and several hosts, too."""
    assert str(config.write(worker=f"state: '{url}'").load().state).startswith(url.partition("?")[0])
