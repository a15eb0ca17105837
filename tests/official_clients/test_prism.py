"""The HubSpot adapter and the sandbox, with Prism in between: neither strays from the published shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.base import Adapter, Lookup, Match, NoteWrite, RemoteNote, RemoteRecord, Write, Written
from flask_crm_sync.crm.registry import connect
from flask_crm_sync.errors import CRMError, RecordMissing
from flask_crm_sync.sandbox import Sandbox
from flask_crm_sync.sandbox.authority import Authority
from tests.sandbox.contracts import FOLDER, contract_file

from .prism import Front, prism

FAMILIES = ("2026-09", "2026-03", "v3")
UNDECLARED = "/batch/read"
"""How the one call ends that the files do not hold: reading associations in batches."""
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prism")


@pytest.fixture(scope="module")
def behind(directory: Path) -> Iterator[Sandbox]:
    with Sandbox(directory, keep=False) as running:
        yield running


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def front(family: str, behind: Sandbox, directory: Path) -> Iterator[Front]:
    name = f"hubspot-{family}.openapi.json"
    contract_file(name)
    with prism(FOLDER / name, behind.url, behind.ca_file) as origin:
        made = Front(origin, Authority(directory).server_context())
        yield made
        made.close()


@pytest.fixture
def adapter(family: str, behind: Sandbox, front: Front) -> Iterator[Adapter]:
    behind.hubspot.start_afresh()
    behind.hubspot.dialect.change({"search_lag_ms": 0})
    front.exchanges.clear()
    settings = Settings(
        encryption_keys=(b"k" * 32,),
        sandbox_url=front.url,
        sandbox_ca=str(behind.ca_file),
        hubspot_version=family,
        phone_region="US",
    )
    first = connected(settings, {})
    made = connected(settings, first.test().traits)
    first.http.close()
    yield made
    made.http.close()


def connected(settings: Settings, traits: Mapping[str, Any]) -> Adapter:
    return connect("hubspot", {"token": "pat-na1-sandbox"}, settings, traits, meter=None, clock=SystemClock())


def record(outcome: Written | RemoteRecord | CRMError) -> RemoteRecord:
    assert not isinstance(outcome, CRMError), outcome
    return outcome.record if isinstance(outcome, Written) else outcome


def ids(outcomes: list[RemoteNote | CRMError]) -> list[str]:
    assert all(isinstance(each, RemoteNote) for each in outcomes), outcomes
    return [each.id for each in outcomes if isinstance(each, RemoteNote)]


def ways_found(outcome: tuple[Match, ...] | CRMError) -> list[str]:
    assert isinstance(outcome, tuple), outcome
    return [match.by for match in outcome]


def test_contacts_and_notes_go_round_without_a_violation(adapter: Adapter, behind: Sandbox, front: Front) -> None:
    writes = [
        Write(f"key{n}", {"email": f"ann{n}@example.com", "firstname": "Ann", "phone": f"+1 202-555-01{n:02}"})
        for n in range(12)
    ]
    people = [record(each).id for each in adapter.upsert(writes)]
    assert len(set(people)) == len(behind.hubspot.contacts()) == 12
    adapter.upsert([Write("key0", {"city": "Graz", "phone": ""}, people[0])])
    taken = adapter.upsert([Write("new", {"email": "ann1@example.com"}), writes[2]])
    assert [isinstance(each, CRMError) for each in taken] == [True, False], taken
    looked = [Lookup("key3"), Lookup("x", "ann4@example.com"), Lookup("y", "", "+12025550105"), Lookup("z")]
    assert [ways_found(each) for each in adapter.find(looked)] == [["key"], ["email"], ["phone"], []]
    survivor = behind.hubspot.merge_contacts(people[5], people[6])
    behind.hubspot.delete_contact(people[7])
    read = adapter.read([people[0], people[6], people[7], "999999"])
    assert [record(each).id for each in read[:2]] == [people[0], survivor]
    assert [type(each) for each in read[2:]] == [RecordMissing, RecordMissing]
    notes = [NoteWrite(f"n{n}", people[n], "Web chat", f"Wants room {n}", AT) for n in range(5)]
    made = ids(adapter.add_notes(notes))
    assert [each.id for each in adapter.find_notes(notes) if isinstance(each, RemoteNote)] == made
    adapter.add_notes([NoteWrite("n0", people[0], "Web chat", "Wants two rooms", AT, made[0])])
    assert "two rooms" in behind.hubspot.notes()[0]["properties"]["hs_note_body"]
    expect_no_violation(front, at_least=12)


def test_refusals_keep_to_the_published_shapes_too(adapter: Adapter, behind: Sandbox, front: Front) -> None:
    # A 429 without category has been recorded too, and the adapter reads both; the published shape is this one.
    behind.hubspot.dialect.change({"rate_limit_word": "category"})
    for kind in ("missing_scopes", "locked", "throttle", "server_error", "expire_token"):
        behind.faults.add("hubspot", kind, times=1)
        (outcome,) = adapter.read(["33001"])
        assert isinstance(outcome, CRMError), kind
        behind.faults.clear("hubspot")
    expect_no_violation(front, at_least=7)


def expect_no_violation(front: Front, at_least: int) -> None:
    declared = [each for each in front.exchanges if each.is_declared]
    assert [each for each in declared if each.violations] == []
    assert len(declared) >= at_least
    strays = {each.path for each in front.exchanges if not each.is_declared}
    assert all("/associations/" in path and path.endswith(UNDECLARED) for path in strays), strays
