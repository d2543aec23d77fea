from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pydantic
import pytest

from tests.cost import within
from tests.settings.configs import Config
from worker.configuration.current import _derived, _pace
from worker.errors import ConfigError, Problem
from worker.settings import Dedup, Extract, Fetch, Log, Output, Schedule, load


@pytest.mark.parametrize("worker", ["", "# nothing\n", "output:\nfetch:\n  per_host:\nlog:\n", "{}"])
def test_everything_has_a_default(config: Config, worker: str) -> None:
    """An empty file, or one with all keys of its sections commented out, is a whole configuration."""
    settings = config.write(worker=worker).load()
    parent = config.folder.parent
    assert settings.state == parent / "state/feedmill.db"
    assert settings.output == Output().model_copy(update={"dir": parent / "out"})
    assert settings.fetch == Fetch()
    assert (settings.schedule, settings.extract, settings.dedup, settings.log) == (
        Schedule(),
        Extract(),
        Dedup(),
        Log(),
    )
    assert settings.feeds == ()
    assert settings.files == (config.folder / "worker.yaml", config.folder / "feeds.yaml")


def test_every_key_can_be_set(config: Config) -> None:
    """Durations become seconds, sizes bytes, networks networks; paths are relative to the file."""
    settings = config.write(
        worker="""
feeds: []
state: sqlite:///db/state.db
output:
  {dir: records, seal_after: 1h30m, seal_records: 7, keep: 400d, latest: true, archive: warc, min_free: 2GB,
   feed_json: 50, stream: "nats://me:pw@nats.example/news", compact: {enabled: false, zstd: "${Z}", grace: 0s}}
fetch:
  contact: you@example.org
  concurrency: 8
  per_host: {concurrency: 2, delay: 250ms}
  hosts: {Example.com: {delay: 0s, proxy: "https://proxy.example/"}}
  proxy: http://me:pw@127.0.0.1:3128
  timeout: 5s
  max_feed: 1.5MB
  max_page: 20kB
  allow_addresses: [127.0.0.0/8, "::1"]
  robots: false
  retries: [1s]
schedule: {min: 20s, first: 2h, max: 3d, jitter: 1, timezone: Europe/Berlin}
extract: {workers: 3, timeout: 2s, memory: 512MB}
dedup: {window: 0s, keep: 1d, exact: link, near: off}
log: {level: debug, format: json}
"""
    ).load({"Z": "true"})
    assert settings.state == config.folder / "db/state.db"
    assert settings.output.model_dump() == {
        "dir": config.folder / "records",
        "seal_after_s": 5400,
        "seal_records": 7,
        "min_free_bytes": 2_000_000_000,
        "keep_s": 400 * 86400,
        "latest": True,
        "feed_json": 50,
        "shards": 1,
        "archive": "warc",
        "stream": {
            "servers": ("nats://nats.example:4222",),
            "stream": "news",
            "user": "me",
            "password": "pw",
            "token": None,
        },
        "compact": {"enabled": False, "zstd": True, "grace_s": 0},
    }
    assert settings.fetch.model_dump() == {
        "contact": "you@example.org",
        "concurrency": 8,
        "per_host": {"concurrency": 2, "delay_s": 0.25},
        "hosts": {"example.com": {"concurrency": 1, "delay_s": 0, "proxy": "https://proxy.example/"}},
        "proxy": "http://me:pw@127.0.0.1:3128",
        "timeout_s": 5,
        "max_feed_bytes": 1_500_000,
        "max_page_bytes": 20_000,
        "allow_addresses": (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        "robots": False,
        "retries_s": (1,),
    }
    assert settings.schedule.model_dump() == {
        "min_s": 20,
        "first_s": 7200,
        "max_s": 259200,
        "jitter": 1,
        "timezone": "Europe/Berlin",
    }
    assert settings.extract.model_dump() == {
        "effort": "normal",
        "workers": 3,
        "timeout_s": 2,
        "memory_bytes": 512_000_000,
    }
    assert settings.dedup.model_dump() == {"window_s": 0, "keep_s": 86400, "exact": "link", "near": "off"}
    assert settings.log.model_dump() == {"level": "debug", "format": "json"}


def test_any_value_can_come_from_the_environment(config: Config) -> None:
    """Numbers as well, which are text there; an empty contact is none."""
    settings = config.write(
        worker="""
feeds: ["${LISTS}/more.yaml"]
state: sqlite:///${DB}
fetch: {contact: "${CONTACT:-}", concurrency: "${MANY}", timeout: "${WAIT:-5s}"}
schedule: {jitter: "${JITTER}"}
extract: {workers: "${MANY}"}
log: {level: "${LEVEL:-debug}"}
""",
        more="feeds: [https://example.org/]",
    ).load({"DB": "/var/x.db", "MANY": "12", "JITTER": "0.5", "LISTS": "."})
    assert settings.state == Path("/var/x.db")
    assert (settings.fetch.contact, settings.fetch.concurrency, settings.fetch.timeout_s) == (None, 12, 5)
    assert (settings.schedule.jitter, settings.extract.workers, settings.log.level) == (0.5, 12, "debug")
    assert len(settings.feeds) == 1


def test_settings_stay_as_they_are(config: Config) -> None:
    """Nothing can be set after loading."""
    settings = config.load()
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.fetch = Fetch()
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.fetch.timeout_s = 1.0


@pytest.mark.parametrize(
    ("host", "concurrency", "delay_s"),
    [
        pytest.param("other.org", 2, 3, id="no entry: per_host"),
        pytest.param("example.com", 2, 5, id="an entry; what it does not set is as in per_host"),
        pytest.param("www.example.com", 2, 5, id="a subdomain"),
        pytest.param("a.api.example.com", 9, 0, id="the longest entry counts"),
        pytest.param("notexample.com", 2, 3, id="another domain with the same end"),
        pytest.param("com", 2, 3, id="the domain above"),
        pytest.param("xn--bcher-kva.example", 2, 7, id="A-labels"),
        pytest.param("::1", 2, 1, id="an address"),
    ],
)
def test_an_entry_for_a_host_covers_its_subdomains(config: Config, host: str, concurrency: int, delay_s: float) -> None:
    """The longest entry that matches changes what it names, and nothing else."""
    settings = config.write(
        worker="""
fetch:
  per_host: {concurrency: 2, delay: 3s}
  hosts:
    example.com: {delay: 5s}
    API.example.com.: {delay: 0s, concurrency: 9}
    bücher.example: {delay: 7s}
    "[::1]": {delay: 1s}
"""
    ).load()
    found = settings.fetch.for_host(host)
    assert (found.concurrency, found.delay_s, found.proxy) == (concurrency, delay_s, None)


@pytest.mark.parametrize(
    ("host", "proxy"),
    [
        pytest.param("other.org", "http://all.example:3128", id="no entry: the proxy for all"),
        pytest.param("slow.example", "http://all.example:3128", id="an entry that does not name one"),
        pytest.param("direct.example", None, id="null: none"),
        pytest.param("empty.example", None, id="an empty variable: none"),
        pytest.param("www.far.example", "https://me:p%40ss@far.example", id="its own"),
    ],
)
def test_a_host_may_have_its_own_proxy_or_none(config: Config, host: str, proxy: str | None) -> None:
    """What an entry says counts, also that there is none; what it leaves out is as for all."""
    settings = config.write(
        worker="""
fetch:
  proxy: http://all.example:3128
  hosts:
    slow.example: {delay: 5s}
    direct.example: {proxy: null}
    empty.example: {proxy: "${NONE:-}"}
    far.example: {proxy: "https://me:${PW}@far.example"}
"""
    ).load({"PW": "p%40ss"})
    assert settings.fetch.for_host(host).proxy == proxy


def test_secrets_are_told_to_those_who_hide_them_and_to_nobody_else(config: Config) -> None:
    """Passwords of proxies as they are written and as they are meant, headers with and without their scheme."""
    settings = config.write(
        worker="""
fetch:
  proxy: http://me:hunter%32@all.example:3128
  hosts: {far.example: {proxy: "http://me:hunter3@far.example"}, near.example: {proxy: "http://near.example"}}
""",
        feeds='feeds: [{url: "https://a.example/", headers: {Authorization: "Bearer hunter4"}}]',
    ).load()
    assert settings.secrets == {"hunter%32", "hunter2", "hunter3", "Bearer hunter4", "hunter4"}
    assert "hunter" not in repr(settings)


def test_lists_are_files_and_globs_each_read_once(config: Config) -> None:
    """In the order they are named, matches by name; hidden files and worker.yaml itself are no matches."""
    config.write(
        worker="feeds: [b.yaml, '*.yaml', 'more/**/*.yaml', ./b.yaml]",
        b="feeds: [https://b.example/]",
        a="feeds: [https://a.example/]",
    )
    (config.folder / ".#b.yaml").write_text("an editor's")
    (config.folder / "more/deep").mkdir(parents=True)
    (config.folder / "more/deep/c.yaml").write_text("feeds: [https://c.example/]")
    (config.folder / "more/d.yaml").mkdir()
    settings = config.load()
    assert [feed.id for feed in settings.feeds] == ["b.example", "a.example", "c.example"]
    assert [str(path.relative_to(config.folder)) for path in settings.files] == [
        "worker.yaml",
        "b.yaml",
        "a.yaml",
        "feeds.yaml",
        "more/deep/c.yaml",
    ]


@pytest.mark.parametrize(
    ("worker", "complaint"),
    [
        pytest.param("feeds: [no.yaml]", 'worker.yaml:1:9: feeds[0]: no such file: "no.yaml"', id="file"),
        pytest.param("feeds: ['x/*.yaml']", 'worker.yaml:1:9: feeds[0]: no such file: "x/*.yaml"', id="glob"),
        pytest.param("feeds: ['${DIR}/a']", 'worker.yaml:1:9: feeds[0]: no such file: "${DIR}/a"', id="environment"),
        pytest.param("feeds: [.]", 'worker.yaml:1:9: feeds[0]: can\'t be read: Is a directory: "."', id="folder"),
        pytest.param(
            "feeds: [https://a.example/]",
            'worker.yaml:1:9: feeds[0]: no such file: "https://a.example/" (URLs go into a feed list)',
            id="a URL where a list belongs",
        ),
        pytest.param(
            "feeds: feeds.yaml",
            'worker.yaml:1:8: feeds: expected a list, not "feeds.yaml" '
            "(a list is written [a, b], or with a dash before each item)",
            id="no list",
        ),
        pytest.param("feeds: [7]", "worker.yaml:1:9: feeds[0]: expected text, not 7 (put it in quotes)", id="number"),
        pytest.param(
            "- feeds.yaml",
            "worker.yaml:1:1: expected a mapping, not a list "
            "(a mapping is written {key: value}, or with a line for each key)",
            id="a list at the top",
        ),
        pytest.param("feeds: ['${NO}']", "not set in the environment: NO (or give a default: ${NO:-…})", id="unset"),
    ],
)
def test_a_list_that_is_not_there(config: Config, worker: str, complaint: str) -> None:
    """The problem stands where the list is named."""
    (found,) = config.write(worker=worker).complaints({"DIR": "hidden"})
    assert found.endswith(complaint)


def test_what_init_would_write_is_said_to_be_missing(config: Config) -> None:
    """Without a worker.yaml, or the feeds.yaml that is the default, feedmill init helps."""
    (config.folder / "feeds.yaml").unlink()
    assert config.complaints() == ["feeds.yaml: no such file (feedmill init writes one)"]
    (config.folder / "worker.yaml").unlink()
    assert config.complaints() == ["worker.yaml: no such file (feedmill init writes one)"]


def test_a_configuration_that_is_a_folder_above_is_named(config: Config) -> None:
    """As where `feedmill init .` has written it: another `init` would make a second one."""
    below = Config(folder=config.folder / "config")
    (told,) = below.problems()
    assert str(told).endswith(
        f"config/worker.yaml: no such file (--config {config.folder}/worker.yaml names the one that is there)"
    )


def test_a_file_that_is_no_yaml_is_told_alone(config: Config) -> None:
    """What it would have named is not guessed; a list that is no YAML hides nothing in other files."""
    config.write(worker="feeds: [feeds.yaml, other.yaml]\nlogg: {}", feeds="a: b: c", other="feeds: [x]")
    assert [found.partition(" ")[0] for found in config.complaints()] == [
        "feeds.yaml:1:5:",
        "other.yaml:1:9:",
        "worker.yaml:2:1:",
    ]
    config.write(worker="a: b: c")
    assert len(config.problems()) == 1


def test_all_problems_come_at_once_in_the_order_of_the_files(config: Config) -> None:
    """Each with file, line, column, key, what is wrong, and what to do."""
    config.write(
        worker="fetch:\n  conccurency: 3\n  timeout: 17\nlog: {level: loud}\n",
        feeds="defaults: {evry: 5m}\nfeeds:\n  - example.org\n  - {url: https://example.org/, tags: news}\n",
    )
    folder = str(config.folder)
    assert config.problems() == [
        Problem(
            file=f"{folder}/feeds.yaml",
            line=1,
            column=12,
            key="defaults.evry",
            message='unknown key "evry"',
            hint='did you mean "every"?',
        ),
        Problem(
            file=f"{folder}/feeds.yaml",
            line=3,
            column=5,
            key="feeds[0]",
            message='expected an http or https URL, not "example.org"',
            hint="such as https://example.org/feed.xml",
        ),
        Problem(
            file=f"{folder}/feeds.yaml",
            line=4,
            column=39,
            key="feeds[1].tags",
            message='expected a list, not "news"',
            hint="a list is written [a, b], or with a dash before each item",
        ),
        Problem(
            file=f"{folder}/worker.yaml",
            line=2,
            column=3,
            key="fetch.conccurency",
            message='unknown key "conccurency"',
            hint='did you mean "concurrency"?',
        ),
        Problem(
            file=f"{folder}/worker.yaml",
            line=3,
            column=12,
            key="fetch.timeout",
            message="expected a duration such as 30s or 5m, not 17",
            hint="add a unit: ms, s, m, h or d",
        ),
        Problem(
            file=f"{folder}/worker.yaml",
            line=4,
            column=14,
            key="log.level",
            message='expected one of debug, info, warning, error, not "loud"',
        ),
    ]


def test_relative_paths_work_from_any_folder(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of worker.yaml is shown as it was given, what it names is found beside it."""
    config.write(worker="state: sqlite:///x.db", feeds="feeds: [https://example.org/]")
    monkeypatch.chdir(config.folder.parent)
    settings = load(Path(config.folder.name) / "worker.yaml", {})
    assert settings.state == config.folder / "x.db"
    assert settings.files[1] == Path(config.folder.name) / "feeds.yaml"
    config.write(feeds="feeds: [x]")
    with pytest.raises(ConfigError, match=f"^{config.folder.name}/feeds.yaml:1:9: "):
        load(Path(config.folder.name) / "worker.yaml", {})


def test_billion_laughs_are_refused_in_no_time(config: Config) -> None:
    """What aliases multiply to is never walked through, wherever it is put."""
    laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    config.write(
        worker="\n".join([*laughs, "fetch: {hosts: {a.example: *a9}, retries: *a9}", "log: *a9"]),
        feeds="\n".join([*laughs, "feeds: *a9", "defaults: {tags: *a9, headers: *a9}"]),
    )
    with within(2):
        assert len(config.problems()) > 20


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        pytest.param("listen: 0.0.0.0:8787", "a token, since listen is open to other machines", id="all addresses"),
        pytest.param("listen: '[::]:80'", "a token, since listen is open to other machines", id="all of IPv6"),
        pytest.param("public_url: https://feeds.example.org", "since public_url lets the world in", id="by a proxy"),
        pytest.param("listen: 8787", "an address and a port such as 127.0.0.1:8787", id="no address"),
        pytest.param("listen: feeds.example.org:80", "an address and a port", id="a name"),
        pytest.param("listen: 127.0.0.1:65536", "an address and a port", id="no port"),
        pytest.param("token: short", "eight characters or more", id="easily guessed"),
        pytest.param("public_url: ftp://feeds.example.org", "an http or https URL", id="no web address"),
        pytest.param("public_url: https://a:b@feeds.example.org", "an http or https URL", id="with credentials"),
    ],
)
def test_the_status_page_is_not_opened_to_strangers(config: Config, written: str, complaint: str) -> None:
    """Refused before anything listens, with the way out."""
    (said,) = config.write(worker=f"web:\n  {written}\n").complaints()
    assert complaint in said


@pytest.mark.parametrize(
    ("written", "host"),
    [
        pytest.param("{}", "127.0.0.1", id="by default"),
        pytest.param("{listen: 'localhost:80'}", "127.0.0.1", id="by name"),
        pytest.param("{listen: '[::1]:80', public_url: 'http://localhost:99'}", "::1", id="a hub on this machine"),
        pytest.param("{listen: '0.0.0.0:80', token: '${TOKEN}'}", "0.0.0.0", id="with a token"),
    ],
)
def test_the_status_page_is_on_this_machine_or_asks_for_a_token(config: Config, written: str, host: str) -> None:
    """The token is a secret."""
    settings = config.write(worker=f"web: {written}\n").load({"TOKEN": "correct-horse"})
    assert settings.web.listen is not None
    assert settings.web.listen.host == host
    assert ("correct-horse" in settings.secrets) == (host == "0.0.0.0")
    assert "correct-horse" not in repr(settings)


def test_the_status_page_can_be_left_out(config: Config) -> None:
    """`listen: null`; an empty text, as a variable may bring, is the same."""
    assert config.write(worker="web: {listen: null}").load().web.listen is None
    assert config.write(worker="web: {listen: '${X:-}', token: '${X:-}'}").load().web.listen is None


def test_what_is_expected_of_feeds_and_who_is_told(config: Config) -> None:
    """A feed's own word goes before that of its list; the webhook is a secret."""
    config.write(
        worker="alerts: {webhook: 'https://hooks.example.org/T0/${KEY}?x=1'}\n",
        feeds="defaults: {expect: 6h}\nfeeds:\n  - https://a.example/\n  - {url: https://b.example/, expect: 2d}\n",
    )
    settings = config.load({"KEY": "geheimnis"})
    assert [feed.expect_s for feed in settings.feeds] == [21_600.0, 172_800.0]
    assert settings.alerts.webhook == "https://hooks.example.org/T0/geheimnis?x=1"
    assert settings.alerts.webhook in settings.secrets
    assert "geheimnis" not in repr(settings)


def test_a_feed_that_is_expected_to_bring_something_is_asked_in_that_time(config: Config) -> None:
    """Else its silence were seen a day late."""
    config.write(feeds="feeds: [{url: https://a.example/, id: a, expect: 6h}, {url: https://b.example/, id: b}]\n")
    now = _derived(config.load(), ())
    paces = {feed_id: _pace(now.common, feed) for feed_id, feed in now.feeds.items()}
    assert {feed_id: pace.max_s for feed_id, pace in paces.items()} == {"a": 21_600.0, "b": 86_400.0}
