"""Who may see and who may manage: whatever is unclear means no."""

from __future__ import annotations

import enum
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin, login_user

from flask_crm_sync.errors import ConfigurationError
from flask_crm_sync.host.access import Access, Callables, FlaskLoginAccess
from tests.host.hosts import HostCase, lonely, plain_text_keys


class Role(enum.Enum):
    OWNER = "owner"
    AGENT = "agent"


class User(UserMixin):
    def __init__(self, **attributes: Any) -> None:
        self.id = 11
        self.__dict__.update(attributes)


def _asked(case: HostCase, user: Any, login_manager: bool = True) -> tuple[str | None, str, bool, bool]:
    """What access says of a request of this user: account, user, may view, may manage."""
    app = Flask("pages")
    app.secret_key = "test"
    if login_manager:
        LoginManager(app).user_loader(lambda _: None)
    access: Access = FlaskLoginAccess(case.host)
    with app.test_request_context():
        if user is not None:
            login_user(user)
        return access.account_id(), access.user_id(), access.can_view(), access.can_manage()


NOTHING = (None, "", False, False)


def test_nobody_may_nothing(any_host: HostCase) -> None:
    assert _asked(any_host, None) == NOTHING


def test_user_without_an_account_sees_nothing(usual_host: HostCase) -> None:
    assert _asked(usual_host, User(is_admin=True)) == (None, "11", False, False)
    assert _asked(usual_host, User(account_id=None, is_admin=True)) == (None, "11", False, False)


def test_developer_is_told_of_users_who_cannot_have_an_account(
    usual_host: HostCase, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody who is logged in and an admin sees a bare 403 otherwise, and nothing says why."""
    _asked(usual_host, User(account_id=None, is_admin=True))
    assert not caplog.records
    _asked(usual_host, User(is_admin=True))
    (told,) = caplog.messages
    assert told.startswith("User has none of account_id, tenant_id, ")
    assert "Callables(account_id=" in told


def test_user_with_an_account_may_view(usual_host: HostCase) -> None:
    assert _asked(usual_host, User(account_id=7)) == ("7", "11", True, False)


def test_account_is_found_by_the_clients_own_name_first(sqlite_url: str) -> None:
    user = User(workspace_id="north", account_id="south")
    assert _asked(plain_text_keys(sqlite_url), user)[0] == "north"


def test_host_without_tenants_has_one_account(sqlite_url: str) -> None:
    assert _asked(lonely(sqlite_url), User()) == ("default", "11", True, False)


@pytest.mark.parametrize(
    "attributes",
    [
        {"is_admin": True},
        {"is_admin": lambda: True},
        {"can_manage_crm": True, "is_admin": False},
        {"can_manage_crm": lambda: True},
        {"role": "Admin"},
        {"role": Role.OWNER},
        {"roles": ["agent", "owner"]},
        {"roles": [SimpleNamespace(name="administrator")]},
        {"roles": "admin"},
    ],
)
def test_managing_is_read_from_the_user(usual_host: HostCase, attributes: dict[str, Any]) -> None:
    assert _asked(usual_host, User(account_id=7, **attributes))[3]


@pytest.mark.parametrize(
    "attributes",
    [
        {"role": "agent"},
        {"role": Role.AGENT},
        {"roles": None},
        {"is_admin": False, "role": "admin"},
        {"can_manage_crm": False, "is_admin": True},
        {"is_admin": True, "can_view_crm": False},
        {"is_admin": True, "is_authenticated": False},
        {"is_admin": True, "is_authenticated": lambda: True},
    ],
)
def test_whatever_is_unclear_means_no(usual_host: HostCase, attributes: dict[str, Any]) -> None:
    class Plain(User):
        is_authenticated = True

    assert not _asked(usual_host, Plain(account_id=7, **attributes))[3]


def test_app_without_a_login_manager_lets_nobody_in(usual_host: HostCase, caplog: pytest.LogCaptureFixture) -> None:
    assert _asked(usual_host, None, login_manager=False) == NOTHING
    assert "LoginManager" in caplog.text


def test_missing_flask_login_is_said_with_the_way_out(usual_host: HostCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flask_login", None)
    with pytest.raises(ConfigurationError, match=r"access=Callables\(account_id="):
        FlaskLoginAccess(usual_host.host)


def test_callables_answer_in_the_hosts_name() -> None:
    access = Callables(account_id=lambda: 7, user_id=lambda: 11, can_view=lambda: True, can_manage=lambda: True)
    assert (access.account_id(), access.user_id(), access.can_view(), access.can_manage()) == ("7", "11", True, True)


@pytest.mark.parametrize(
    ("account", "view", "manage", "expected"),
    [
        (None, True, True, (False, False)),
        (7, False, True, (False, False)),
        (7, True, False, (True, False)),
    ],
)
def test_callables_never_manage_what_they_may_not_view(
    account: Any, view: bool, manage: bool, expected: tuple[bool, bool]
) -> None:
    access = Callables(
        account_id=lambda: account, user_id=lambda: None, can_view=lambda: view, can_manage=lambda: manage
    )
    assert (access.can_view(), access.can_manage()) == expected


def test_callables_without_a_manager_let_nobody_manage() -> None:
    access = Callables(account_id=lambda: 7, user_id=lambda: 11, can_view=lambda: True)
    assert not access.can_manage()
