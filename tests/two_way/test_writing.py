"""What reaches the host's models: by its own events, whole or not at all, and known as ours by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import flask
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, validates

from flask_crm_sync.config import Settings
from flask_crm_sync.host.binding import ClientBinding, ConversationBinding
from flask_crm_sync.host.capture import install_capture
from flask_crm_sync.host.convention import resolve_host
from flask_crm_sync.host.reading import Host
from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.host.writing import HostMoved, HostRefused, HostWriter, full_name, writable_fields
from flask_crm_sync.models import Base, Change

ORIGIN = uuid4()


class Helpdesk(DeclarativeBase):
    pass


class Person(Helpdesk):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    name: Mapped[str | None] = mapped_column(sa.String(100))
    email: Mapped[str | None] = mapped_column(sa.String(100))
    city: Mapped[str] = mapped_column(sa.String(20), default="")
    greeting: Mapped[str] = mapped_column(sa.String(100), default="")

    @validates("city")
    def _no_numbers(self, _: str, value: str) -> str:
        if value.isdigit():
            raise ValueError("a city is no number")
        return value


class Talk(Helpdesk):
    __tablename__ = "talks"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("people.id"))


@pytest.fixture
def host(tmp_path: Any) -> Iterator[Host]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'host.sqlite'}")
    Helpdesk.metadata.create_all(engine)
    Base.metadata.create_all(engine)
    people = ClientBinding(Person, company="greeting", country=lambda person: "Austria")
    app, settings = flask.Flask("host"), Settings(encryption_keys=(b"k" * 32,))
    talks = ConversationBinding(Talk, client="person_id", messages=None)
    resolved = resolve_host(app, settings, engine=engine, client=people, conversation=talks)
    capture = install_capture(resolved, Base.metadata.tables["crm_sync_change"], lambda: None)
    with Session(engine) as session:
        session.add(Person(account_id=1, name="Ada King", email="ada@example.com", city="Graz"))
        session.commit()
    with engine.begin() as database:
        database.execute(sa.delete(Change))
    yield resolved
    capture.remove()
    engine.dispose()


def bring(host: Host, change: Callable[[HostWriter, ClientRecord], Any]) -> Any:
    with host.engine.begin() as database:
        ada = host.load_clients(database, ["1"])["1"]
        assert isinstance(ada, ClientRecord)
        return change(HostWriter(host, database, ORIGIN), ada)


def changes(host: Host) -> list[tuple[str, str, UUID | None]]:
    with host.engine.connect() as database:
        return [(row.kind, row.subject_id, row.origin) for row in database.execute(sa.select(Change.__table__))]


def test_what_can_be_written_is_known_beforehand(host: Host) -> None:
    assert writable_fields(host) == {"first_name", "last_name", "email", "city", "company"}


def test_a_value_comes_home_and_is_known_as_its_connections(host: Host) -> None:
    after = bring(host, lambda writer, ada: writer.update(ada, {"city": "Wien", "last_name": "van Gogh"}))
    assert (after.first_name, after.last_name, after.city) == ("Ada", "van Gogh", "Wien")
    assert changes(host) == [("updated", "1", ORIGIN)]


def test_what_the_hosts_own_code_adds_is_a_change_as_any_other(host: Host) -> None:
    def greet(_: Any, __: Any, person: Person) -> None:
        person.greeting = f"Hello {person.city}"

    sa.event.listen(Person, "before_update", greet)
    try:
        bring(host, lambda writer, ada: writer.update(ada, {"city": "Wien"}))
    finally:
        sa.event.remove(Person, "before_update", greet)
    assert changes(host) == [("updated", "1", None)]


def test_a_refused_value_leaves_nothing_half_written_and_its_neighbour_alone(host: Host) -> None:
    def both(writer: HostWriter, ada: ClientRecord) -> None:
        with pytest.raises(HostRefused, match=r"Person refused it \(ValueError\)"):
            writer.update(ada, {"email": "new@example.com", "city": "123"})
        writer.update(ada, {"city": "Linz"})

    bring(host, both)
    after = bring(host, lambda _, ada: ada)
    assert (after.email, after.city) == ("ada@example.com", "Linz")


def test_a_client_that_was_edited_meanwhile_is_not_overwritten(host: Host) -> None:
    def late(writer: HostWriter, ada: ClientRecord) -> None:
        with Session(writer._database) as session:
            session.execute(sa.text("UPDATE people SET email = 'other@example.com'"))
        with pytest.raises(HostMoved):
            writer.update(ada, {"city": "Linz"})

    bring(host, late)


def test_what_the_hosts_code_makes_up_anew_each_time_is_no_edit(host: Host) -> None:
    def at_another_moment(writer: HostWriter, ada: ClientRecord) -> ClientRecord:
        return writer.update(replace(ada, custom={"idle": "3 seconds"}, tags=("awake",)), {"city": "Linz"})

    assert bring(host, at_another_moment).city == "Linz"


def test_a_new_client_is_made_in_the_account_and_owed_to_the_others_alone(host: Host) -> None:
    made = bring(host, lambda writer, _: writer.create("1", {"first_name": "Eve", "last_name": "Low", "city": ""}))
    assert (made.account_id, made.name, made.city) == ("1", "Eve Low", "")
    assert changes(host) == [("created", made.id, ORIGIN)]


@pytest.mark.parametrize(
    ("first", "last", "full"),
    [("Ada", "King", "Ada King"), ("Vincent", "van Gogh", "van Gogh, Vincent"), ("Ada", "", "Ada")],
)
def test_a_full_name_comes_apart_as_it_was_put_together(first: str, last: str, full: str) -> None:
    assert full_name(first, last) == full
