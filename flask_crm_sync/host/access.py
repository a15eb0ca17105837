"""Who is asking: the account that a request belongs to, and what the person may do. Whatever is unclear means no."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ..errors import ConfigurationError
from .aliases import ACCOUNT
from .reading import DEFAULT_ACCOUNT, Host
from .values import key_text, text

log = logging.getLogger(__name__)

MANAGING_ROLES = frozenset({"admin", "administrator", "owner"})
"""Roles that may connect CRMs and change settings, where the user says nothing more precise."""


LOCALES, TIME_ZONES = ("locale", "language"), ("time_zone", "timezone")
"""What a user's attribute or method for the language and the time zone may be called."""


class Access(Protocol):
    """What the pages ask about the person behind the current request.

    One may also have `locale()` and `time_zone()`: the person's language, such as `de` or `de_AT`, and time zone, such
    as `Europe/Vienna`; "" where the host knows none, and then the browser says it.
    """

    def account_id(self) -> str | None:
        """Return the account whose data the request may concern; None for nobody's."""
        ...

    def user_id(self) -> str:
        """Return who is asking, for the log; "" for nobody."""
        ...

    def can_view(self) -> bool:
        """Tell whether the person may see the pages of the account."""
        ...

    def can_manage(self) -> bool:
        """Tell whether the person may connect CRMs, change settings and settle operations."""
        ...


def _nobody() -> bool:
    return False


def _unknown() -> None:
    return None


def misses(given: object) -> list[str]:
    """Return the methods of an `Access` that an object has not; a class in place of its object has none."""
    asked = ("account_id", "user_id", "can_view", "can_manage")
    return [name for name in asked if isinstance(given, type) or not callable(getattr(given, name, None))]


class Callables:
    """Access by functions of the host, for hosts without Flask-Login or with rules of their own.

    `account_id` and `user_id` may return any type, None for nobody. Who may not view may not manage either; without
    `can_manage` nobody may. `locale` and `time_zone` tell the person's, None where the host knows none.
    """

    def __init__(
        self,
        *,
        account_id: Callable[[], Any],
        user_id: Callable[[], Any],
        can_view: Callable[[], bool],
        can_manage: Callable[[], bool] = _nobody,
        locale: Callable[[], Any] = _unknown,
        time_zone: Callable[[], Any] = _unknown,
    ) -> None:
        given = {"account_id": account_id, "user_id": user_id, "can_view": can_view, "can_manage": can_manage}
        for name, function in {**given, "locale": locale, "time_zone": time_zone}.items():
            if not callable(function):
                raise ConfigurationError(f"Callables({name}=...) wants a function without arguments, such as a lambda.")
        self._account_id, self._user_id = account_id, user_id
        self._can_view, self._can_manage = can_view, can_manage
        self._locale, self._time_zone = locale, time_zone

    def account_id(self) -> str | None:
        """Return the account that the host names."""
        return key_text(self._account_id()) or None

    def user_id(self) -> str:
        """Return the user that the host names."""
        return key_text(self._user_id())

    def can_view(self) -> bool:
        """Tell whether there is an account and the host lets the person see it."""
        return self.account_id() is not None and bool(self._can_view())

    def can_manage(self) -> bool:
        """Tell whether the host lets the person manage what they may see."""
        return self.can_view() and bool(self._can_manage())

    def locale(self) -> str:
        """Return the language that the host names, "" for none."""
        return text(self._locale())

    def time_zone(self) -> str:
        """Return the time zone that the host names, "" for none."""
        return text(self._time_zone())


