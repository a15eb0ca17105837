"""The whole demonstration: Valkey, sandbox, helpdesk, workers, scheduler, and the check at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from example_host.crew import ROOT

TALK = {"messages": [{"sender": "client", "text": "Is it free?"}, {"sender": "agent", "text": "It is."}]}
COUNT = 60


@pytest.fixture
def conversations(tmp_path: Path) -> Path:
    file = tmp_path / "talk.jsonl"
    lines = [json.dumps(TALK | {"id": number}) for number in range(COUNT)]
    file.write_text("\n".join([*lines, "{not json"]), encoding="utf-8")
    return file


def test_a_replay_arrives_in_the_crm_exactly_once(tmp_path: Path, conversations: Path) -> None:
    wish = {
        "CHECK": "1",
        "TIMEOUT": "120",
        "CONVERSATIONS": str(conversations),
        "DEMO_DIRECTORY": str(tmp_path / "demo"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "example_host.demo"],
        cwd=ROOT,
        env=os.environ | wish,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stdout, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    hubspot, operations = result["crms"]["hubspot"], result["operations"]
    assert result["conversations"] == COUNT
    assert hubspot["records"] > 0.8 * COUNT, done.stderr
    assert hubspot["notes"] > 0.8 * COUNT
    assert (hubspot["missing"], hubspot["duplicates"], hubspot["notes_duplicated"]) == (0, 0, 0), done.stderr
    assert operations["failed"] == 0, done.stderr
    assert (done.returncode == 0) is result["ok"]
    assert f"line {COUNT + 1} is left out" in done.stderr
