"""Settings: where they come from, what is refused, and that the documentation is the definition."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from flask_crm_sync.config import Settings, keys, load_settings
from flask_crm_sync.errors import ConfigurationError
from flask_crm_sync.vault import make_key

DOCS = Path(__file__).parents[1] / "docs"
KEY = make_key()
NEEDED = {"CRM_SYNC_ENCRYPTION_KEYS": KEY}


def test_app_config_wins_over_the_environment() -> None:
    settings = load_settings({**NEEDED, "CRM_SYNC_RETRY_HOURS": 5}, {"CRM_SYNC_RETRY_HOURS": "9"})
    assert settings.retry_hours == 5


def test_environment_is_read_where_the_app_says_nothing() -> None:
    assert load_settings(NEEDED, {"CRM_SYNC_RETRY_HOURS": "9"}).retry_hours == 9
    assert load_settings({}, {"CRM_SYNC_ENCRYPTION_KEYS": KEY}).encryption_keys


def test_unset_and_empty_keys_keep_their_defaults() -> None:
    empty = {"CRM_SYNC_RETRY_HOURS": "", "CRM_SYNC_SALESFORCE_COMPANY": " "}
    assert load_settings({**NEEDED, "CRM_SYNC_URL_PREFIX": None}, empty) == Settings(
        encryption_keys=load_settings(NEEDED, {}).encryption_keys
    )


def test_missing_encryption_key_names_the_command_that_makes_one() -> None:
    with pytest.raises(ConfigurationError, match="flask-crm-sync-key"):
        load_settings({}, {})


def test_every_key_in_a_list_opens_and_the_first_encrypts() -> None:
    other = make_key()
    both = load_settings({"CRM_SYNC_ENCRYPTION_KEYS": f"{KEY}, {other}"}, {}).encryption_keys
    assert [len(key) for key in both] == [32, 32]
    assert both == load_settings({"CRM_SYNC_ENCRYPTION_KEYS": [KEY, other]}, {}).encryption_keys


@pytest.mark.parametrize(
    "wrong",
    ["short", KEY + "AA", "ключ", "=" * 43, 5, KEY[:-4] + "\n💥"],
    ids=["short", "long", "letters", "padding", "number", "broken"],
)
def test_unusable_encryption_key_is_refused_and_not_shown(wrong: object) -> None:
    with pytest.raises(ConfigurationError, match="CRM_SYNC_ENCRYPTION_KEYS") as refused:
        load_settings({"CRM_SYNC_ENCRYPTION_KEYS": wrong}, {})
    if len(str(wrong)) > 5:
        assert str(wrong) not in str(refused.value)
    assert "flask crm" not in str(refused.value), "which would need a key before it makes one"


def test_unknown_key_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError, match=r"CRM_SYNC_RETRY_HOUR is not a key.*CRM_SYNC_RETRY_HOURS"):
        load_settings({**NEEDED, "CRM_SYNC_RETRY_HOUR": 5}, {})
    with pytest.raises(ConfigurationError, match="CRM_SYNC_NONSENSE"):
        load_settings(NEEDED, {"CRM_SYNC_NONSENSE": "1"})


def test_keys_of_others_are_none_of_our_business() -> None:
    assert load_settings({**NEEDED, "SQLALCHEMY_ECHO": True, 3: "odd"}, {"PATH": "/bin"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("CRM_SYNC_RETRY_HOURS", "many"),
        ("CRM_SYNC_RETRY_HOURS", 0),
        ("CRM_SYNC_RETRY_HOURS", True),
        ("CRM_SYNC_CALL_TIMEOUT", "nan"),
        ("CRM_SYNC_CALL_TIMEOUT", [1]),
        ("CRM_SYNC_URL_PREFIX", "/a b"),
        ("CRM_SYNC_URL_PREFIX", "https://example.com/crm"),
        ("CRM_SYNC_HUBSPOT_VERSION", "2019"),
        ("CRM_SYNC_HUBSPOT_KEY_PROPERTY", "Key!"),
        ("CRM_SYNC_SANDBOX_URL", "http://127.0.0.1:8443"),
        ("CRM_SYNC_SANDBOX_URL", "https://example.com"),
        ("CRM_SYNC_SANDBOX_URL", "https://127.0.0.1@example.com"),
        ("CRM_SYNC_CLIENT_MODEL", 7),
        ("CRM_SYNC_PUBLIC_URL", "http://help.example.com"),
        ("CRM_SYNC_PUBLIC_URL", "https://help.example.com/?x=1"),
        ("CRM_SYNC_PUBLIC_URL", "https://help.example.com//desk"),
        ("CRM_SYNC_PUBLIC_URL", "help.example.com"),
        ("CRM_SYNC_PUBLIC_URL", "https://help.example.com:port"),
        ("CRM_SYNC_PUBLIC_URL", "https://help example.com"),
        ("CRM_SYNC_PUBLIC_URL", "https://[::1"),
        ("CRM_SYNC_AI_BASE_URL", "https://llm.example.com:99999/v1"),
        ("CRM_SYNC_AUTOCHAT_BASE_URL", "https://a b.supabase.co/v1"),
        ("CRM_SYNC_SANDBOX_URL", "https://127.0.0.1:port"),
        ("CRM_SYNC_TRANSLATIONS", "x" * 5000),
        ("CRM_SYNC_NOTE_AFTER_MINUTES", "3\x00"),
    ],
)
def test_unreadable_value_is_one_error_that_names_its_key(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=key):
        load_settings({**NEEDED, key: value}, {})


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("CRM_SYNC_RETRY_HOURS", "many", "a whole number from 1 to 8760"),
        ("CRM_SYNC_RETRY_HOURS", 3.7, "a whole number from 1 to 8760"),
        ("CRM_SYNC_RETRY_HOURS", "1e999", "a whole number from 1 to 8760"),
        ("CRM_SYNC_RETRY_HOURS", 10**400, "a whole number from 1 to 8760"),
        ("CRM_SYNC_CALL_TIMEOUT", "30s", "seconds from 1 to 300"),
        ("CRM_SYNC_CALL_TIMEOUT", True, "seconds from 1 to 300"),
        ("CRM_SYNC_AI_REVIEW_MIN_HOURS", "a day", "hours from 0 to 8760"),
        ("CRM_SYNC_SANDBOX_URL", "https://10.0.0.5:8443", "an address of this machine"),
        ("CRM_SYNC_SANDBOX_CA", "/nowhere/authority.pem", "none at /nowhere/authority.pem"),
        ("CRM_SYNC_TRANSLATIONS", "/nowhere/texts", "a folder; there is none at /nowhere/texts"),
        ("CRM_SYNC_AI_CA", __file__, "a certificate in PEM form"),
        ("CRM_SYNC_AUTOCHAT_CLIENT_FIELDS", "company", "pairs such as name=value"),
        ("CRM_SYNC_AUTOCHAT_CLIENT_FIELDS", ["company"], "a text"),
        ("CRM_SYNC_PHONE_REGION", "Austria", "two letters, such as AT"),
        ("CRM_SYNC_PHONE_REGION", "UK", "GB for the United Kingdom"),
    ],
)
def test_unreadable_value_is_told_what_was_expected(key: str, value: object, wanted: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{key}: expected .*{wanted}"):
        load_settings({**NEEDED, key: value}, {})


def test_unreadable_value_of_no_known_kind_is_told_what_the_key_means() -> None:
    with pytest.raises(ConfigurationError, match=r"CRM_SYNC_AUTOCHAT_HOSTS: .* Hosts that may be AutoChat CRMs"):
        load_settings({**NEEDED, "CRM_SYNC_AUTOCHAT_HOSTS": 7}, {})


def test_country_of_phone_numbers_is_read_in_small_letters_too() -> None:
    assert load_settings({**NEEDED, "CRM_SYNC_PHONE_REGION": " at "}, {}).phone_region == "AT"


def test_country_of_phone_numbers_without_the_library_is_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    with pytest.raises(ConfigurationError, match=r"CRM_SYNC_PHONE_REGION.*flask-crm-sync\[phone\]"):
        load_settings({**NEEDED, "CRM_SYNC_PHONE_REGION": "AT"}, {})


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("https://help.example.com/", "https://help.example.com"),
        (" https://example.com/help/desk/ ", "https://example.com/help/desk"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_public_address_may_have_the_path_of_a_mounted_host(typed: str, read: str) -> None:
    assert load_settings({**NEEDED, "CRM_SYNC_PUBLIC_URL": typed}, {}).public_url == read


def test_version_may_come_as_the_number_that_it_looks_like() -> None:
    """Flask's `from_prefixed_env` reads values as JSON."""
    assert load_settings({**NEEDED, "CRM_SYNC_SALESFORCE_VERSION": 61.0}, {}).salesforce_version == "61.0"