class FlaskLoginAccess:
    """Access by Flask-Login's `current_user`, which must be logged in.

    The account is the user's attribute of the name that the clients' account has, else one of the usual names. Seeing
    needs an account, and `can_view_crm` where the user has such an attribute or method. Managing is what
    `can_manage_crm` says; where there is none, `is_admin`; where there is neither, a `role` or one of the `roles` must
    be admin, administrator or owner. Language and time zone are the user's `locale` (or `language`) and `time_zone`
    (or `timezone`), where it has them.
    """

    def __init__(self, host: Host) -> None:
        account = host.client.attributes.get("account")
        own = (account.name,) if account and account.column is not None else ()
        self._names: tuple[str, ...] | None = (*own, *ACCOUNT) if host.has_accounts else None
        self._told: set[str] = set()
        try:
            self._login: Any = importlib.import_module("flask_login")
        except ImportError:
            raise ConfigurationError(
                "Flask-Login is not installed, so CRMSync cannot know who is asking. Install flask-login, or say it: "
                "CRMSync(app, access=Callables(account_id=..., user_id=..., can_view=..., can_manage=...))."
            ) from None

    def account_id(self) -> str | None:
        """Return the account of the logged-in user."""
        user = self._user()
        if user is None or self._names is None:
            return None if user is None else DEFAULT_ACCOUNT
        self._expect_account(user)
        found = (getattr(user, name, None) for name in self._names)
        return next((key_text(value) or None for value in found if value is not None), None)

    def user_id(self) -> str:
        """Return the id by which Flask-Login knows the user."""
        user = self._user()
        return "" if user is None else text(user.get_id())

    def can_view(self) -> bool:
        """Tell whether the user is logged in, has an account, and is not refused by its own `can_view_crm`."""
        return self.account_id() is not None and _says(self._user(), "can_view_crm") is not False

    def can_manage(self) -> bool:
        """Tell whether the user may manage what it may see."""
        return self.can_view() and _manages(self._user())

    def locale(self) -> str:
        """Return the user's language, "" where the user has none."""
        return _told(self._user(), LOCALES)

    def time_zone(self) -> str:
        """Return the user's time zone, "" where the user has none."""
        return _told(self._user(), TIME_ZONES)

    def _expect_account(self, user: Any) -> None:
        """Tell the developer, once, of users who can belong to no account: all that they see is a 403."""
        kind = user.__class__.__name__  # of what the proxy stands for
        if kind not in self._told and not any(hasattr(user, name) for name in self._names or ()):
            self._told.add(kind)
            log.error(
                "%s has none of %s, so nobody may see the CRM pages. Give it the account's id by one of these names, "
                "or say it: CRMSync(app, access=Callables(account_id=..., user_id=..., can_view=..., can_manage=...))",
                kind,
                ", ".join(dict.fromkeys(self._names or ())),
            )

    def _user(self) -> Any:
        """The authenticated user, None for anybody else, and for everybody where the app has no login manager."""
        from flask import current_app

        if getattr(current_app, "login_manager", None) is None:
            log.error("The app has no LoginManager of Flask-Login: nobody may see the CRM pages")
            return None
        user = self._login.current_user
        return user if getattr(user, "is_authenticated", False) is True else None


def _manages(user: Any) -> bool:
    for name in ("can_manage_crm", "is_admin"):
        said = _says(user, name)
        if said is not None:
            return said
    return not MANAGING_ROLES.isdisjoint(_roles(user))


def _says(user: Any, name: str) -> bool | None:
    """Yes or no from an attribute or a method without arguments; None where the user has no such thing."""
    said = getattr(user, name, None)
    said = said() if callable(said) else said
    return None if said is None else bool(said)


def _told(user: Any, names: Iterable[str]) -> str:
    """The first text among attributes, or methods without arguments, of these names."""
    for name in names:
        said = getattr(user, name, None)
        said = said() if callable(said) else said
        if said is not None and text(said):
            return text(said)
    return ""


def _roles(user: Any) -> Iterable[str]:
    """Names of the user's roles: texts, enums, or objects with a name."""
    roles = getattr(user, "roles", None) or ()
    for role in [getattr(user, "role", None), *([roles] if isinstance(roles, str) else roles)]:
        named = role if role is None or isinstance(role, str) else getattr(role, "name", role)
        yield text(named).strip().casefold()
