"""Commands whose output other programs read, as real processes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import requests

from tests.small_host.processes import ROOT, Processes, terminated


def test_sandbox_announces_itself_in_one_line_and_serves(processes: Processes, tmp_path: Path) -> None:
    sandbox = processes.flask("crm", "sandbox", "--directory", os.path.relpath(tmp_path / "stand-ins", ROOT))
    assert sandbox.stdout is not None
    said = json.loads(sandbox.stdout.readline())
    assert Path(said["ca_file"]).is_absolute(), "other processes may run elsewhere"
    session = requests.Session()
    session.trust_env = False
    answer = session.get(f"{said['url']}/_sandbox/", verify=said["ca_file"], timeout=10)
    session.close()
    assert answer.status_code == 200
    assert terminated(sandbox) == (0, "")


def test_sandbox_that_cannot_listen_says_why(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = processes.run_flask("crm", "sandbox", "--directory", str(tmp_path / "file" / "inside"))
    assert result.returncode == 1
    assert "Error (sandbox)" in result.stderr


def test_app_without_a_key_is_one_clear_error(processes: Processes) -> None:
    processes.set(CRM_SYNC_ENCRYPTION_KEYS="")
    result = processes.run_flask("crm", "status")
    assert result.returncode == 1
    (said,) = result.stderr.splitlines()
    assert said.startswith("Error (configuration): CRM_SYNC_ENCRYPTION_KEYS is not set")
    assert "flask-crm-sync-key" in said