def test_pairs_may_end_in_a_comma() -> None:
    read = load_settings({**NEEDED, "CRM_SYNC_AUTOCHAT_CLIENT_FIELDS": "company=firm, zip=, "}, {})
    assert read.autochat_client_fields == (("company", "firm"), ("zip", ""))


def test_redis_url_of_the_host_is_taken_unless_ours_is_set() -> None:
    hosts = {"REDIS_URL": "redis://127.0.0.1:6390/2"}
    assert load_settings({**NEEDED, **hosts}, {}).redis_url == "redis://127.0.0.1:6390/2"
    own = {"CRM_SYNC_REDIS_URL": "redis://127.0.0.1:6390/3"}
    assert load_settings({**NEEDED, **hosts, **own}, {}).redis_url == "redis://127.0.0.1:6390/3"


def test_lease_must_outlast_a_slice_and_a_call() -> None:
    for key in ("CRM_SYNC_SLICE_SECONDS", "CRM_SYNC_CALL_TIMEOUT"):
        with pytest.raises(ConfigurationError, match=key):
            load_settings({**NEEDED, key: 90}, {})


def test_sandbox_needs_its_authority() -> None:
    with pytest.raises(ConfigurationError, match="CRM_SYNC_SANDBOX_CA"):
        load_settings({**NEEDED, "CRM_SYNC_SANDBOX_URL": "https://127.0.0.1:8443/"}, {})


def test_every_key_says_what_it_means_in_a_sentence() -> None:
    for key in keys():
        assert key.name.startswith("CRM_SYNC_")
        assert key.doc.endswith(".")


def test_documentation_is_what_the_definitions_say() -> None:
    written = runpy.run_path(str(DOCS / "write_configuration.py"))["page"]()
    shown = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert shown == written, "run `python docs/write_configuration.py`"
