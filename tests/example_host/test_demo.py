"""The whole demonstration: Valkey, sandboxes, helpdesk, workers, scheduler, and the check at the end."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from example_host.crew import ROOT

COUNT = 60


def talk(number: int) -> dict[str, object]:
    """A conversation like no other: where a CRM's notes carry no reference of ours, they are told apart by text."""
    asked, answered = f"I'd like to book room {number}.", "It is free; it is booked for you."
    return {"id": number, "messages": [{"sender": "client", "text": asked}, {"sender": "agent", "text": answered}]}


@pytest.fixture
def conversations(tmp_path: Path) -> Path:
    file = tmp_path / "talk.jsonl"
    lines = [json.dumps(talk(number)) for number in range(COUNT)]
    file.write_text("\n".join([*lines, "{not json"]), encoding="utf-8")
    return file


def test_a_replay_arrives_in_every_crm_exactly_once(tmp_path: Path, conversations: Path) -> None:
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
    assert result["ok"] is True, done.stderr
    assert (done.returncode, result["conversations"]) == (0, COUNT)
    assert set(result["crms"]) == {"salesforce", "hubspot", "dynamics", "autochat"}
    for crm, figures in result["crms"].items():
        assert figures["records"] > 0.8 * COUNT, crm
        assert figures["notes"] > 0.8 * COUNT, crm
        assert (figures["missing"], figures["duplicates"], figures["notes_duplicated"]) == (0, 0, 0), crm
    both = result["two_way"]
    assert both["remote_edits"] == both["applied"] > 0
    assert both["conflicts"] > 0
    assert both["echoes_suppressed"] > 0
    assert (both["loops"], both["disagreements"]) == (0, 0)
    judged = result["qualification"]
    assert judged["provisional"] > 0.8 * COUNT
    assert judged["reviewed"] >= judged["provisional"]
    assert judged["notifications"] >= judged["provisional"]
    assert done.stderr.count(f"line {COUNT + 1} is left out") == 1

    assert connections(tmp_path / "demo" / "helpdesk.sqlite") == {
        ("1", "autochat", "api_key"),
        ("1", "dynamics", "oauth"),
        ("1", "hubspot", "oauth"),
        ("1", "salesforce", "oauth"),
        ("2", "autochat", "api_key"),
        ("2", "dynamics", "client_credentials"),
        ("2", "hubspot", "token"),
        ("2", "salesforce", "client_credentials"),
    }


def connections(database: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(database)) as opened:
        return set(opened.execute("SELECT account_id, crm, auth_method FROM crm_sync_connection"))
