"""Languages and time zones of the pages: whose say counts, and what is written in them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask.testing import FlaskClient

from flask_crm_sync.config import load_settings
from flask_crm_sync.errors import ConfigurationError
from flask_crm_sync.host.access import Callables, FlaskLoginAccess
from flask_crm_sync.language import gettext, in_language, languages, ngettext, reader
from flask_crm_sync.models import Connection
from flask_crm_sync.models.operation import FAILED, SUCCESS
from flask_crm_sync.web.words import amount, distance
from tests.web.helpdesk import Helpdesk, User

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}
KEYS = {"CRM_SYNC_ENCRYPTION_KEYS": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="}


def page(browser: FlaskClient, path: str, **headers: str) -> str:
    answer = browser.get(f"/crm/{path}", headers=headers)
    assert answer.status_code == 200
    return answer.text


def configured(desk: Helpdesk, **values: str) -> None:
    door = desk.app.extensions["crm_sync"]
    door.settings = replace(door.settings, **values)


@pytest.fixture
def says(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Let the host's access object say something of the person who asks."""

    def say(what: str, value: str) -> None:
        monkeypatch.setattr(type(desk.app.extensions["crm_sync"].access), what, lambda _self: value, raising=False)

    return say


# Which language


def test_the_browsers_language_is_spoken_and_named(desk: Helpdesk) -> None:
    german, english = (page(desk.browser("viewer"), "log", **headers) for headers in (GERMAN, {}))
    assert "<h1>Protokoll</h1>" in german
    assert '<html lang="de" dir="ltr"' in german
    assert '<div class="crmsync" lang="de" dir="ltr">' in german
    assert "<h1>Sync Log</h1>" in english
    assert '<html lang="en" dir="ltr"' in english


def test_the_best_language_that_there_is_is_taken(desk: Helpdesk) -> None:
    wanted = {"Accept-Language": "xx, fr;q=0.9, de;q=0.5, en;q=0.4"}
    assert "<h1>Protokoll</h1>" in page(desk.browser("viewer"), "log", **wanted)
    assert "<h1>Sync Log</h1>" in page(desk.browser("viewer"), "log", **{"Accept-Language": "fr, *;q=0.1"})


def test_the_hosts_say_counts_more_than_the_browsers(desk: Helpdesk, says: Callable[[str, str], None]) -> None:
    says("locale", "de_DE")
    assert "<h1>Protokoll</h1>" in page(desk.browser("viewer"), "log", **{"Accept-Language": "en"})


def test_a_fixed_language_counts_more_than_any_say(desk: Helpdesk, says: Callable[[str, str], None]) -> None:
    says("locale", "en")
    configured(desk, locale="de")
    assert "<h1>Protokoll</h1>" in page(desk.browser("viewer"), "log", **{"Accept-Language": "en"})


def test_a_hosts_function_that_fails_costs_no_page(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_self: object) -> str:
        raise LookupError("no such column")

    monkeypatch.setattr(type(desk.app.extensions["crm_sync"].access), "locale", broken, raising=False)
    assert "<h1>Protokoll</h1>" in page(desk.browser("viewer"), "log", **GERMAN)
    assert "no such column" in caplog.text


def test_a_hosts_own_texts_come_first_and_new_languages_are_there(desk: Helpdesk, tmp_path: Path) -> None:
    _write(tmp_path, "de", {"Sync Log": "CRM-Protokoll"})
    _write(tmp_path, "he", {"Sync Log": "יומן"})
    configured(desk, translations=str(tmp_path))
    german = page(desk.browser("viewer"), "log", **GERMAN)
    assert "<h1>CRM-Protokoll</h1>" in german
    assert "Noch kein" not in german
    assert "Es ist noch kein CRM verbunden." in german
    hebrew = page(desk.browser("viewer"), "log", **{"Accept-Language": "he"})
    assert '<html lang="he" dir="rtl"' in hebrew
    assert "<h1>יומן</h1>" in hebrew
    assert languages(str(tmp_path)) == ("de", "en", "he")


