"""A helpdesk with two accounts on a database of its own, where `flask crm upgrade` has not run."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from example_host import create_app
from example_host.commands import create_tables_and_staff
from example_host.extensions import db


def helpdesk(file: Path) -> Flask:
    return create_app(
        {
            "TESTING": True,
            "SECRET_KEY": "only for tests",
            "WTF_CSRF_ENABLED": False,
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{file}",
            "CRM_SYNC_ENCRYPTION_KEYS": base64.urlsafe_b64encode(bytes(32)).decode(),
        }
    )


def close(app: Flask) -> None:
    app.extensions["crm_sync"].release(app)
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def fresh_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the accounts and users, made once, since hashing passwords is slow on purpose."""
    file = tmp_path_factory.mktemp("helpdesk") / "fresh.sqlite"
    app = helpdesk(file)
    with app.app_context():
        create_tables_and_staff()
    close(app)
    return file


@pytest.fixture
def host(tmp_path: Path, fresh_database: Path) -> Iterator[Flask]:
    """The helpdesk with its accounts and users, forms accepted without a CSRF token."""
    app = helpdesk(Path(shutil.copy(fresh_database, tmp_path / "helpdesk.sqlite")))
    yield app
    close(app)


@pytest.fixture
def visitor(host: Flask) -> FlaskClient:
    """A browser that is not logged in."""
    return host.test_client()


@pytest.fixture
def logged_in(host: Flask) -> Callable[[str], FlaskClient]:
    """Return a browser in which the user with this e-mail is logged in."""

    def browser(email: str) -> FlaskClient:
        client = host.test_client()
        answer = client.post("/login", data={"email": email, "password": "helpdesk"})
        assert answer.status_code == 302
        return client

    return browser
