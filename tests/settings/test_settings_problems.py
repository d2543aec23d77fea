from __future__ import annotations

import pytest

from tests.settings.configs import Config

DURATION = "expected a duration such as 30s or 5m"
SIZE = "expected a size such as 20MB"
COUNT = "expected a whole number from 1 on"


@pytest.mark.parametrize(
    ("worker", "complaint"),
    [
        pytest.param("conccurency: 3", 'did you mean "concurrency", under fetch:?', id="near a key of a section"),
        pytest.param("fetch: {conccurency: 3}", 'did you mean "concurrency"?', id="near a key beside it"),
        pytest.param("Feeds: []", 'did you mean "feeds"?', id="upper case"),
        pytest.param("seal_after: 3s", "belongs under output:", id="the key of a section"),
        pytest.param("output: {level: info}", "belongs under log:", id="the key of another section"),
        pytest.param("fetch: {delay: 3s}", "belongs under fetch.per_host: or under fetch.hosts:", id="a key of two"),
        pytest.param("fetch: {timezone: UTC}", "belongs under schedule:", id="right elsewhere comes before near here"),
        pytest.param("log: {state: x}", "belongs at the top level", id="a key of the top"),
        pytest.param("fetch: {hosts: {a.example: {dely: 1s}}}", 'did you mean "delay"?', id="under any key"),
        pytest.param("log: {qqq: 1}", "the keys here are level, format", id="near nothing"),
        pytest.param("fetch: {timeout_s: 1}", 'did you mean "timeout"?', id="our name for it"),
        pytest.param("quorum: {of: x}", "the keys here are feeds, state, ", id="of a later version"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_right_one(config: Config, worker: str, complaint: str) -> None:
    """Or with the place where it belongs, or with those that there are."""
    (found,) = config.write(worker=worker).complaints()
    assert ": unknown key " in found
    assert f"({complaint}" in found


@pytest.mark.parametrize(
    ("worker", "complaint"),
    [
        pytest.param("output: 5", "output: expected a mapping, not 5 (a mapping is written", id="no section"),
        pytest.param(
            "output: {compact: true}",
            "or with a line for each key; the keys here are enabled, zstd, grace)",
            id="no section within",
        ),
        pytest.param(
            "output: {dir: 5}",
            "output.dir: expected the path of a folder, or s3://BUCKET/PREFIX, not 5",
            id="a path that is none",
        ),
        pytest.param(
            "output: {dir: ''}", 'expected the path of a folder, or s3://BUCKET/PREFIX, not ""', id="no path at all"
        ),
        pytest.param("fetch: {hosts: [a]}", "fetch.hosts: expected a mapping, not a list", id="a list for a mapping"),
        pytest.param("fetch: {timeout: 17}", f"{DURATION}, not 17 (add a unit: ms, s, m, h or d)", id="no unit"),
        pytest.param("fetch: {timeout: '17'}", f'{DURATION}, not "17" (add a unit', id="no unit, in quotes"),
        pytest.param("fetch: {timeout: 1:30}", f"{DURATION}, not 1:30 (add a unit", id="minutes and seconds"),
        pytest.param("fetch: {timeout: true}", f"{DURATION}, not true", id="a truth value"),
        pytest.param("fetch: {timeout: }", f"{DURATION}, not nothing", id="nothing"),
        pytest.param("fetch: {timeout: {}}", f"{DURATION}, not a mapping", id="a mapping"),
        pytest.param("fetch: {timeout: 0s}", 'expected a duration above 0s, not "0s"', id="a timeout of nothing"),
        pytest.param("dedup: {window: 40000d}", "expected a duration of a hundred years at most", id="for ever"),
        pytest.param("fetch: {retries: [5m, x]}", f'fetch.retries[1]: {DURATION}, not "x"', id="in a list"),
        pytest.param("extract: {memory: 20mb}", f'{SIZE}, not "20mb" (units are B, kB, MB and GB)', id="unit"),
        pytest.param("extract: {memory: 20}", f"{SIZE}, not 20 (add a unit: B, kB, MB or GB)", id="size without unit"),
        pytest.param("extract: {memory: 0B}", f'{SIZE}, not "0B"', id="no memory"),
        pytest.param("fetch: {concurrency: 0}", f"{COUNT}, not 0", id="none at once"),
        pytest.param("fetch: {concurrency: 1.5}", f"{COUNT}, not 1.5", id="a fraction"),
        pytest.param("fetch: {concurrency: yes}", f"{COUNT}, not yes", id="a truth value is no number"),
        pytest.param("fetch: {concurrency: many}", f'{COUNT}, not "many"', id="a word"),
        pytest.param("extract: {workers: al}", 'expected auto, or a whole number from 1 on, not "al"', id="workers"),
        pytest.param("output: {compact: {zstd: 1}}", "expected true or false, not 1", id="1 is not true"),
        pytest.param("schedule: {jitter: 2}", "expected a number from 0 to 1, not 2", id="too much chance"),
        pytest.param("schedule: {jitter: .nan}", "expected a number from 0 to 1, not .nan", id="not a number"),
        pytest.param("schedule: {jitter: x}", 'expected a number from 0 to 1, not "x"', id="a word for a part"),
        pytest.param("schedule: {jitter: true}", "expected a number from 0 to 1, not true", id="true is not 1"),
        pytest.param(
            "schedule: {timezone: europe/berlim}",
            'expected a time zone such as Europe/Berlin, not "europe/berlim" (did you mean "Europe/Berlin"?)',
            id="a time zone, nearly",
        ),
        pytest.param(
            "schedule: {timezone: Europe}", 'expected a time zone such as Europe/Berlin, not "Europe"', id="tz"
        ),
        pytest.param("schedule: {timezone: ../x}", "expected a time zone", id="a path"),
        pytest.param("log: {level: INFO}", 'error, not "INFO" (did you mean "info"?)', id="upper case"),
        pytest.param("log: {level: 1}", "expected one of debug, info, warning, error, not 1", id="a number"),
        pytest.param("state: x.db", 'USER:PASSWORD@HOST/DATABASE, not "x.db"', id="no scheme"),
        pytest.param("state: postgresql://u:pw@h", "USER:PASSWORD@HOST/DATABASE", id="no database"),
        pytest.param("state: postgresql://u:p@w@h/x", "a / or @ in a password is written %2F, %40", id="@ in password"),
        pytest.param("state: postgresql://u:p/w@h/x", "a / or @ in a password is written %2F, %40", id="/ in password"),
        pytest.param("state: mysql://u:pw@h/x", "USER:PASSWORD@HOST/DATABASE", id="another database"),
        pytest.param("state: sqlite:///", "expected sqlite:///PATH", id="no path"),
        pytest.param("state: 'sqlite:///:memory:'", "expected sqlite:///PATH", id="a state that would be forgotten"),
        pytest.param("fetch: {contact: a (b)}", "expected an e-mail address or a URL, in ASCII", id="contact"),
        pytest.param("fetch: {contact: ö@example.org}", "expected an e-mail address or a URL, in ASCII", id="IDN"),
        pytest.param("fetch: {allow_addresses: [x]}", "expected an address or a network such as 10.0.0.0/8", id="net"),
        pytest.param("fetch: {allow_addresses: [5]}", "expected an address or a network", id="a number for a net"),
        pytest.param("fetch: {allow_addresses: [10.0.0.1/8]}", "(bits behind the prefix are zero)", id="host bits"),
        pytest.param(
            "fetch: {hosts: {'*.example.org': {}}}",
            "fetch.hosts.…: expected a host name such as example.org, "
            'not "*.example.org" (an entry covers its subdomains, too)',
            id="a wildcard",
        ),
        pytest.param("fetch: {hosts: {'a.example:80': {}}}", 'not "a.example:80"', id="a host with a port"),
        pytest.param("fetch: {hosts: {'ex%ample': {}}}", 'not "ex%ample"', id="no host name"),
        pytest.param(
            f"log: {{level: {'x y ' * 30}}}",
            f'not "{("x y " * 30)[:59]}…"',
            id="what is long is shown to 60 characters",
        ),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(config: Config, worker: str, complaint: str) -> None:
    """And with what stands there instead, and with what to do where that is known."""
    (found,) = config.write(worker=worker).complaints()
    assert complaint in found


@pytest.mark.parametrize(
    "worker",
    [
        pytest.param("state: ${SECRET}", id="path"),
        pytest.param("output: {seal_after: '${SECRET}', seal_records: '${SECRET}'}", id="quantities"),
        pytest.param("fetch: {timeout: '5${SECRET}', max_page: '${SECRET}'}", id="within a text"),
        pytest.param("schedule: {timezone: '${SECRET}', jitter: '${SECRET}'}", id="time zone"),
        pytest.param("log: {level: '${SECRET}'}", id="one of several words"),
        pytest.param("fetch: {allow_addresses: ['${SECRET}'], contact: '(${SECRET})'}", id="others"),
        pytest.param("feeds: ['${SECRET}.yaml', '${SECRET}*.yaml']", id="names of files"),
        pytest.param("output: ${SECRET}", id="in place of a section"),
    ],
)
def test_what_comes_from_the_environment_is_never_shown(config: Config, worker: str) -> None:
    """A message shows the text of the file, with the variable's name."""
    for complaint in config.write(worker=worker).complaints({"SECRET": "hunter2"}):
        assert "hunter2" not in complaint
        assert "${SECRET}" in complaint


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("me:hunter2@proxy.example:3128", id="no scheme"),
        pytest.param("socks5://me:hunter2@proxy.example", id="another protocol"),
        pytest.param("http://me:hunter2@", id="no host"),
        pytest.param("http://me:hun/ter2@proxy.example", id="a slash in the password"),
        pytest.param("http://me:hunter2@proxy.example:99999", id="no port"),
        pytest.param("http://me:hunter2@proxy.example/path", id="a path"),
        pytest.param("http://me:hunter2@[::1", id="half an address"),
        pytest.param("http://me:${SECRET}@pro xy", id="from the environment"),
        pytest.param("[hunter2]", id="a list"),
    ],
)
@pytest.mark.parametrize("worker", ["fetch: {{proxy: {}}}", "fetch: {{hosts: {{a.example: {{proxy: {}}}}}}}"])
def test_what_is_no_proxy_is_told_without_being_shown(config: Config, worker: str, value: str) -> None:
    """It may hold a password, wherever that has slipped to."""
    quoted = value if value.startswith("[") else f'"{value}"'
    (complaint,) = config.write(worker=worker.format(quoted)).complaints({"SECRET": "hunter2"})
    assert "proxy: expected the http or https URL of a proxy" in complaint
    assert "(such as http://user:${PASSWORD}@proxy.example:3128; a / in a password is written %2F)" in complaint
    assert "ter2" not in complaint


def test_what_is_not_set_is_told_once(config: Config) -> None:
    """Not again as a value of the wrong type."""
    config.write(worker="fetch: {timeout: '${NO}', concurrency: '${NO}'}", feeds="feeds: ['${NO}', {url: '${NO}'}]")
    assert [found.partition(": ")[2] for found in config.complaints()] == [
        "feeds[0]: not set in the environment: NO (or give a default: ${NO:-…})",
        "feeds[1].url: not set in the environment: NO (or give a default: ${NO:-…})",
        "fetch.timeout: not set in the environment: NO (or give a default: ${NO:-…})",
        "fetch.concurrency: not set in the environment: NO (or give a default: ${NO:-…})",
    ]


@pytest.mark.parametrize(
    ("worker", "complaint"),
    [
        pytest.param("schedule: {min: 2h, max: 1h}", "schedule: expected min no longer than max", id="bounds"),
        pytest.param(
            "web: {listen: '0.0.0.0:1'}",
            "web: expected a token, since listen is open to other machines (token: ${FEEDMILL_TOKEN})",
            id="open to all",
        ),
        pytest.param(
            "output: {archive: warc, shards: 2}",
            "output: expected shards: 1 where archive is set (pages are kept by the one process that fetches them)",
            id="an archive in parts",
        ),
    ],
)
def test_keys_that_are_at_odds_are_not_said_to_be_a_mapping(config: Config, worker: str, complaint: str) -> None:
    """What their section lacks is told, and that is all."""
    (found,) = config.write(worker=worker).complaints()
    assert found.partition(": ")[2] == complaint
