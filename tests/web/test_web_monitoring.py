"""The alerts and the dashboard that ship in deploy/: they parse, go off when they should, and ask for what there is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.web.conftest import Desk
from worker.model import FeedId, Millis
from worker.schedule import Silence

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus-alerts.yaml"
DASHBOARD = DEPLOY / "grafana-dashboard.json"
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and "FEEDMILL_SKIP_NOTHING" not in os.environ, reason="promtool is not installed"
)


def rules() -> Iterator[tuple[str, str]]:
    """The alerts, with their expressions."""
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        yield from ((rule["alert"], rule["expr"]) for rule in group["rules"])


def panels() -> Iterator[tuple[str, str]]:
    """What the dashboard asks, by panel; as Prometheus gets it, its variables filled in."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"].replace("$instance", ".*")


def promtool(*args: str) -> str:
    done = subprocess.run(["promtool", *args], capture_output=True, text=True, check=False, cwd=DEPLOY)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_the_alerts_go_off_when_they_should_and_not_before() -> None:
    """On a worker that is well for six hours, and on one that is ill in every way."""
    assert "SUCCESS" in promtool("check", "rules", ALERTS.name)
    assert "SUCCESS" in promtool("test", "rules", "prometheus-alerts-test.yaml")


@needs_promtool
def test_what_the_dashboard_asks_can_be_asked(tmp_path: Path) -> None:
    """Each expression, as a rule that records it."""
    recorded = [{"record": f"panel:{n}", "expr": expr} for n, (_, expr) in enumerate(panels())]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))
    assert f"{len(recorded)} rules found" in promtool("check", "rules", str(tmp_path / "rules.yaml"))


async def test_alerts_and_dashboard_ask_for_metrics_that_there_are(desk: Desk) -> None:
    """By their names and labels, as a worker tells them."""
    desk.sources.meters.ingests["new", "ok"] += 1
    desk.silent[FeedId("a")] = Silence(feed_id=FeedId("a"), since=Millis(0), new_at=None, expect_ms=1)
    async with desk.client() as asked:
        families = list(text_string_to_metric_families((await asked.get("/metrics")).text))
    told: dict[str, set[str]] = {}
    for family in families:
        for sample in family.samples:
            told.setdefault(sample.name, {"instance"}).update(sample.labels)
    for where, expr in [*rules(), *panels()]:
        for name, labels in re.findall(r"((?:feedmill|process)_\w+)(?:\{([^}]*)\})?", expr):
            assert name in told, f"{where}: {name}"
            asked_for = set(re.findall(r"(\w+)\s*(?:=~|!=|=)", labels))
            assert asked_for <= told[name], f"{where}: {name} has no {asked_for - told[name]}"
        grouped = {label for group in re.findall(r"\bby \(([^)]*)\)", expr) for label in group.split(", ")}
        assert grouped <= set().union(*(told[name] for name in re.findall(r"(?:feedmill|process)_\w+", expr)))


def test_every_alert_is_tried() -> None:
    """In the test of the rules."""
    tried = (DEPLOY / "prometheus-alerts-test.yaml").read_text()
    names = [name for name, _ in rules()]
    assert [name for name in names if f"alertname: {name}}}" not in tried] == []
    assert f"exp_samples: [{{value: {len(names)}}}]" in tried
