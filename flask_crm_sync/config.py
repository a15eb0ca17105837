"""Every configuration key, once: name, default, how it is read, what it means.

Keys are read once, in `init_app`, into a frozen `Settings`. `app.config` wins over the environment; a key that nobody
knows is an error that names the nearest one, so that a misspelt key is never silently ignored.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from .config_values import (
    api_version,
    authority,
    base_url,
    custom_field_name,
    encryption_keys,
    endpoint,
    folder,
    header_values,
    host_patterns,
    hours,
    integer,
    loopback_origin,
    names_by,
    one_of,
    path_template,
    property_name,
    query_name,
    region,
    seconds,
    site,
    switch,
    tenant,
    text,
    time_zone,
    url_prefix,
)
from .errors import ConfigurationError
from .language import has_language, languages

_PREFIX = "CRM_SYNC_"

AUTOCHAT_CLIENT_FIELDS = (
    "first_name",
    "last_name",
    "email",
    "phone",
    "company",
    "street",
    "city",
    "state",
    "zip",
    "country",
)
"""The host's fields that may have another name in AutoChat CRM."""


def _key(default: Any, read: Callable[[Any], Any], doc: str, *, secret: bool = False) -> Any:
    """Declare a key; a secret one is left out of the settings' repr, which ends up in tracebacks and logs."""
    return field(default=default, repr=not secret, metadata={"read": read, "doc": doc})


