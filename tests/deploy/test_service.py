"""The systemd service as deploy/ has it: what systemd itself can't check before it runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from tests.deploy.test_manifests import DEPLOY

UNIT = (DEPLOY / "feedmill.service").read_text()
SETTINGS = dict(re.findall(r"(?m)^(\w+)=(.*)$", UNIT))


def test_the_records_can_be_read_by_others() -> None:
    """Its folder is open to all, and not below /var/lib/private, where systemd puts that of a dynamic user. Its user is
    made by whoever installs it."""
    assert (SETTINGS["StateDirectoryMode"], SETTINGS["UMask"]) == ("0755", "0022")
    assert "DynamicUser" not in SETTINGS
    assert f"\n#   useradd --system --home-dir /var/lib/{SETTINGS['StateDirectory']} " in UNIT
    assert re.search(rf"(?m)^#   useradd .* {SETTINGS['User']}$", UNIT)


def test_warnings_are_found_in_the_journal_as_the_guide_says() -> None:
    """Among the lines that systemd itself writes about the unit."""
    if not shutil.which("jq"):
        pytest.skip("apt-get install jq")
    (program,) = re.findall(r"journalctl -u feedmill -o cat \| (jq [^`]+)`", (DEPLOY / "running.md").read_text())
    warning = json.dumps({"level": "warning", "event": "feed.silent"}, separators=(",", ":"))
    journal = ["Starting feedmill.service - feedmill...", json.dumps({"level": "info"}), warning, "Stopping {"]
    done = subprocess.run(["sh", "-c", program], input="\n".join(journal), capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{warning}\n", "")
