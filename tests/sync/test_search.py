"""Finding clients by what people type, on every database, within the account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_crm_sync.host.bound import Attribute
from flask_crm_sync.host.reading import Host
from flask_crm_sync.sync import search
from flask_crm_sync.sync.search import has_older_clients, matching_clients
from tests.web.helpdesk import START, Client, open_helpdesk

PEOPLE = {1: (1, "Ada", "Quist"), 2: (1, "Chiara", "De Santis"), 3: (1, "100%", "Off_er"), 4: (2, "Ada", "Elsewhere")}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return open_helpdesk(tmp_path).sync.host


@pytest.fixture
def connection(database_url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(database_url)
    columns = [sa.Column(one.name, one.type, primary_key=one.primary_key) for one in Client.__table__.columns]
    for column in columns:
        if isinstance(column.type, sa.String):
            column.type = sa.String(100)  # MariaDB wants a length
    table = sa.Table("client", sa.MetaData(), *columns)
    table.create(engine)
    with engine.begin() as writing:
        for number, (account, first, last) in PEOPLE.items():
            own = {"id": number, "account_id": account, "first_name": first, "last_name": last}
            email = f"{first.lower()}.{number}@example.com"
            writing.execute(table.insert().values(own | {"email": email, "updated_at": START.replace(tzinfo=None)}))
    with engine.connect() as reading:
        yield reading
    engine.dispose()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ada", {"1"}),
        ("QUI a", {"1"}),
        ("santis", {"2"}),
        ("de sa", {"2"}),
        ("100%", {"3"}),
        ("off_", {"3"}),
        ("Ada.1@example.com", {"1"}),
        ("ada.4@example.com", set()),
        ("anti", set()),
        ("of%r", set()),
        ("elsewhere", set()),
        ("7", set()),
    ],
)
def test_what_is_typed_finds_clients_of_the_account(
    host: Host, connection: sa.Connection, typed: str, found: set[str]
) -> None:
    assert set(matching_clients(host, connection, "1", typed)) == found | {typed}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_account_that_no_row_can_have_finds_nothing(host: Host, connection: sa.Connection) -> None:
    assert matching_clients(host, connection, "no number", "ada") == ("ada",)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_code_in_the_host_is_not_searched(host: Host, connection: sa.Connection) -> None:
    for word in ("account", "email", "first_name"):
        code = Attribute(word, None, lambda client: "ada")
        attributes = {**host.client.attributes, word: code}
        partly = replace(host, client=replace(host.client, attributes=attributes))
        typed = "ada.1@example.com" if word == "email" else "ada"
        assert matching_clients(partly, connection, "1", typed) == (typed,)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_search_ends_at_its_bound(host: Host, connection: sa.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST", 1)
    assert len(matching_clients(host, connection, "1", "a")) == 2


@pytest.mark.parametrize(("newest", "found"), [(2, {"2", "3"}), (3, {"1", "2", "3"}), (None, {"1", "2", "3"})])
def test_a_name_can_be_looked_for_among_the_newest_clients(
    host: Host, connection: sa.Connection, newest: int | None, found: set[str]
) -> None:
    typed = ("ada", "chiara", "100%")
    assert {id for name in typed for id in matching_clients(host, connection, "1", name, newest=newest)} == {
        *found,
        *typed,
    }
    assert has_older_clients(host, connection, "1", "ada", newest or 9) == (newest == 2)
    assert not has_older_clients(host, connection, "1", "77", 1)