@dataclass(frozen=True)
class Settings:
    """The extension's settings. The key of each is `CRM_SYNC_` and its name in capitals."""

    encryption_keys: tuple[bytes, ...] = _key(
        (),
        encryption_keys,
        "Keys for secrets at rest, commas between them; the first encrypts, all open. Required.",
        secret=True,
    )
    redis_url: str = _key(
        "redis://127.0.0.1:6379/0",
        text,
        "The Redis or Valkey of the job queues. `REDIS_URL` is taken where this is unset.",
        secret=True,  # its password
    )
    app: str = _key(
        "", text, "Where a plain `rq worker` finds the host's app, as in `flask --app`; `FLASK_APP` where unset."
    )
    client_model: str = _key("Client", text, "Class name of the host's client model.")
    conversation_model: str = _key("Conversation", text, "Class name of the host's conversation model.")
    message_model: str = _key(
        "Message", text, "Class name of the host's message model; a host without one needs no change."
    )
    url_prefix: str = _key("/crm", url_prefix, "Where the pages live in the host.")
    note_after_minutes: int = _key(
        30, integer(1, 10080), "A conversation that has been silent for so long owes its note, closed or not."
    )
    retry_hours: int = _key(72, integer(1, 8760), "A record that has been retried for so long becomes failed.")
    log_days: int = _key(
        90, integer(0, 36500), "Entries of the log that were done so many days ago are deleted; 0 keeps them for ever."
    )
    undo_days: int = _key(
        30,
        integer(0, 365),
        "What a write replaced in a CRM is kept encrypted for so many days, to be put back; 0 keeps nothing.",
    )
    agreement_sample: int = _key(
        200,
        integer(0, 100000),
        "So many linked records of each connection are read back a day and compared; 0 reads none.",
    )
    agreement_repairs: int = _key(
        50, integer(0, 100000), "Records that one read-back finds to differ are sent again, up to so many."
    )
    notify_an_hour: int = _key(
        10,
        integer(1, 1000),
        "Messages that one channel is sent in an hour, at most; what is more is folded into a summary.",
    )
    notify_hours: int = _key(24, integer(1, 720), "A message that its receiver did not take for so long is given up.")
    notify_timeout: float = _key(15.0, seconds(1, 30), "Seconds that sending one message may take in all.")
    max_crashes: int = _key(
        5, integer(2, 1000), "A record that took a worker down so often, the last times alone, is set aside."
    )
    poll_minutes: int = _key(
        5, integer(1, 1440), "How often a CRM that is synced both ways is asked what changed there."
    )
    flips: int = _key(
        6, integer(1, 1000), "A field that comes home and goes out again more often in an hour is stopped both ways."
    )
    lease_seconds: int = _key(90, integer(10, 3600), "How long a worker may hold a connection without a sign of life.")
    slice_seconds: int = _key(
        60, integer(5, 600), "How long one job works on a connection before others get their turn."
    )
    call_timeout: float = _key(30.0, seconds(1, 300), "Seconds that one call to a CRM may take in all.")
    confirm_seconds: float | None = _key(
        None,
        seconds(0, 3600),
        "How long an unanswered write rests before the CRM is read back; by default as long as the CRM may still "
        "work on it, a minute or two.",
    )
    hubspot_version: str = _key(
        "2026-09",
        one_of("2026-09", "2026-03", "v3"),
        "Version of HubSpot's API; v3 for old portals, until September 2027.",
    )
    hubspot_key_property: str = _key(
        "crm_sync_client_key",
        property_name,
        "Our own unique contact property in HubSpot, made where the key may make it.",
    )
    public_url: str = _key(
        "",
        site,
        "Where people reach the host, such as https://helpdesk.example.com, with the path below which it is mounted "
        "where it is: CRMs send them back there after a sign-in.",
    )
    hubspot_client_id: str = _key("", text, "Client ID of the operator's HubSpot app, for connecting by sign-in.")
    hubspot_client_secret: str = _key("", text, "Client secret of that app.", secret=True)
    salesforce_client_id: str = _key(
        "", text, "Consumer key of the operator's Salesforce External Client App, for connecting by sign-in."
    )
    salesforce_client_secret: str = _key("", text, "Consumer secret of that app.", secret=True)
    salesforce_version: str = _key("60.0", api_version, "Version of Salesforce's API.")
    salesforce_key_field: str = _key(
        "CRM_Sync_Id__c",
        custom_field_name,
        "Our own unique External ID field on Lead, Contact and Task in Salesforce; used where the org has it.",
    )
    salesforce_last_name: str = _key(
        "Unknown", text, "Stands in for the last name, which Salesforce demands, while a client has none."
    )
    salesforce_company: str = _key(
        "[not provided]",
        text,
        "Stands in for the company, which Salesforce demands of a lead, where there is none.",
    )
    salesforce_assign: bool = _key(
        True, switch, "Lets the org's default assignment rule give new leads to their owners."
    )
    salesforce_save_duplicates: bool = _key(
        False,
        switch,
        "Saves a lead although a duplicate rule raises an alert; a blocking rule still blocks.",
    )
    dynamics_client_id: str = _key(
        "", text, "Application (client) ID of the operator's app in Microsoft Entra ID, for connecting by sign-in."
    )
    dynamics_client_secret: str = _key("", text, "Client secret (its value) of that app.", secret=True)
    dynamics_tenant: str = _key(
        "organizations", tenant, "Whose users may sign in: a tenant's ID or domain, or organizations for all."
    )
    dynamics_company: str = _key(
        "match",
        one_of("match", "create", "off"),
        "What becomes of a client's company in Dynamics: the one account of that name, a new one, or nothing.",
    )
    dynamics_batch_size: int = _key(100, integer(1, 1000), "Records in one batch call to Dynamics, at most.")
    autochat_base_url: str = _key(
        "", base_url, "Base URL of the AutoChat CRM's API for all accounts; its form then asks for the key alone."
    )
    autochat_hosts: tuple[str, ...] = _key(
        ("*.supabase.co",), host_patterns, "Hosts that may be AutoChat CRMs, commas between them."
    )
    autochat_client_path: str = _key("/clients", path_template(), "Path of clients below the base URL.")
    autochat_update_method: str = _key(
        "PUT",
        one_of("PUT", "PATCH"),
        "PUT sends the whole client, merged with what is there; PATCH what changed.",
    )
    autochat_client_fields: tuple[tuple[str, str], ...] = _key(
        (),
        names_by(*AUTOCHAT_CLIENT_FIELDS),
        "Names of client fields where they differ from ours, as in `company=company_name`; an empty name is not sent.",
    )
    autochat_activity_path: str = _key(
        "/clients/{client_id}/activities",
        path_template(holes=("client_id",)),
        "Path of a client's activities below the base URL; `off` where the CRM has none.",
    )
    autochat_activity_fields: tuple[tuple[str, str], ...] = _key(
        (),
        names_by("type", "subject", "body", "date"),
        "Names of activity fields where they differ from type, subject, description and occurred_at.",
    )
    autochat_activity_type: str = _key("note", text, "The type that a conversation's activity is given.")
    autochat_search: str = _key(
        "",
        query_name,
        "Query parameter that finds clients by e-mail, such as `email`; `off` where the CRM has none.",
    )
    autochat_changed_since: str = _key(
        "",
        query_name,
        "Query parameter that lists clients changed since a time, such as `updated_since`; `off` where there is none: "
        "webhooks alone tell of changes then.",
    )
    autochat_changed_field: str = _key("updated_at", text, "The field that tells when a client was changed last.")
    autochat_paging: tuple[tuple[str, str], ...] = _key(
        (),
        names_by("page", "size"),
        "Query parameters of a list's pages, as in `page=page, size=limit`, from 1 on; empty where lists are whole.",
    )
    autochat_headers: tuple[tuple[str, str], ...] = _key(
        (),
        header_values,
        "Further headers for each call, such as `X-Tenant-ID=acme`; none goes to a host that only a `*.` allows.",
        secret=True,
    )
    autochat_webhook_encoding: Literal["hex", "base64"] = _key(
        "hex", one_of("hex", "base64"), "How AutoChat CRM writes the signature of a webhook."
    )
    autochat_webhook_age_minutes: int = _key(
        0,
        integer(0, 525600),
        "Webhooks of AutoChat CRM whose time is further from ours are refused; 0 refuses none, since a retry may carry "
        "the first attempt's time.",
    )
    phone_region: str = _key(
        "", region, "Country (ISO 3166 two letters) of phone numbers without a country code; needs the `phone` extra."
    )
    ai_review_min_hours: float = _key(
        24.0, hours(0, 8760), "A conversation is reviewed so long after the rules spoke of it, at the earliest."
    )
    ai_review_max_hours: float = _key(
        48.0, hours(0, 8760), "And so long after it at the latest; reviews are spread evenly between the two."
    )
    ai_reviews_a_day: int = _key(
        500, integer(0, 1_000_000), "Reviews of an account in a day (UTC), at most; what is left comes the next day."
    )
    failures_to_tell: int = _key(
        20, integer(1, 10_000), "So many failures of a connection within an hour are told to people, once an hour."
    )
    locale: str = _key(
        "",
        text,
        "Language of the pages for everybody, such as `de`; where unset the host, then the browser says each person's.",
    )
    time_zone: str = _key(
        "UTC", time_zone, "Time zone of people of whom neither the host nor the browser tells one, as `Europe/Vienna`."
    )
    translations: str = _key(
        "", folder, "Folder with further languages or texts of your own: `<language>/LC_MESSAGES/crm_sync.mo`."
    )
    ai_base_url: str = _key(
        "", endpoint, "Base URL of the OpenAI-compatible endpoint that reviews conversations; without one none are."
    )
    ai_model: str = _key("", text, "The model to ask there.")
    ai_api_key: str = _key("", text, "The key of that endpoint, where it wants one.", secret=True)
    ai_timeout: float = _key(60.0, seconds(1, 600), "Seconds that one review may take in all.")
    ai_transcript_tokens: int = _key(
        8000,
        integer(500, 1000000),
        "About how many tokens of a conversation are sent; of a longer one the middle is left out, and that is said.",
    )
    ai_answer_tokens: int = _key(
        2000,
        integer(100, 100000),
        "How many tokens the answer may have; models that think aloud spend them on that too.",
    )
    ai_mask: bool = _key(
        True, switch, "Masks contact details before a conversation is sent, unless an account says otherwise."
    )
    ai_allow_private: bool = _key(
        False, switch, "Allows an endpoint on a private network or on this machine, over HTTPS as everywhere."
    )
    ai_ca: str = _key(
        "", authority, "File with the certificate authority of an endpoint that no public one vouches for."
    )
    sandbox_url: str = _key(
        "", loopback_origin, "Sends every CRM's calls to the sandbox: an https loopback origin. Never in production."
    )
    sandbox_ca: str = _key("", authority, "File with the sandbox's own certificate authority.")

    def __post_init__(self) -> None:
        if self.slice_seconds >= self.lease_seconds:
            raise ConfigurationError("CRM_SYNC_SLICE_SECONDS must be less than CRM_SYNC_LEASE_SECONDS.")
        if self.call_timeout >= self.lease_seconds:
            raise ConfigurationError("CRM_SYNC_CALL_TIMEOUT must be less than CRM_SYNC_LEASE_SECONDS.")
        if self.ai_review_max_hours < self.ai_review_min_hours:
            raise ConfigurationError("CRM_SYNC_AI_REVIEW_MAX_HOURS must not be less than CRM_SYNC_AI_REVIEW_MIN_HOURS.")
        if self.locale and not has_language(self.locale, self.translations):
            known = ", ".join(languages(self.translations))
            raise ConfigurationError(f"CRM_SYNC_LOCALE: there is no language {self.locale:.40}; there are {known}.")
        if self.ai_base_url and not self.ai_model:
            raise ConfigurationError("CRM_SYNC_AI_BASE_URL needs CRM_SYNC_AI_MODEL, the name of the model to ask.")
        if self.sandbox_url and not self.sandbox_ca:
            raise ConfigurationError(
                "CRM_SYNC_SANDBOX_URL needs CRM_SYNC_SANDBOX_CA, the file with the sandbox's authority."
            )


