"""The company of a contact: a text in the helpdesk, an account in Dynamics.

`match` binds the one active account of that name, `create` makes one where there is none, `off` leaves companies alone.
An account that is made gets a GUID of its name, so that no attempt, however often repeated, makes a second one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID, uuid5

from ...errors import CRMError, PermissionMissing, RejectedByCRM
from .client import ROOT, DynamicsClient, Outcome
from .multipart import Request
from .searching import Search, collected, searches

OFF, CREATE = "off", "create"
_NAMES = UUID("5b6f0e0a-8a35-5f0b-a7f4-0f6c2f0f7d11")
_KNOWN_SECONDS = 60.0
"""How long a look-up holds for the write that follows it: a person may add or rename an account at any time."""
_NONE = "no active account in Dynamics has this name"
_SEVERAL = "several active accounts in Dynamics have this name"
_OFF = "companies are not sent to Dynamics (CRM_SYNC_DYNAMICS_COMPANY is off)"


class Account(NamedTuple):
    """An account to bind; a `new` one is made first."""

    id: str
    name: str
    new: bool = False

    @property
    def bind(self) -> str:
        """Return how a contact refers to it."""
        return f"/accounts({self.id})"

    @property
    def request(self) -> Request:
        """Return the request that makes it, and leaves alone one that is there."""
        path = f"{ROOT}accounts({self.id})"
        headers = {"If-None-Match": "*"}
        return Request("PATCH", path, {"name": self.name}, headers, self.id, "accountid", rides=True)


class _Known(NamedTuple):
    at: float
    found: tuple[Account, ...]
    trouble: str = ""


class Accounts:
    """The accounts of one environment, as far as they were looked up. `environment` is what GUIDs are made of too."""

    def __init__(self, client: DynamicsClient, mode: str, environment: str) -> None:
        self.client, self.mode, self._environment = client, mode, environment
        self._known: dict[str, _Known] = {}

    def searches(self, names: Collection[str]) -> list[Search]:
        """Return the searches for the accounts of names that are not known yet."""
        if self.mode == OFF:
            return []
        unknown = [name for name in names if name and self._fresh(name) is None]
        return searches("accounts", "name", unknown, "accountid,name")

    def learn(self, asked: Sequence[Search], outcomes: Sequence[Outcome]) -> CRMError | None:
        """Remember what searches found.

        Returns a trouble that has nothing to do with accounts; that the key may not read them is remembered as why a
        company is not sent.
        """
        rows, failures = collected(self.client, asked, outcomes)
        found: dict[str, set[Account]] = {}
        for row in rows:
            name, account_id = str(row.get("name") or ""), str(row.get("accountid") or "").lower()
            found.setdefault(_folded(name), set()).add(Account(account_id, name))
        now = self.client.http.clock.monotonic()
        trouble: CRMError | None = None
        for name in {value for search in asked for value in search.values}:
            error = failures.get(name)
            if error is None or isinstance(error, PermissionMissing | RejectedByCRM):
                told = f"accounts cannot be looked up in Dynamics: {error}" if error else ""
                self._known[_folded(name)] = _Known(now, tuple(found.get(_folded(name), ())), told)
            else:
                trouble = trouble or error
        return trouble

    def resolve(self, names: Collection[str]) -> CRMError | None:
        """Look up the names that are not known; return a trouble that has nothing to do with accounts."""
        asked = self.searches(names)
        return self.learn(asked, self.client.batch([search.request for search in asked])) if asked else None

    def choice(self, name: str) -> Account | str:
        """Return the account for a name that was looked up, or why there is none."""
        if self.mode == OFF:
            return _OFF
        known = self._fresh(name)
        if known is None or known.trouble:
            return known.trouble if known else "the account was not looked up"
        if len(known.found) == 1:
            return known.found[0]
        if not known.found and self.mode == CREATE:
            made = Account(str(uuid5(_NAMES, f"{self._environment}\n{_folded(name)}")), name, new=True)
            self._known[_folded(name)] = known._replace(found=(made,))
            return made
        return _SEVERAL if known.found else _NONE

    def _fresh(self, name: str) -> _Known | None:
        known = self._known.get(_folded(name))
        return known if known and self.client.http.clock.monotonic() - known.at < _KNOWN_SECONDS else None

    def forget(self) -> None:
        """Forget every look-up, once the records that needed them are written."""
        self._known.clear()


def _folded(name: str) -> str:
    """Return a name as two writings of it are compared; Dynamics ignores case too."""
    return " ".join(name.split()).casefold()
