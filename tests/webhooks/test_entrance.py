"""The entrance: what passes without a verified signature (nothing), and what odd requests are told."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_wtf.csrf import CSRFProtect
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flask_crm_sync.config import Settings
from flask_crm_sync.models import Base, Connection
from flask_crm_sync.models.connection import DISCONNECTED, NEEDS_ATTENTION
from flask_crm_sync.sync.webhooks import open_webhook, set_secret
from flask_crm_sync.web.webhooks import MOST_BYTES
from tests.web import helpdesk
from tests.web.helpdesk import OURS, THEIRS, open_helpdesk
from tests.webhooks.desk import ORIGIN, SECRET, HookedDesk, add_connection, autochat_body, autochat_headers, kept
from tests.webhooks.test_hubspot import hubspot_headers

CRMS = ["autochat", "dynamics", "hubspot"]


@pytest.mark.parametrize("crm", CRMS)
def test_unsigned_delivery_is_refused_before_it_is_read(desk: HookedDesk, crm: str) -> None:
    path = desk.hook(crm)
    for body in (autochat_body(), b"not even json", b""):
        assert desk.post(path, body, {}) == 401


@pytest.mark.parametrize("crm", CRMS)
def test_before_a_secret_is_set_nothing_passes(desk: HookedDesk, crm: str) -> None:
    add_connection(desk.sync, crm)
    path, body = desk.path(crm), autochat_body()
    for secret in ("", "x"):
        assert desk.post(path, body, autochat_headers(body, secret) | {"X-CRM-Sync-Secret": secret}) == 401


def test_unknown_token_is_not_there(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    for wrong in (path[:-1], path + "A", "/crm/hooks/x", path.swapcase(), "/crm/hooks/%00", "/crm/hooks/%ED%A0%80"):
        assert desk.post(wrong, body, autochat_headers(body)) == 404
    assert kept(desk.sync) == []


def test_another_accounts_secret_does_not_fit(desk: HookedDesk) -> None:
    ours, theirs = desk.hook("autochat", OURS, "secret-of-ours"), desk.hook("autochat", THEIRS, "secret-of-theirs")
    body = autochat_body()
    assert desk.post(ours, body, autochat_headers(body, "secret-of-theirs")) == 401
    assert desk.post(theirs, body, autochat_headers(body, "secret-of-theirs")) == 204
    assert desk.post(ours, body, autochat_headers(body, "secret-of-ours")) == 204  # the same body is not a repeat there
    assert len({row.connection_id for row in kept(desk.sync)}) == 2


def test_disconnected_connections_address_is_not_there(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    desk.desk.change(Connection, state=DISCONNECTED)
    assert desk.post(path, body, autochat_headers(body)) == 404


@pytest.mark.parametrize("values", [{"state": NEEDS_ATTENTION}, {"paused": True}, {"enabled": False}])
def test_what_comes_while_work_waits_is_kept(desk: HookedDesk, values: dict[str, object]) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    desk.desk.change(Connection, **values)
    assert desk.post(path, body, autochat_headers(body)) == 204
    assert len(kept(desk.sync)) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_is_answered(desk: HookedDesk, method: str) -> None:
    assert desk.app.test_client().open(desk.hook("autochat"), method=method).status_code == 405


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 10_000_000])
def test_longer_body_than_any_webhook_has_is_not_read(desk: HookedDesk, size: int) -> None:
    path, body = desk.hook("autochat"), b" " * size
    assert desk.post(path, body, autochat_headers(body)) == 413


def test_longest_body_is_read(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body(note="")
    body = body.replace(b'"note": ""', b'"note": "' + b"x" * (MOST_BYTES - len(body)) + b'"')
    assert len(body) == MOST_BYTES
    assert desk.post(path, body, autochat_headers(body)) == 204


@pytest.mark.parametrize(("size", "status"), [(1000, 204), (10_000_000, 413)])
def test_body_of_unsaid_length_is_read_within_the_bound(desk: HookedDesk, size: int, status: int) -> None:
    path, body = desk.hook("autochat"), autochat_body(note="x" * size)
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    client = desk.app.test_client()
    stream = io.BytesIO(body)
    answer = client.post(path, input_stream=stream, headers=autochat_headers(body), environ_overrides=chunked)
    assert answer.status_code == status
    assert stream.tell() <= MOST_BYTES + 1


def test_body_that_was_cut_on_the_way_is_refused(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    headers = autochat_headers(body) | {"Content-Length": str(len(body))}
    answer = desk.app.test_client().post(path, input_stream=io.BytesIO(body[:-5]), headers=headers)
    assert answer.status_code in (400, 401)
    assert kept(desk.sync) == []


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-16", "text/plain", "application/x-www-form-urlencoded"]
)
def test_raw_bytes_count_whatever_their_type_is_said_to_be(desk: HookedDesk, kind: str) -> None:
    path, body = desk.hook("autochat"), autochat_body(company_name="Zoë & Söhne")
    assert desk.post(path, body, autochat_headers(body) | {"Content-Type": kind}) == 204
    assert len(kept(desk.sync)) == 1


@pytest.mark.parametrize("protected_first", [True, False])
def test_hosts_csrf_protection_lets_deliveries_pass_and_nothing_else(
    tmp_path: Path, protected_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(encryption_keys=(b"k" * 32,), public_url=ORIGIN)
    protect = CSRFProtect()
    if protected_first:
        monkeypatch.setattr(helpdesk, "_add_login", _after(protect, helpdesk._add_login))
    desk = HookedDesk(open_helpdesk(tmp_path, settings=settings))
    if not protected_first:
        protect.init_app(desk.app)
    desk.app.post("/form")(lambda: "saved")
    path, body = desk.hook("autochat"), autochat_body()
    assert desk.post(path, body, autochat_headers(body)) == 204
    assert desk.post("/form", b"", {}) == 400


def _after(protect: CSRFProtect, add_login: Callable[[Flask], None]) -> Callable[[Flask], None]:
    """Return what protects the host before anything of ours is registered."""

    def both(app: Flask) -> None:
        protect.init_app(app)
        add_login(app)

    return both


def test_no_depth_of_a_signed_body_ends_in_a_fault(desk: HookedDesk) -> None:
    """At some depth the body can just be read, and nothing deeper be done with it: where depends on the caller."""
    path = desk.hook("hubspot")
    for depth in range(860, 1000):
        event = {"portalId": 33, "subscriptionType": "contact.creation", "objectId": 5, "eventId": "here"}
        body = json.dumps([event]).replace('"here"', "[" * depth + "]" * depth).encode()
        headers = hubspot_headers(desk, path, body)
        assert desk.post(path, body, headers) in (204, 400)


def test_answer_sets_no_cookie_and_says_nothing(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    for headers in (autochat_headers(body), {}):
        answer = desk.app.test_client().post(path, data=body, headers=headers)
        assert "Set-Cookie" not in answer.headers
        assert answer.data == b""
        assert answer.headers["Cache-Control"] == "no-store"


def test_without_our_tables_the_crm_is_asked_to_come_again(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    Base.metadata.drop_all(desk.sync.database.engine)
    assert desk.post(path, body, autochat_headers(body)) == 503


def test_delivery_costs_two_statements(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    with desk.desk.statements() as seen:
        assert desk.post(path, body, autochat_headers(body)) == 204
    assert [statement.split()[0] for statement in seen] == ["SELECT", "BEGIN", "INSERT"]


def test_two_secrets_are_good_during_a_changeover_and_one_after_it(desk: HookedDesk) -> None:
    path, body, new = desk.hook("autochat"), autochat_body(), "the-secret-after-it"
    view = set_secret(desk.sync, OURS, "autochat", new)
    assert view.previous_until is not None
    assert desk.path("autochat") == path
    assert desk.post(path, body, autochat_headers(body)) == 204
    assert desk.post(path, body, autochat_headers(body, new)) == 204
    desk.clock.sleep(timedelta(hours=24).total_seconds())
    assert desk.post(path, body, autochat_headers(body)) == 401
    assert desk.post(path, body, autochat_headers(body, new)) == 204
    assert open_webhook(desk.sync, OURS, "autochat").previous_until is None


def test_no_secret_is_to_be_seen_anywhere(desk: HookedDesk, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(0)
    path, body = desk.hook("autochat"), autochat_body()
    for headers in (autochat_headers(body), autochat_headers(body, "wrong"), {}):
        desk.post(path, body, headers)
    token = path.rpartition("/")[2]
    view = open_webhook(desk.sync, OURS, "autochat")
    with desk.sync.database.engine.connect() as connection:
        dump = "\n".join(connection.connection.dbapi_connection.iterdump())  # type: ignore[union-attr]
    for secret in (SECRET, token):
        assert secret not in dump
        assert secret not in caplog.text
        assert secret not in repr(view)
    with desk.sync.database.read() as database:
        assert database.execute(sa.text("SELECT count(*) FROM crm_sync_webhook")).scalar() == 1


@pytest.fixture(scope="module")
def open_desk(tmp_path_factory: pytest.TempPathFactory) -> tuple[HookedDesk, dict[str, str]]:
    settings = Settings(encryption_keys=(b"k" * 32,), public_url=ORIGIN)
    desk = HookedDesk(open_helpdesk(tmp_path_factory.mktemp("fuzz"), settings=settings))
    return desk, {crm: desk.hook(crm) for crm in CRMS}


texts = st.text(st.characters())  # with halves of surrogate pairs, which JSON can spell
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
named = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(["client.created", "client.updated"]) | anything,
        "data": st.fixed_dictionaries({"id": texts | anything}) | anything,
        "timestamp": anything,
        "MessageName": st.just("Update") | anything,
        "PrimaryEntityName": st.just("contact") | anything,
        "PrimaryEntityId": anything,
        "OrganizationId": anything,
        "OperationCreatedOn": anything,
        "subscriptionType": st.sampled_from(["contact.creation", "contact.merge"]) | anything,
        "portalId": st.just(33) | anything,
        "objectId": anything,
        "occurredAt": anything,
        "mergedObjectIds": anything,
    },
)


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(crm=st.sampled_from(CRMS), said=named | st.lists(named, max_size=3) | anything)
def test_no_signed_body_ends_in_a_fault(open_desk: tuple[HookedDesk, dict[str, str]], crm: str, said: object) -> None:
    desk, paths = open_desk
    body = json.dumps(said).encode()
    headers = autochat_headers(body) | hubspot_headers(desk, paths[crm], body) | {"X-CRM-Sync-Secret": SECRET}
    assert desk.post(paths[crm], body, headers) in (204, 400)


latin = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]))


@given(crm=st.sampled_from(CRMS), body=st.binary(max_size=200), text=latin)
def test_no_header_ends_in_a_fault(
    open_desk: tuple[HookedDesk, dict[str, str]], crm: str, body: bytes, text: str
) -> None:
    desk, paths = open_desk
    names = ("X-Webhook-Signature", "X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp", "X-CRM-Sync-Secret")
    for prefix in ("", "sha256="):
        assert desk.post(paths[crm], body, dict.fromkeys(names, prefix + text)) == 401