@dataclass(frozen=True)
class Key:
    """One configuration key, as the documentation shows it."""

    name: str
    default: Any
    doc: str


def keys() -> tuple[Key, ...]:
    """Return every configuration key in the order of its definition."""
    return tuple(Key(_PREFIX + f.name.upper(), f.default, f.metadata["doc"]) for f in fields(Settings))


def load_settings(config: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Read the settings from the app's configuration, then the environment.

    Raises ConfigurationError naming the key that is unknown, unreadable or missing.
    """
    _refuse_unknown(config, environ)
    values = {}
    for f in fields(Settings):
        raw = _raw(_PREFIX + f.name.upper(), config, environ)
        if raw is not None and not (isinstance(raw, str) and not raw.strip()):
            values[f.name] = _read(_PREFIX + f.name.upper(), f.metadata, raw)
    fallback = _raw("REDIS_URL", config, environ)
    if "redis_url" not in values and fallback:
        values["redis_url"] = str(fallback)
    settings = Settings(**values)
    if not settings.encryption_keys:
        raise ConfigurationError(
            "CRM_SYNC_ENCRYPTION_KEYS is not set, and credentials are never stored unencrypted. "
            "Make a key with `flask-crm-sync-key` and keep it with the app's other secrets."
        )
    return settings


def _raw(name: str, config: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    value = config.get(name)
    return environ.get(name) if value is None else value


def _read(name: str, key: Mapping[str, Any], raw: Any) -> Any:
    """Read a key's value; the readers' own words begin with what they expected, others' may quote a secret."""
    try:
        return key["read"](raw)
    except (ValueError, TypeError, AttributeError, ArithmeticError, OSError) as error:
        own = str(error).startswith("expected ")
        hint = f"{error}." if own else f"the value cannot be read. It should hold: {key['doc']}"
        raise ConfigurationError(f"{name}: {hint}") from None


def _refuse_unknown(config: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    known = [key.name for key in keys()]
    for name in [*config, *environ]:
        if isinstance(name, str) and name.startswith(_PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{name} is not a key that we know.{hint}")
