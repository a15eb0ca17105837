"""Connect forms of several ways: what they ask, what may stay empty, and whose mistake is shown where."""

from __future__ import annotations

import re

from flask_crm_sync.config import Settings
from flask_crm_sync.crm.registry import adapter_class
from flask_crm_sync.web.forms import ConnectForm, Trouble, connect_forms
from tests.web.helpdesk import Helpdesk

PLAIN = Settings(encryption_keys=(b"k" * 32,))


def forms(crm: str, trouble: Trouble | None = None, **typed: str) -> dict[str, ConnectForm]:
    return {form.method: form for form in connect_forms(adapter_class(crm), PLAIN, typed, trouble)}


def inputs(page: str) -> dict[str, str]:
    return {found.group(1): found.group(0) for found in re.finditer(r'<input id="([^"]+)".*?>', page, re.DOTALL)}


def test_what_is_wrong_with_one_way_is_said_there_and_what_was_typed_stays() -> None:
    trouble = Trouble("client_credentials", "", field_errors={"instance_url": "Not Salesforce's."})
    shown = forms("salesforce", trouble, instance_url="https://evil.example.com", client_secret="canary")
    values = {field.name: (field.value, field.error) for field in shown["client_credentials"].fields}
    assert values["instance_url"] == ("https://evil.example.com", "Not Salesforce's.")
    assert values["client_secret"] == ("", "")
    assert not shown["oauth"].has_errors


def test_missing_settings_are_named_for_the_way_that_needs_them() -> None:
    shown = forms("dynamics")
    assert shown["oauth"].missing == (
        "CRM_SYNC_DYNAMICS_CLIENT_ID",
        "CRM_SYNC_DYNAMICS_CLIENT_SECRET",
        "CRM_SYNC_PUBLIC_URL",
    )
    assert shown["client_credentials"].missing == ()


def test_optional_fields_may_stay_empty_and_the_others_may_not(desk: Helpdesk) -> None:
    page = desk.browser("manager").get("/crm/").text
    shown = inputs(page)
    assert " required" in shown["crmsync-salesforce-client_credentials-instance_url"]
    assert "yourdomain.my.salesforce.com" in shown["crmsync-salesforce-client_credentials-instance_url"]
    assert 'type="password"' in shown["crmsync-dynamics-client_credentials-client_secret"]


def test_each_crm_has_its_set_up_help(desk: Helpdesk) -> None:
    page = desk.browser("manager").get("/crm/").text
    for words in ("External Client App Manager", "Application users", "API Keys", "Service keys"):
        assert words in page
