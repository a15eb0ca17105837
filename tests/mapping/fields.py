"""Fields of a CRM of the tests' own, and the ground that rows are checked against."""

from __future__ import annotations

from typing import Any

from flask_crm_sync.crm.base import RemoteField
from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.sync.mapping.checking import Ground
from flask_crm_sync.testing import FakeAdapter

RATING = RemoteField("rating", "Rating", "choice", options=(("hot", "Hot"), ("cold", "Cold")))
TOPICS = RemoteField("topics", "Topics", "choices", options=(("a", "A"), ("b", "B")))
SEATS = RemoteField("seats", "Seats", "number")
BORN = RemoteField("born", "Date of birth", "date")
OPT_OUT = RemoteField("opt_out", "Opted out of mail", "boolean")
CONSENT = RemoteField("consent", "Wants mail", "boolean")
PLAN = RemoteField("plan", "Plan", "text", max_length=10)
STORY = RemoteField("story", "Story", "text", lines=True)
SOURCE = RemoteField("source", "Lead source", "text", required=True, max_length=20)
COMPUTED = RemoteField("score", "Score", "number", writable=False)
FIELDS = (RATING, TOPICS, SEATS, BORN, OPT_OUT, CONSENT, PLAN, STORY, SOURCE, COMPUTED)

GROUND = Ground(
    FIELDS,
    FakeAdapter.fields,
    {"plan": "text", "no_mail": "boolean", "seats": "number", "born": "date", "odd": "any"},
    {"custom.plan": 40},
)


def client(**values: Any) -> ClientRecord:
    """Return a client of the tests."""
    return ClientRecord("1", "1", **values)
