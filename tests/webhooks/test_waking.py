"""A delivery wakes a worker where somebody waits for it; and no bytes, at whatever address, end in a fault."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flask_crm_sync.config import Settings
from flask_crm_sync.crm.hubspot.webhooks import SIGNATURE, TIMESTAMP, signature
from flask_crm_sync.crm.registry import adapters
from flask_crm_sync.crm.webhooks import Received
from flask_crm_sync.models import Connection
from flask_crm_sync.web.webhooks import NAME
from tests.web.helpdesk import open_helpdesk
from tests.webhooks.desk import ORIGIN, SECRET, HookedDesk, autochat_body, autochat_headers

CRMS = ["autochat", "dynamics", "hubspot"]


def test_genuine_delivery_wakes_a_worker_on_a_two_way_connection_only(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    assert desk.post(path, body, autochat_headers(body)) == 204
    assert desk.desk.wakes.count == 0
    desk.desk.change(Connection, two_way=True)
    assert desk.post(path, body, autochat_headers(body, "another secret")) == 401
    assert desk.desk.wakes.count == 0
    assert desk.post(path, body, autochat_headers(body)) == 204
    assert desk.desk.wakes.count == 1


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[HookedDesk, dict[str, str]]:
    """Return one helpdesk for all examples: a database for each would take most of the time."""
    settings = Settings(encryption_keys=(b"k" * 32,), public_url=ORIGIN)
    desk = HookedDesk(open_helpdesk(tmp_path_factory.mktemp("bytes"), settings=settings))
    return desk, {crm: desk.hook(crm) for crm in CRMS}


def signed(desk: HookedDesk, path: str, body: bytes) -> dict[str, str]:
    """Return headers that let any bytes pass for genuine, whichever CRM the address is for."""
    stamp = str(int(desk.clock.now().timestamp() * 1000))
    hubspots = signature(Received("POST", ORIGIN + path, {}, body), stamp, SECRET).decode()
    return autochat_headers(body) | {"X-CRM-Sync-Secret": SECRET, SIGNATURE: hubspots, TIMESTAMP: stamp}


def test_every_crm_that_sends_webhooks_and_every_route_of_theirs_is_tried(
    shared: tuple[HookedDesk, dict[str, str]],
) -> None:
    desk, _ = shared
    assert sorted(name for name, adapter in adapters().items() if adapter.webhooks is not None) == CRMS
    routes = [rule.rule for rule in desk.app.url_map.iter_rules() if rule.endpoint.startswith(f"{NAME}.")]
    assert routes == ["/crm/hooks/<token>"]


@examples(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(crm=st.sampled_from(CRMS), body=st.binary(max_size=300), token=st.text(max_size=60))
def test_no_bytes_and_no_address_end_in_a_fault(
    shared: tuple[HookedDesk, dict[str, str]], crm: str, body: bytes, token: str
) -> None:
    desk, paths = shared
    headers = signed(desk, paths[crm], body)
    assert desk.post(paths[crm], body, headers) in (204, 400)
    assert 300 <= desk.post(f"/crm/hooks/{token}", body, headers) < 500
