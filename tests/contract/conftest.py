"""Each adapter of the registry beside its sandbox, and the hands of a person in that CRM."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from flask_crm_sync.clock import Clock, SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.base import Adapter, Values, Write
from flask_crm_sync.crm.http import Meter
from flask_crm_sync.crm.registry import adapters, connect
from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.sandbox.server import Sandbox

from .cases import CASES, SANDBOXES


class Bench:
    """One CRM's adapter and sandbox. Values are by the host's field names unless they say otherwise."""

    def __init__(self, name: str, sandbox: Sandbox) -> None:
        self.name, self.sandbox, self.case = name, sandbox, CASES[name]
        self.kind = adapters()[name]
        self.field = {spec.source: spec.name for spec in self.kind.fields}
        self.settings = Settings(
            encryption_keys=(b"k" * 32,),
            sandbox_url=sandbox.url,
            sandbox_ca=str(sandbox.ca_file),
            phone_region="US",
            call_timeout=10.0,
            **self.case.settings,
        )
        self._tls = ssl.create_default_context(cafile=str(sandbox.ca_file))

    def adapter(
        self,
        *,
        meter: Meter | None = None,
        credentials: Mapping[str, str] | None = None,
        traits: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        **settings: Any,
    ) -> Adapter:
        """Return an adapter as the engine would make it: with the traits that the test call told."""
        make = partial(
            connect,
            self.name,
            credentials or self.case.credentials,
            replace(self.settings, **settings),
            clock=clock or SystemClock(),
        )
        if traits is None:
            first = make({}, meter=None)
            traits = first.test().traits
            first.http.close()
        return make(traits, meter=meter)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the sandbox's own API."""
        request = urllib.request.Request(
            f"{self.sandbox.url}/_sandbox/api/{self.name}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, context=self._tls) as answer:
            content = answer.read().decode()
            if "ndjson" in answer.headers.get("Content-Type", ""):
                return [json.loads(line) for line in content.split("\n") if line]
            return json.loads(content) if content else None

    def fault(self, kind: str, **entry: Any) -> None:
        self.api("POST", "faults", {"kind": kind, **entry})

    def no_faults(self) -> None:
        self.api("DELETE", "faults")

    def values(self, **client: str) -> Values:
        return self.kind.translate(ClientRecord("1", "1", **dict[str, Any](client)))

    def write(self, key: str, record_id: str | None = None, **client: str) -> Write:
        """Return a create with all values, or an update of the given fields only."""
        values = self.values(**client)
        wanted = values if record_id is None else {self.field[name]: values[self.field[name]] for name in client}
        return Write(key, {name: text for name, text in wanted.items() if text or record_id}, record_id)

    def person_adds(self, **client: str) -> str:
        entered = {**self.case.a_person_enters, **client}
        return str(self.api("POST", "contacts", {"properties": self._named(entered)})["id"])

    def person_edits(self, record_id: str, **client: str) -> None:
        self.api("PATCH", f"contacts/{record_id}", {"properties": self._named(client)})

    def person_deletes(self, record_id: str) -> None:
        self.api("DELETE", f"contacts/{record_id}")

    def person_merges(self, primary: str, other: str) -> str:
        """Merge two records, and return the survivor's id."""
        return str(self.api("POST", "contacts/merge", {"primary": primary, "other": other})["id"])

    def records(self) -> list[dict[str, Any]]:
        return [record for record in self.api("GET", "contacts") if not record.get("archived")]

    def notes(self) -> list[dict[str, Any]]:
        return [note for note in self.api("GET", "notes") if not note.get("archived")]

    def calls(self) -> int:
        return int(self.api("GET", "figures")["api_calls"])

    def switch(self, **switches: Any) -> None:
        self.api("PATCH", "switches", switches)

    def _named(self, client: Mapping[str, str]) -> dict[str, str]:
        return {self.field[name]: text for name, text in client.items()}


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("sandbox"), keep=False)
    joining = [make(made) for make in SANDBOXES]
    made.crms = (*made.crms, *joining)
    made.faults.policies |= {crm.name: crm.policies for crm in joining}
    with made as running:
        yield running


@pytest.fixture(params=sorted(adapters()))
def bench(request: pytest.FixtureRequest, sandbox: Sandbox) -> Bench:
    made = Bench(request.param, sandbox)
    made.api("POST", "reset")
    made.api("POST", "portals", made.case.portal)
    if made.case.switches:
        made.switch(**made.case.switches)
    return made


@pytest.fixture
def adapter_of() -> Iterator[Callable[..., Adapter]]:
    """Make adapters whose connections are closed after the test."""
    made: list[Adapter] = []

    def make(bench: Bench, **options: Any) -> Adapter:
        made.append(bench.adapter(**options))
        return made[-1]

    yield make
    for adapter in made:
        adapter.http.close()


@pytest.fixture
def adapter(bench: Bench, adapter_of: Callable[..., Adapter]) -> Adapter:
    return adapter_of(bench)
