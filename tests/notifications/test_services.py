"""Services through Apprise: what may be spoken to, and how little of an address is ever seen."""

from __future__ import annotations

import logging
import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from apprise import URLBase

from flask_crm_sync.notifications import services
from flask_crm_sync.notifications.channels import Address, Wishes, add_channel, channels
from flask_crm_sync.notifications.guard import Forbidden, hushed, only_to
from flask_crm_sync.notifications.messages import send_test
from flask_crm_sync.notifications.services import check_service, tell
from tests.notifications.desk import server
from tests.notifications.test_webhook import code_of, resolves
from tests.web.helpdesk import Helpdesk

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"


def test_a_service_with_hosts_of_its_own_is_shown_by_its_name(desk: Helpdesk) -> None:
    assert check_service(SLACK, desk.sync.settings) == "Slack"
    pasted = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert check_service(pasted, desk.sync.settings) == "Slack"


def test_a_service_on_somebodys_host_is_shown_with_it(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, "93.184.215.14")
    mail = "mailtos://ada:canary@example.com?smtp=smtp.example.com"
    assert check_service(mail, desk.sync.settings).endswith("(smtp.example.com)")
    assert check_service("mmosts://chat.example.com/canary", desk.sync.settings) == "Mattermost (chat.example.com)"


def test_no_address_makes_a_service_wait_longer_than_a_message_may_take(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves(monkeypatch, "93.184.215.14")
    plugin = services._plugin("jsons://example.com/?rto=86400&cto=86400", desk.sync.settings)
    assert max(plugin.request_timeout) <= desk.sync.settings.notify_timeout


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("syslog://", "local_service"),
        ("dbus://", "local_service"),
        ("windows://", "local_service"),
        ("nothing://example.com/", "no_address"),
        ("plain words", "no_address"),
        ("ada@example.com", "bare_email"),
        ("mailto:ada@example.com", "bare_email"),
        ("file:///etc/passwd", "no_address"),
        ("https://93.184.215.14/whatever", "no_address"),
        ("json://93.184.215.14/", "plain_service"),
        ("jsons://93.184.215.14/?verify=no", "plain_service"),
        ("mailto://ada:pw@example.org", "plain_service"),
        ("mailtos://ada:pw@example.org?mode=insecure", "plain_service"),
        ("mailtos://ada:pw@gmail.com?mode=insecure", "plain_service"),
        ("kavenegar://abcdefghijklmnop/15551234567", "plain_service"),
        ("dapnet://ada:pw@DF1ABC", "plain_service"),
        ("aprs://DF1ABC:12345@DF1JSL-15", "plain_service"),
        ("jsons://127.0.0.1/", "private_address"),
        ("jsons://[::1]/", "private_address"),
        ("matrixs://u:p@10.0.0.1/#room", "private_address"),
        ("mailtos://ada:pw@example.com?smtp=192.168.0.1", "private_address"),
    ],
)
def test_what_must_not_be_spoken_to_is_refused(desk: Helpdesk, url: str, code: str) -> None:
    assert code_of(check_service, url, desk.sync.settings) == code
    assert code_of(tell, url, "Subject", "Text", desk.sync.settings) in {code, "private_address"}


