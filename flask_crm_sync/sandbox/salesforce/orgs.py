"""Orgs: what each is called, which of our fields its administrator made, and what its users may do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from zlib import crc32

from . import ids
from .store import Store

DEFAULT_ORG = ids.org_id("00D5g000004Sandbox")
DEFAULT_INSTANCE = "https://sandbox.my.salesforce.com"
KEY_KINDS = ("Lead", "Contact", "Task")


@dataclass(frozen=True)
class Settings:
    """What an administrator decides in an org."""

    key_field: str = "CRM_Sync_Id__c"
    key_field_on: tuple[str, ...] = KEY_KINDS
    rights: Mapping[str, str] | None = None
    """``{"Lead.Phone": "read", "Contact.Title": "none", "Task": "read"}``; what is not named may be written."""
    daily_requests: int | None = None
    api_enabled: bool = True


@dataclass(frozen=True)
class Org:
    """One org with its My Domain."""

    org_id: str
    name: str
    instance: str
    settings: Settings

    @property
    def user_id(self) -> str:
        """The user that apps act for."""
        return ids.make("005", 62**6 + crc32(self.org_id.encode()))

    @property
    def person_id(self) -> str:
        """The user who works in the CRM by hand."""
        return ids.make("005", 2 * 62**6 + crc32(self.org_id.encode()))

    @property
    def portal_id(self) -> str:
        """The org's id, under the word that the pages use for all CRMs."""
        return self.org_id


class Orgs:
    """Look up and change orgs; look-ups are answered from memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._orgs = {row["org_id"]: _org(row) for row in store.db.execute("SELECT * FROM org")}
        if DEFAULT_ORG not in self._orgs:
            self.add(DEFAULT_ORG, name="Sandbox org", instance=DEFAULT_INSTANCE)

    def all(self) -> list[Org]:
        """Return all orgs, the first one first."""
        return sorted(self._orgs.values(), key=lambda org: (org.org_id != DEFAULT_ORG, org.org_id))

    def get(self, text: str) -> Org | None:
        """Return the org of an id in either length, or None."""
        return self._orgs.get(ids.org_id(text))

    def add(self, text: str, *, name: str = "", instance: str = "", settings: Mapping[str, Any] | None = None) -> Org:
        """Add an org, or change its name, instance or settings. Raises ValueError for settings that cannot be."""
        old = self.get(text)
        org = Org(
            ids.org_id(text),
            name or (old.name if old else f"Org {text[:15]}"),
            instance or (old.instance if old else f"https://{text[3:15].lower()}.my.salesforce.com"),
            changed(old.settings if old else Settings(), settings or {}),
        )
        row = (org.org_id, org.name, org.instance, json.dumps(asdict(org.settings)))
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO org VALUES (?, ?, ?, ?)", row)
        self._orgs[org.org_id] = org
        return org

    def forget_settings(self, org: Org) -> None:
        """Give an org the settings of a new one."""
        self.add(org.org_id, settings=asdict(Settings()))


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Return settings with some of them changed. Raises ValueError naming what cannot be."""
    unknown = values.keys() - asdict(settings).keys()
    if unknown:
        raise ValueError(f"an org has no setting {', '.join(sorted(unknown))}")
    kinds = values.get("key_field_on", KEY_KINDS)
    if not isinstance(kinds, (list, tuple)) or not set(kinds) <= set(KEY_KINDS):
        raise ValueError(f"key_field_on lists some of {', '.join(KEY_KINDS)}")
    rights = values.get("rights") or {}
    if not isinstance(rights, Mapping) or not set(rights.values()) <= {"write", "read", "none"}:
        raise ValueError('rights are "write", "read" or "none" by object or field, as in {"Lead.Phone": "read"}')
    return replace(settings, **{**values, **({"key_field_on": tuple(kinds)} if "key_field_on" in values else {})})


def _org(row: Any) -> Org:
    return Org(row["org_id"], row["name"], row["instance"], changed(Settings(), json.loads(row["settings"])))
