"""`CRMSync(app)`: what it registers, what it refuses, and that apps come and go without a trace."""

from __future__ import annotations

import gc
import importlib.metadata
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import flask_crm_sync
from flask_crm_sync import Callables, ClientBinding, ConversationBinding, CRMSync, migration
from flask_crm_sync.errors import ConfigurationError
from flask_crm_sync.jobs.queue import Queues
from flask_crm_sync.jobs.running import Running
from flask_crm_sync.models import Change
from flask_crm_sync.vault import make_key
from tests.small_host.app import Client, create_app, db

CONFIG = {
    "SECRET_KEY": "for tests",
    "SQLALCHEMY_DATABASE_URI": "sqlite://",
    "CRM_SYNC_ENCRYPTION_KEYS": make_key(),
    "CRM_SYNC_REDIS_URL": "redis://127.0.0.1:1",
}


class Reviews:
    def review(self, case: object) -> None:
        """A class; `CRMSync` wants an object of it."""


@pytest.fixture
def bare() -> Iterator[Flask]:
    """The small host's models without the extension."""
    app = Flask("bare")
    app.config.update(CONFIG)
    db.init_app(app)
    LoginManager(app)
    yield app
    _dispose(app)


def _dispose(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


def changes(app: Flask) -> int:
    with app.app_context():
        return int(db.session.execute(sa.select(sa.func.count()).select_from(Change.__table__)).scalar_one())


def add_client(app: Flask) -> None:
    with app.app_context():
        db.session.add(Client(account_id=1, email="ada@example.com"))
        db.session.commit()


def make_tables(app: Flask) -> None:
    with app.app_context():
        db.create_all()
        migration.upgrade(db.engine)


def test_one_line_registers_pages_commands_and_capture(bare: Flask) -> None:
    crm = CRMSync(bare)
    make_tables(bare)
    add_client(bare)
    assert changes(bare) == 1
    assert bare.extensions["crm_sync"] is crm
    assert "crm_sync" in bare.blueprints
    assert "crm" in bare.cli.commands
    assert "crm_sync_links" in bare.jinja_env.globals


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"access": object()}, "access.* lacks account_id, user_id, can_view, can_manage"),
        ({"access": Callables}, "access.* lacks account_id"),
        ({"reviewer": object()}, "reviewer.* wants an object with a method review"),
        ({"reviewer": Reviews}, "reviewer.* wants an object"),
        ({"criteria": ["buy"]}, "criteria.* wants criteria, not str"),
    ],
)
def test_what_pages_and_workers_could_not_use_is_refused(bare: Flask, given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        CRMSync(bare, **given)


def test_access_by_functions_refuses_what_is_none() -> None:
    with pytest.raises(ConfigurationError, match=r"Callables\(can_view=\.\.\.\) wants a function"):
        Callables(account_id=lambda: 1, user_id=lambda: 1, can_view=True)  # type: ignore[arg-type]


def test_object_without_an_app_does_nothing_until_init_app(bare: Flask) -> None:
    crm = CRMSync()
    assert "crm_sync" not in bare.extensions
    crm.init_app(bare)
    assert bare.extensions["crm_sync"] is crm


def test_second_registration_is_refused_with_a_sentence(bare: Flask) -> None:
    crm = CRMSync(bare)
    for again in (lambda: crm.init_app(bare), lambda: CRMSync(bare)):
        with pytest.raises(ConfigurationError, match="registered on this app already"):
            again()


def test_what_cannot_be_registered_leaves_nothing_behind(bare: Flask) -> None:
    bare.config["CRM_SYNC_CLIENT_MODEL"] = "Person"
    with pytest.raises(ConfigurationError, match="CRM_SYNC_CLIENT_MODEL"):
        CRMSync(bare)
    assert "crm_sync" not in bare.extensions
    assert "crm_sync" not in bare.blueprints
    del bare.config["CRM_SYNC_CLIENT_MODEL"]
    CRMSync(bare)


def test_missing_key_and_unknown_setting_are_said_at_once(bare: Flask) -> None:
    bare.config["CRM_SYNC_ENCRYPTION_KEYS"] = ""
    with pytest.raises(ConfigurationError, match="flask-crm-sync-key"):
        CRMSync(bare)
    bare.config.update(CONFIG, CRM_SYNC_RETRY_HOUR=3)
    with pytest.raises(ConfigurationError, match="CRM_SYNC_RETRY_HOURS"):
        CRMSync(bare)


def test_settings_come_from_the_environment_too(bare: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SYNC_URL_PREFIX", "/sync")
    crm = CRMSync(bare)
    assert crm.settings.url_prefix == "/sync"
    assert any(rule.rule.startswith("/sync/") for rule in bare.url_map.iter_rules())


def test_only_app_may_be_given_by_position(bare: Flask) -> None:
    with pytest.raises(TypeError):
        CRMSync(bare, ClientBinding(Client))  # type: ignore[misc]


def test_one_object_serves_several_apps(bare: Flask) -> None:
    crm = CRMSync(bare)
    other = Flask("other")
    other.config.update(CONFIG, CRM_SYNC_URL_PREFIX="/other")
    db.init_app(other)
    LoginManager(other)
    crm.init_app(other)
    with bare.app_context():
        assert crm.settings.url_prefix == "/crm"
    with other.app_context():
        assert crm.settings.url_prefix == "/other"
        assert crm.sync.host.engine is db.engine
    with pytest.raises(RuntimeError, match="Which app"):
        _ = crm.settings
    _dispose(other)


def test_only_app_needs_no_context(bare: Flask) -> None:
    crm = CRMSync(bare)
    assert crm.sync.settings is crm.settings
    assert isinstance(crm.queues, Queues)
    with pytest.raises(RuntimeError, match="Which app"):
        _ = CRMSync().settings


def test_each_change_is_captured_once_however_many_apps_there_were(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRM_SYNC_ENCRYPTION_KEYS", "CRM_SYNC_REDIS_URL"):
        monkeypatch.setenv(name, CONFIG[name])
    for _ in range(5):
        app = create_app()
        make_tables(app)
        add_client(app)
        assert changes(app) == 1
        _dispose(app)


def test_app_that_goes_takes_everything_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRM_SYNC_ENCRYPTION_KEYS", "CRM_SYNC_REDIS_URL"):
        monkeypatch.setenv(name, CONFIG[name])
    app = create_app()
    make_tables(app)
    add_client(app)
    _dispose(app)
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


def test_released_app_is_not_listened_to_any_more(bare: Flask) -> None:
    crm = CRMSync(bare)
    make_tables(bare)
    crm.release(bare)
    add_client(bare)
    assert changes(bare) == 0


def test_commit_wakes_the_workers(host: Flask, running: Running, server: Any) -> None:
    add_client(host)
    assert server.llen("rq:queue:crm-live") == 1


def test_host_with_plain_models_gives_its_engine_and_says_who_is_asking() -> None:
    class Base(DeclarativeBase):
        pass

    class Patient(Base):
        __tablename__ = "patient"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str]

    class Visit(Base):
        __tablename__ = "visit"
        id: Mapped[int] = mapped_column(primary_key=True)
        patient_id: Mapped[int] = mapped_column(sa.ForeignKey("patient.id"))

    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False})
    app = Flask("plain")
    app.config.update(CONFIG)
    CRMSync(
        app,
        client=ClientBinding(Patient),
        conversation=ConversationBinding(Visit, client="patient_id", messages=None),
        access=Callables(account_id=lambda: "default", user_id=lambda: "1", can_view=lambda: True),
        engine=engine,
    )
    Base.metadata.create_all(engine)
    migration.upgrade(engine)
    with Session(engine) as session:
        session.add(Patient(email="ada@example.com"))
        session.commit()
        assert session.execute(sa.select(sa.func.count()).select_from(Change.__table__)).scalar_one() == 1
    engine.dispose()


def test_host_without_a_database_is_told_what_was_looked_for() -> None:
    app = Flask("empty")
    app.config.update(CONFIG)
    SQLAlchemy(app)
    with pytest.raises(ConfigurationError, match="Conversation"):
        CRMSync(app)


def test_everything_public_is_exported_and_nothing_else_is_promised() -> None:
    for name in flask_crm_sync.__all__:
        assert getattr(flask_crm_sync, name)
    assert sorted(flask_crm_sync.__all__) == flask_crm_sync.__all__


def test_key_command_is_installed_with_the_package() -> None:
    try:
        scripts = importlib.metadata.distribution("flask-crm-sync").entry_points
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("flask-crm-sync is not installed in this environment (make setup installs it)")
    (script,) = [entry for entry in scripts if entry.name == "flask-crm-sync-key"]
    assert script.load() is flask_crm_sync.cli.print_key  # type: ignore[attr-defined]
