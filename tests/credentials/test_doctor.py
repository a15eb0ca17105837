"""Diagnosing: what is found, what to do about it, and that looking changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flask_crm_sync.models import Budget, Connection, Heartbeat
from flask_crm_sync.models.connection import NEEDS_ATTENTION
from flask_crm_sync.sync.connections import pause
from flask_crm_sync.sync.diagnosis import Diagnosis, diagnose
from flask_crm_sync.sync.refusals import NotFound
from tests.web.helpdesk import OURS, THEIRS, Helpdesk
from tests.web.test_crm_pages import plain, post

from .conftest import SignedIn, Traveller


def looked(signed_in: SignedIn) -> Diagnosis:
    return diagnose(signed_in.desk.sync, OURS, "hubspot")


def about(diagnosis: Diagnosis, level: str) -> dict[str, str]:
    return {finding.about: finding.says for finding in diagnosis.findings if finding.level == level}


def alive(desk: Helpdesk) -> None:
    at = desk.sync.clock.now()
    with desk.sync.database.write() as database:
        for kind in ("worker", "scheduler"):
            database.execute(Heartbeat.__table__.insert().values(name=kind, kind=kind, beat_at=at))


def test_a_healthy_connection_is_well(signed_in: SignedIn) -> None:
    alive(signed_in.desk)
    found = looked(signed_in)
    assert found.is_well, found
    good = about(found, "good")
    assert str(signed_in.portal) in good["Portal"]
    assert "crm_sync_client_key" in good["Own key"]
    assert "All 10 fields" in good["Fields"]


def test_looking_changes_nothing(signed_in: SignedIn) -> None:
    before, calls = signed_in.row(), signed_in.sandbox.calls
    looked(signed_in)
    assert signed_in.row() == before
    assert {call.split()[0] for call in calls.counts("hubspot")} == {"GET"}


def test_a_process_that_is_away_is_a_problem_with_its_command(signed_in: SignedIn) -> None:
    found = looked(signed_in)
    assert not found.is_well
    advice = [finding.advice for finding in found.findings if finding.about == "Processes"]
    assert advice == ["Run `flask crm worker`.", "Run `flask crm scheduler`."]


def test_a_missing_scope_is_named_and_the_rest_is_looked_at_still(signed_in: SignedIn) -> None:
    access, token = signed_in.sandbox.hubspot.access, signed_in.credentials()["access_token"]
    access.add_token(token, signed_in.portal, ["oauth", "crm.schemas.contacts.read"], use="access")
    found = looked(signed_in)
    assert "crm.objects.contacts.read" in about(found, "problem")["Contacts"]
    assert "Own key" in about(found, "good")


def test_an_ended_sign_in_is_a_finding(signed_in: SignedIn) -> None:
    signed_in.sandbox.hubspot.access.revoke_app(signed_in.portal, "sandbox-client-id")
    found = looked(signed_in)
    assert "ended the sign-in" in about(found, "problem")["Connection"]


def test_the_connections_own_state_is_told(signed_in: SignedIn) -> None:
    pause(signed_in.desk.sync, OURS, "hubspot")
    until = signed_in.desk.sync.clock.now() + timedelta(hours=1)
    signed_in.desk.change(
        Connection, state=NEEDS_ATTENTION, state_code="sign_in_lost", blocked_until=until, blocked_code="rate_limited"
    )
    found = looked(signed_in)
    assert "was lost" in about(found, "problem")["State"]
    assert "rests until" in about(found, "warning")["State"]
    assert "paused" in about(found, "note")["State"]


@pytest.mark.parametrize(("left", "level"), [(900, "good"), (150, "warning")])
def test_the_days_budget_is_told(signed_in: SignedIn, left: int, level: str) -> None:
    sync = signed_in.desk.sync
    key = sync.warm.get(sync, signed_in.row()._mapping).token
    row = {"token_digest": key, "daily_limit": 1000, "daily_remaining": left, "daily_seen": sync.database.now()}
    with sync.database.write() as database:
        rest = {"window_started": 0.0, "window_seconds": 10.0, "window_limit": 100, "used": 0}
        database.execute(Budget.__table__.insert().values({**row, **rest}))
    assert f"{left:,} of 1,000 calls" in about(looked(signed_in), level)["API budget"]


def test_what_is_not_there_is_not_looked_at(signed_in: SignedIn) -> None:
    with pytest.raises(NotFound):
        diagnose(signed_in.desk.sync, THEIRS, "hubspot")


def test_the_page_shows_what_was_found(signed_in: SignedIn, traveller: Traveller) -> None:
    page = plain(post(traveller.browser, "/crm/connections/hubspot/diagnose").text)
    assert "Something needs attention." in page
    assert "Run `flask crm worker`." in page
    assert "Own key" in page