@pytest.mark.parametrize("wrong", ["%(who)s ist getrennt", "%(crm) ist getrennt", "100 % getrennt"])
def test_a_hosts_text_with_other_holes_is_shown_in_english(
    tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    _write(tmp_path, "de", {"Disconnect %(crm)s?": wrong})
    with in_language("de", folder=str(tmp_path)):
        assert gettext("Disconnect %(crm)s?", crm="HubSpot") == "Disconnect HubSpot?"
    assert "'Disconnect %(crm)s?'" in caplog.text


def test_a_language_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    assert load_settings(KEYS | {"CRM_SYNC_LOCALE": "de"}, {}).locale == "de"
    with pytest.raises(ConfigurationError, match=r"CRM_SYNC_LOCALE: there is no language fr; there are de, en\."):
        load_settings(KEYS | {"CRM_SYNC_LOCALE": "fr"}, {})
    with pytest.raises(ConfigurationError, match="CRM_SYNC_TIME_ZONE: expected the name of a time zone"):
        load_settings(KEYS | {"CRM_SYNC_TIME_ZONE": "Wien"}, {})
    with pytest.raises(ConfigurationError, match="CRM_SYNC_TRANSLATIONS: expected the path of a folder"):
        load_settings(KEYS | {"CRM_SYNC_TRANSLATIONS": str(tmp_path / "nowhere")}, {})


def test_what_is_written_for_somebody_outside_a_request_is_in_their_language() -> None:
    assert gettext("Needs attention") == "Needs attention"
    with in_language("de"):
        assert gettext("Needs attention") == "Braucht Aufmerksamkeit"
        with in_language("en"):
            assert gettext("Needs attention") == "Needs attention"
        assert ngettext("1 entry so far.", "%(number)s entries so far.", 1234) == "1.234 Einträge bisher."
    assert gettext("Needs attention") == "Needs attention"


def test_the_logged_in_users_own_language_and_zone_are_found(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = desk.add_operation(desk.connect())
    desk.app.extensions["crm_sync"].access = FlaskLoginAccess(desk.sync.host)
    monkeypatch.setattr(User, "language", lambda _self: "de_AT", raising=False)
    monkeypatch.setattr(User, "timezone", ZoneInfo("Europe/Vienna"), raising=False)
    assert "22.11.2026, 15:00:00 MEZ" in page(desk.browser("viewer"), f"log/{number}")
    monkeypatch.setattr(User, "language", None)
    assert "<h1>Sync Log</h1>" in page(desk.browser("viewer"), "log")


def test_functions_of_the_host_tell_language_and_zone() -> None:
    given = {"account_id": lambda: 1, "user_id": lambda: 1, "can_view": lambda: True}
    told = Callables(**given, locale=lambda: Locale("de", "AT"), time_zone=lambda: ZoneInfo("Europe/Vienna"))
    assert (told.locale(), told.time_zone()) == ("de_AT", "Europe/Vienna")
    silent = Callables(**given)
    assert (silent.locale(), silent.time_zone()) == ("", "")


def test_a_host_with_flask_babel_has_its_say(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    flask_babel = SimpleNamespace(get_locale=lambda: Locale("de"), get_timezone=lambda: ZoneInfo("Asia/Tokyo"))
    monkeypatch.setitem(sys.modules, "flask_babel", flask_babel)
    number = desk.add_operation(desk.connect())
    desk.app.extensions["babel"] = SimpleNamespace(locale_selector=None, timezone_selector=None)
    assert "22.11.2026, 14:00:00 UTC" in page(desk.browser("viewer"), f"log/{number}"), "it chooses no zone"
    desk.app.extensions["babel"].timezone_selector = flask_babel.get_timezone
    assert "22.11.2026, 23:00:00 JST" in page(desk.browser("viewer"), f"log/{number}")


# Which time zone


def test_times_are_utc_until_somebody_tells_a_zone(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect())
    assert "22 Nov 2026, 14:00:00 UTC" in page(desk.browser("viewer"), f"log/{number}")


def test_times_are_in_the_browsers_zone(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect())
    browser = desk.browser("viewer")
    browser.set_cookie("crm_sync_tz", "Europe/Vienna")
    assert "22 Nov 2026, 15:00:00 CET" in page(browser, f"log/{number}")
    assert "22.11.2026, 15:00:00 MEZ" in page(browser, f"log/{number}", **GERMAN)
    assert "Nov 22, 2026, 3:00:00\u202fPM CET" in page(browser, f"log/{number}", **{"Accept-Language": "en-US"})


def test_the_hosts_say_of_the_zone_counts_more(desk: Helpdesk, says: Callable[[str, str], None]) -> None:
    number = desk.add_operation(desk.connect())
    browser = desk.browser("viewer")
    browser.set_cookie("crm_sync_tz", "Europe/Vienna")
    says("time_zone", "Asia/Kolkata")
    assert "22 Nov 2026, 19:30:00 IST" in page(browser, f"log/{number}")


@pytest.mark.parametrize(
    "cookie", ["../../etc/passwd", "Europe", "/etc/hosts", "Nowhere/Land", "", "a\x00b", "x" * 300]
)
def test_a_zone_that_is_none_is_not_believed(desk: Helpdesk, cookie: str) -> None:
    number = desk.add_operation(desk.connect())
    configured(desk, time_zone="Asia/Tokyo")
    browser = desk.browser("viewer")
    browser.set_cookie("crm_sync_tz", cookie)
    assert "22 Nov 2026, 23:00:00 JST" in page(browser, f"log/{number}")


def test_the_hours_of_the_picture_are_the_readers(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect(), status=SUCCESS)
    browser = desk.browser("viewer")
    browser.set_cookie("crm_sync_tz", "Asia/Kolkata")
    text = page(browser, "overview", **GERMAN)
    assert "Stunde (IST)" in text
    assert '<th scope="row">22. Nov., 19:30</th>' in text


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", "22 Nov 2026"), ("Asia/Tokyo", "23 Nov 2026"), ("America/Los_Angeles", "22 Nov 2026")]
)
def test_a_day_is_the_readers_day(zone: str, day: str) -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert reader(["en"], zone).day(late) == day


def test_a_zone_without_a_short_name_is_told_by_its_distance() -> None:
    at = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert reader(["de"], "America/Sao_Paulo").zone_name(at) == "UTC-0300"


# Numbers and lengths of time


def test_numbers_and_lengths_are_written_as_the_reader_does(desk: Helpdesk) -> None:
    with desk.app.test_request_context(), in_language("de"):
        assert (amount(60), amount(7200), amount(86400 * 3)) == ("1 Minute", "2 Stunden", "3 Tage")
        assert (distance(-86400 * 3), distance(3600 * 5)) == ("vor 3 Tagen", "in 5 Stunden")
        assert (distance(-3), distance(3)) == ("gerade eben", "gleich")
    with desk.app.test_request_context():
        assert (amount(60), distance(-86400 * 3), distance(3600 * 5)) == ("1 minute", "3 days ago", "in 5 hours")


# What comes from below the pages


def said(text: str, language: str = "de") -> str:
    return reader([language]).said(text)


def test_a_stored_sentence_is_recognised_with_its_values() -> None:
    assert said("The record 00Q1 stands for client 12 already.") == "Der Datensatz 00Q1 steht schon für Kunde 12."
    assert said("4,000 of 15,000 API calls are left in these 24 hours.") == (
        "4.000 von 15.000 API-Aufrufen sind in diesen 24 Stunden noch frei."
    )


def test_several_sentences_are_each_recognised_and_foreign_words_stay() -> None:
    assert said(
        "The CRM has ended the sign-in. AADSTS9: gone fishing. The app is disabled: ask the tenant's administrator."
    ) == (
        "Das CRM hat die Anmeldung beendet. AADSTS9: gone fishing. Die App ist deaktiviert: Fragen Sie, wer den "
        "Mandanten verwaltet."
    )
    assert said("login.example.com: timed out.") == "login.example.com: Zeit überschritten."
    assert said("It could not be looked at: The user lacks a right in Salesforce.") == (
        "Es konnte nicht angesehen werden: Dem Benutzer fehlt ein Recht in Salesforce."
    )


@pytest.mark.parametrize("text", ["", " ", "Quota % exceeded (%s) %(x)s", "a\nb", "x" * 5000, ". . . : ; " * 400])
def test_what_is_not_known_stays_as_it_is(text: str) -> None:
    assert said(text) == text
    assert said(text, "en") == text


def test_an_entry_is_explained_in_the_readers_language(desk: Helpdesk) -> None:
    view = desk.connect()
    message = "The record 9 stands for client 4 already."
    number = desk.add_operation(view, status=FAILED, reason="already_linked", message=message, crm_message="No way")
    text = page(desk.browser("viewer"), f"log/{number}", **GERMAN)
    assert "Der passende Datensatz im CRM gehört hier zu einem anderen Kunden" in text
    assert "Der Datensatz 9 steht schon für Kunde 4." in text
    assert "No way" in text


def test_findings_of_the_last_test_are_translated(desk: Helpdesk) -> None:
    desk.connect()
    finding = "The key may not set up contact properties (scopes crm.schemas.contacts.read and .write)."
    desk.change(Connection, state_message=f"{finding} Contacts are recognised by e-mail instead.")
    text = page(desk.browser("viewer"), "", **GERMAN)
    assert "Der Schlüssel darf keine Kontakteigenschaften einrichten" in text
    assert "Kontakte werden stattdessen an der E-Mail-Adresse erkannt." in text


def _write(folder: Path, language: str, texts: dict[str, str]) -> None:
    catalog = Catalog(locale=language)
    for text, translation in texts.items():
        catalog.add(text, translation)
    path = folder / language / "LC_MESSAGES" / "crm_sync.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalog)
