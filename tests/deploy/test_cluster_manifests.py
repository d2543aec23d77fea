"""A cluster as deploy/ has it: by checkers that are not ours, where they are installed, and by what one worker has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import test_manifests as alone
from worker.model import Server
from worker.settings import load

KINDS = {doc["kind"]: doc for doc in yaml.safe_load_all((alone.DEPLOY / "kubernetes-cluster.yaml").read_text())}
POD: dict[str, Any] = KINDS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
COMPOSE_FILE = alone.DEPLOY / "compose-cluster.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
SECRETS = {
    "FEEDMILL_STATE": "postgresql://feedmill:geheim@postgres/feedmill",
    "FEEDMILL_BUS": "nats://feedmill:geheim@nats:4222",
    "FEEDMILL_TOKEN": "long-enough",
}


def test_docker_compose_takes_its_file() -> None:
    """By the Compose Specification."""
    checker = pytest.importorskip("compose_spec", reason="pip install compose-spec")
    found = checker.PyCompose.from_yaml(COMPOSE_FILE.read_text())
    found.validate()
    assert sorted(found.service_names()) == ["feedmill", "nats", "postgres"]
    assert COMPOSE["feedmill"]["scale"] == 3


def test_the_settings_of_the_pods_are_valid(tmp_path: Path) -> None:
    """With the secrets that they have: a state and a bus that many share, and shards for the most of them."""
    for name, text in KINDS["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(text)
    assert {one["name"] for one in CONTAINER["env"]} == set(SECRETS)
    settings = load(tmp_path / "worker.yaml", SECRETS)
    assert isinstance(settings.state, Server)
    assert settings.bus is not None
    assert settings.output.shards >= KINDS["HorizontalPodAutoscaler"]["spec"]["maxReplicas"]
    assert str(settings.output.dir.parent) == "/data"
    assert "geheim" not in repr(settings)


def test_the_settings_that_compose_names_are_valid(tmp_path: Path) -> None:
    """As its head has them, with the secrets that it hands on."""
    lines = [line.removeprefix("#     ") for line in COMPOSE_FILE.read_text().splitlines() if line.startswith("#     ")]
    (tmp_path / "worker.yaml").write_text("\n".join([*lines, "feeds: []"]))
    secrets = dict.fromkeys(COMPOSE["feedmill"]["environment"], "geheim")
    settings = load(tmp_path / "worker.yaml", secrets)
    assert isinstance(settings.state, Server)
    assert settings.bus is not None
    assert settings.bus.password == "geheim"
    assert settings.bus.servers == ("nats://nats:4222",)


def test_a_worker_of_many_may_do_what_one_alone_may() -> None:
    """The same image, rights, limits, grace and probes; what it writes to is on the volume that all share."""
    for name in ("image", "securityContext", "ports", "startupProbe", "livenessProbe", "readinessProbe", "args"):
        assert CONTAINER[name] == alone.CONTAINER[name], name
    assert CONTAINER["resources"]["limits"] == alone.CONTAINER["resources"]["limits"]
    for name in ("securityContext", "automountServiceAccountToken", "terminationGracePeriodSeconds"):
        assert POD[name] == alone.POD[name], name
    assert CONTAINER["volumeMounts"] == alone.CONTAINER["volumeMounts"]
    same = ("image", "build", "stop_grace_period", "read_only", "cap_drop", "security_opt", "mem_limit", "tmpfs")
    for name in (*same, "volumes", "restart", "pids_limit", "init", "logging"):
        assert COMPOSE["feedmill"][name] == alone.COMPOSE[name], name


def test_pods_are_found_by_what_is_about_them() -> None:
    """Service, budget and autoscaler; the autoscaler has what it measures by."""
    labels = KINDS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert labels == KINDS["Deployment"]["spec"]["selector"]["matchLabels"] == KINDS["Service"]["spec"]["selector"]
    assert labels == KINDS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    scaler = KINDS["HorizontalPodAutoscaler"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == KINDS["Deployment"]["metadata"]["name"]
    assert "replicas" not in KINDS["Deployment"]["spec"]
    assert "cpu" in CONTAINER["resources"]["requests"]
    (claim,) = (volume["persistentVolumeClaim"] for volume in POD["volumes"] if "persistentVolumeClaim" in volume)
    assert claim["claimName"] == KINDS["PersistentVolumeClaim"]["metadata"]["name"]
    assert KINDS["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteMany"]
