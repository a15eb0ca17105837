"""Files of conversations, good and bad."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from example_host.conversation_file import Told, read_conversations

GOOD = {"id": "a", "channel": "email", "messages": [{"sender": "client", "text": "Hello"}], "qualified": False}


def read(path: Path, content: bytes) -> tuple[list[Told], list[tuple[int, str]]]:
    path.write_bytes(content)
    reports: list[tuple[int, str]] = []
    return list(read_conversations(path, lambda line, reason: reports.append((line, reason)))), reports


def line(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode() + b"\n"


def test_plain_and_gzipped_files_are_told_alike_whatever_their_name(tmp_path: Path) -> None:
    plain, _ = read(tmp_path / "talk.jsonl.gz", line())
    packed, _ = read(tmp_path / "talk.jsonl", gzip.compress(line()))
    assert plain == packed == [Told("email", (("client", "Hello"),))]


def test_unknown_keys_empty_lines_and_a_missing_channel_are_no_trouble(tmp_path: Path) -> None:
    content = b"\n" + line(services=["x"], channel=None) + b"   \n"
    told, reports = read(tmp_path / "talk", content)
    assert told == [Told("web_chat", (("client", "Hello"),))]
    assert reports == []


@pytest.mark.parametrize(
    "bad",
    [
        b"{not json\n",
        b"[]\n",
        b"null\n",
        b'"text"\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        line(messages=[]),
        line(messages="Hello"),
        line(messages=["Hello"]),
        line(messages=[{"sender": "robot", "text": "x"}]),
        line(messages=[{"sender": ["client"], "text": "x"}]),
        line(messages=[{"sender": "client", "text": None}]),
        line(channel=5),
    ],
)
def test_a_malformed_line_is_reported_with_its_number_and_left_out(tmp_path: Path, bad: bytes) -> None:
    told, reports = read(tmp_path / "talk", line() + bad + line(channel="sms"))
    assert [talk.channel for talk in told] == ["email", "sms"]
    assert [number for number, _ in reports] == [2]
    assert reports[0][1]


def test_a_gzip_file_that_is_cut_short_yields_what_came_before(tmp_path: Path) -> None:
    lines = b"".join(line(id=str(n), extra=f"{n * 7919 % 10007}") for n in range(5000))
    told, reports = read(tmp_path / "talk", gzip.compress(lines)[:-2000])
    assert 0 < len(told) < 5000
    assert "damaged" in reports[-1][1]


def test_what_databases_refuse_is_replaced(tmp_path: Path) -> None:
    told, _ = read(tmp_path / "talk", line(messages=[{"sender": "client", "text": "a\0b\ud800c"}]))
    assert told[0].messages[0][1] == "a\N{REPLACEMENT CHARACTER}b?c"
