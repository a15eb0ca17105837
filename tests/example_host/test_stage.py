"""Starting, watching and stopping what a demonstration runs on."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from example_host.crew import Crew, DemoFailed, Interrupted, Stop, end
from example_host.demo import wished
from example_host.stage import announced, free_port, fresh_directory

LEAVES_A_MARK = """
import pathlib, signal, sys
def leave(*_):
    with open("{marks}", "a") as marks:
        marks.write("{name} ")
    sys.exit()
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
signal.pause()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    crew = Crew(tmp_path / "logs", {}, Stop(), command=(sys.executable, "-c"))
    yield crew
    crew.dismiss()


def ready(crew: Crew, name: str, code: str) -> None:
    member = crew.start(name, code)
    crew.stop.until(lambda: "ready" in member.log.read_text() or None, 20, name)


def test_everything_is_stopped_the_last_first(crew: Crew, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    for name in ("first", "second", "third"):
        ready(crew, name, LEAVES_A_MARK.format(marks=marks, name=name))
    processes = [member.process for member in crew.members]
    crew.dismiss()
    assert marks.read_text().split() == ["third", "second", "first"]
    assert all(process.returncode == 0 for process in processes)


def test_who_does_not_want_to_end_is_killed(crew: Crew) -> None:
    ready(crew, "stubborn", STUBBORN)
    process = crew.members[0].process
    end(process, patience=(0.05, 0.05))
    assert process.returncode == -9


def test_a_command_that_fails_is_told_with_what_it_said(crew: Crew) -> None:
    with pytest.raises(DemoFailed, match="ended with 3:\nno table"):
        crew.run("upgrade", "print('no table'); raise SystemExit(3)")


def test_a_command_gets_its_input_and_leaves_no_trace_in_the_crew(crew: Crew) -> None:
    crew.run("connect", "assert input() == 'secret'", stdin="secret\n")
    crew.expect_alive()
    assert crew.members == []


def test_a_background_process_that_ends_is_noticed(crew: Crew) -> None:
    member = crew.start("worker", "raise SystemExit('out of memory')")
    member.process.wait()
    with pytest.raises(DemoFailed, match="worker ended with 1:\nout of memory"):
        crew.expect_alive()


def test_waiting_ends_when_somebody_asks_to_stop() -> None:
    stop = Stop()
    stop.request()
    assert stop.wait(3600)
    with pytest.raises(Interrupted):
        stop.until(lambda: None, 3600, "nothing")


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(DemoFailed, match="Starting the sandbox took longer than 0 s"):
        Stop().until(lambda: None, 0, "Starting the sandbox")


def test_the_sandbox_announces_itself_in_one_line_among_others(crew: Crew) -> None:
    line = """print('starting'); print('{"url": "https://127.0.0.1:1", "ca_file": "/x"}')"""
    ready(crew, "sandbox", f"{line}; print('ready', flush=True); import signal; signal.pause()")
    assert announced(crew.members[0]) == {"url": "https://127.0.0.1:1", "ca_file": "/x"}


def test_a_sandbox_that_does_not_start_is_told_with_what_it_said(crew: Crew) -> None:
    sandbox = crew.start("sandbox", "raise SystemExit('port taken')")
    sandbox.process.wait()
    with pytest.raises(DemoFailed, match="did not start:\nport taken"):
        announced(sandbox)


def test_the_directory_is_emptied_and_held_by_one_demonstration(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    (tmp_path / "left.sqlite").touch()
    with fresh_directory(tmp_path) as directory:
        assert [path.name for path in directory.iterdir()] == ["lock"]
        with pytest.raises(DemoFailed, match="Another demonstration"), fresh_directory(tmp_path):
            pass
    with fresh_directory(tmp_path):
        pass


def test_a_directory_of_somebody_else_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(DemoFailed, match="was not made by"), fresh_directory(tmp_path):
        pass
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(("name", "value"), [("TIMEOUT", "soon"), ("PORT", "-1"), ("CONVERSATIONS", "/no/such/file")])
def test_a_wish_that_cannot_be_granted_names_its_key(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(DemoFailed, match=name):
        wished()


@pytest.mark.parametrize(("value", "check"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_check_is_on_when_it_says_so(monkeypatch: pytest.MonkeyPatch, value: str, check: bool) -> None:
    monkeypatch.setenv("CHECK", value)
    assert wished().check is check


def test_a_wanted_port_that_is_taken_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(DemoFailed, match="taken"):
            free_port(taken.getsockname()[1])
