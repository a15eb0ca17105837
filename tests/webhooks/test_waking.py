"""A delivery wakes a worker where somebody waits for it; and no bytes, at whatever address, end in a fault."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flask_crm_sync.config import Settings
from flask_crm_sync.models import Connection
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


@examples(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(crm=st.sampled_from(CRMS), body=st.binary(max_size=300), token=st.text(max_size=60))
def test_no_bytes_and_no_address_end_in_a_fault(
    shared: tuple[HookedDesk, dict[str, str]], crm: str, body: bytes, token: str
) -> None:
    desk, paths = shared
    headers = autochat_headers(body) | {"X-CRM-Sync-Secret": SECRET}
    assert desk.post(paths[crm], body, headers) in (204, 400, 401)
    assert 300 <= desk.post(f"/crm/hooks/{token}", body, headers) < 500
