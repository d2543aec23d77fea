"""`bus`: where work is handed out between machines."""

from __future__ import annotations

import pytest

from tests.settings.configs import Config
from worker.settings.endpoints import broker


@pytest.mark.parametrize(
    ("url", "servers", "stream"),
    [
        pytest.param("nats://nats.example", ["nats://nats.example:4222"], "feedmill", id="a host"),
        pytest.param("nats://10.0.0.1:4333/", ["nats://10.0.0.1:4333"], "feedmill", id="a port"),
        pytest.param("tls://[::1]:1/news-2", ["tls://[::1]:1"], "news-2", id="a stream"),
        pytest.param("nats://u:p@a,b:1", ["nats://a:4222", "nats://b:1"], "feedmill", id="several"),
    ],
)
def test_a_broker_is_taken_as_nats_takes_it(url: str, servers: list[str], stream: str) -> None:
    """Host and port, or several, and the name of the stream."""
    found = broker(url)
    assert found is not None
    assert (list(found.servers), found.stream) == (servers, stream)


@pytest.mark.parametrize(
    ("who", "user", "password", "token"),
    [
        pytest.param("mill:p%40ss%2Fw0rd@", "mill", "p@ss/w0rd", None, id="user and password"),
        pytest.param("s3cr3t@", None, None, "s3cr3t", id="a token"),
        pytest.param("", None, None, None, id="nobody"),
    ],
)
def test_what_lets_us_in_is_shown_nowhere(who: str, user: str | None, password: str | None, token: str | None) -> None:
    """It is not in the servers' addresses either, which are logged."""
    found = broker(f"nats://{who}nats.example")
    assert found is not None
    assert (found.user, found.password, found.token) == (user, password, token)
    assert not any(secret in f"{found} {found!r}" for secret in (password, token) if secret)


@pytest.mark.parametrize(
    "bus",
    [
        "nats",
        "nats://",
        "http://nats.example",
        "nats://nats.example/a/b",
        "nats://a:0x1",
        "nats://a b",
        "''",
        "[local]",
    ],
)
def test_what_is_no_broker_is_refused(config: Config, bus: str) -> None:
    """With what one looks like."""
    (found,) = config.write(worker=f"bus: {bus}").complaints()
    assert "bus: expected local, or a broker such as nats://user:${PASSWORD}@nats.example:4222" in found


def test_a_state_for_one_process_has_no_bus(config: Config) -> None:
    """The process that has a SQLite state is alone with it."""
    (found,) = config.write(worker="bus: nats://nats.example").complaints()
    assert found.startswith("worker.yaml:1:6: bus: expected local, since the process that has a SQLite state is alone")
    assert "(state: postgresql://…, or no bus)" in found


def test_local_is_none(config: Config) -> None:
    """As is leaving it out."""
    assert config.write(worker="bus: local").load().bus is None
    assert config.write(worker="").load().bus is None


def test_a_secret_of_the_environment_is_in_no_message(config: Config) -> None:
    """However wrong the rest is."""
    found = config.write(worker="bus: nats://mill:${PW}@/x").complaints({"PW": "t0psecret"})
    assert "t0psecret" not in str(found)