def test_a_name_that_leads_elsewhere_when_it_is_used_is_refused(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server() as (port, received):
        resolves(monkeypatch, "93.184.215.14", "93.184.215.14", "127.0.0.1")
        url = f"jsons://looks.example.com:{port}/"
        assert check_service(url, desk.sync.settings) == "JSON (looks.example.com)"
        assert code_of(tell, url, "Subject", "Text", desk.sync.settings) == "private_address"
    assert received == []


@pytest.mark.skipif(
    not hasattr(URLBase, "redirects"), reason="this Apprise always follows redirects, if only to the public"
)
def test_no_redirect_leads_anywhere(inside: Helpdesk) -> None:
    with server() as (there, elsewhere), server(307, location=f"http://127.0.0.1:{there}/") as (port, _):
        code = code_of(tell, f"json://127.0.0.1:{port}/", "Subject", "Text", inside.sync.settings)
    assert code.startswith("refused")
    assert elsewhere == []


def test_a_message_arrives(inside: Helpdesk) -> None:
    with server() as (port, received):
        url = f"json://127.0.0.1:{port}/canary"
        add_channel(inside.sync, "1", "", "service", Wishes(label="Chat"), Address(url), by="1")
        send_test(inside.sync, channels(inside.sync, "1")[0])
    (letter,) = received
    assert letter.content["title"] == "Test message from the CRM sync"
    assert "canary" not in repr(channels(inside.sync, "1"))


def test_a_message_comes_from_the_crm_sync_and_not_from_the_library(inside: Helpdesk) -> None:
    with server() as (port, received):
        wishes = Wishes(label="Chat", language="de")
        url = f"json://127.0.0.1:{port}/canary"
        add_channel(inside.sync, "1", "", "service", wishes, Address(url), by="1")
        send_test(inside.sync, channels(inside.sync, "1")[0])
    (letter,) = received
    assert letter.headers["User-Agent"] == "CRM-Abgleich"


def test_the_sender_of_a_mail_is_a_name_that_people_know(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, "93.184.215.14")
    mail = "mailtos://ada:pw@example.com"
    assert services._plugin(mail, desk.sync.settings, "CRM sync").from_addr[0] == "CRM sync"
    assert services._plugin(mail, desk.sync.settings, "同期").from_addr[0] == "CRM"


def test_a_refusal_is_told_by_its_status_and_by_no_log(inside: Helpdesk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with server(403) as (port, _):
        code = code_of(tell, f"json://ada:canary@127.0.0.1:{port}/canary", "Subject", "Text", inside.sync.settings)
    assert code == "refused/403"
    assert "canary" not in caplog.text


def test_a_service_that_does_not_answer_has_its_time_and_no_more(
    inside: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(services, "_send", lambda *_: release.wait(5))
    quick = replace(inside.sync.settings, notify_timeout=1.0)
    started = time.monotonic()
    assert code_of(tell, "json://127.0.0.1:9/", "Subject", "Text", quick) == "unreachable"
    release.set()
    assert time.monotonic() - started < 4


def test_code_that_sends_for_us_can_reach_nothing_else() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    place = listener.getsockname()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        attempts = (
            lambda: socket.create_connection(place),
            lambda: datagrams.sendto(b"x", place),
            lambda: subprocess.run(["/bin/true"], check=False),
        )
        with only_to(lambda _address: False) as refused:
            for attempt in attempts:
                with pytest.raises(Forbidden):
                    attempt()
    assert refused == [place, place]
    with only_to(lambda address: address == "127.0.0.1"):
        socket.create_connection(place).close()
    socket.create_connection(place).close()
    listener.close()


@pytest.mark.parametrize(
    "service", ["discord://123456789012345678/{}?template={{}}".format("a1" * 30), SLACK + "?template={}"]
)
def test_no_address_makes_the_server_read_a_file_of_its_own(desk: Helpdesk, tmp_path: Path, service: str) -> None:
    (tmp_path / "secrets.json").write_text('{"content": "canary", "blocks": [{"type": "divider"}]}')
    url = service.format(tmp_path / "secrets.json")
    assert code_of(check_service, url, desk.sync.settings) == "no_address"
    assert code_of(tell, url, "Subject", "Text", desk.sync.settings) == "no_address"


def test_code_that_sends_for_us_opens_no_file_but_modules(tmp_path: Path) -> None:
    secrets, module = tmp_path / "secrets.json", tmp_path / "module.py"
    secrets.write_text("canary")
    module.write_text("")
    with only_to(lambda _address: True):
        module.read_text()
        for mode in ("r", "w"):
            with pytest.raises(Forbidden):
                secrets.open(mode)
    assert secrets.read_text() == "canary"


def test_only_what_this_thread_logs_meanwhile_is_kept_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    talkative = logging.getLogger("apprise")
    with hushed() as statuses:
        talkative.warning("https://example.com/canary, error=502.")
        other = threading.Thread(target=talkative.warning, args=("somebody else's",))
        other.start()
        other.join()
    talkative.warning("afterwards")
    assert statuses == [502]
    assert [record.getMessage() for record in caplog.records] == ["somebody else's", "afterwards"]
