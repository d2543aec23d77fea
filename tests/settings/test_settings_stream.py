"""`output.stream`: where records go beside the directory."""

from __future__ import annotations

import pytest

from tests.settings.configs import Config


def test_a_stream_is_named_by_its_url_or_as_ours_are(config: Config) -> None:
    """Another name than the bus has; none by itself."""
    assert config.write(worker="").load().output.stream is None
    found = config.write(worker="output: {stream: 'nats://nats.example'}").load().output.stream
    assert found is not None
    assert (list(found.servers), found.stream) == (["nats://nats.example:4222"], "feedmill-records")
    found = config.write(worker="output: {stream: 'tls://nats.example:1/news'}").load().output.stream
    assert found is not None
    assert (list(found.servers), found.stream) == (["tls://nats.example:1"], "news")


@pytest.mark.parametrize("stream", ["local", "nats://", "http://nats.example", "nats://nats.example/a.b", "[]"])
def test_what_is_no_stream_is_refused(config: Config, stream: str) -> None:
    """With what one looks like."""
    (found,) = config.write(worker=f"output: {{stream: '{stream}'}}").complaints()
    assert "output.stream: expected null, or a broker such as nats://user:${PASSWORD}@nats.example:4222/news" in found


def test_the_stream_of_the_bus_is_no_place_for_records(config: Config) -> None:
    """What is on that is taken from there."""
    (found,) = config.write(
        worker="state: postgresql://db.example/x\nbus: nats://a.example/x\noutput: {stream: 'nats://a.example/x'}"
    ).complaints()
    assert "output: expected a stream of another name than the bus has" in found


def test_what_lets_us_in_is_a_secret(config: Config) -> None:
    """Logs and messages leave it out."""
    settings = config.write(worker="output: {stream: 'nats://mill:${PW}@nats.example'}").load({"PW": "t0psecret"})
    assert "t0psecret" in settings.secrets
    assert "t0psecret" not in repr(settings)
