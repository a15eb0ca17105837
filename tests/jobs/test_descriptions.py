"""Each CRM's description of its fields is read anew once a day, by whoever looks around."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from flask import Flask

from flask_crm_sync.jobs.running import Running
from flask_crm_sync.jobs.tasks import look_around
from flask_crm_sync.models import Schema
from flask_crm_sync.sync.mapping.schema import known_schema, schema_of


def test_an_old_description_is_read_anew(host: Flask, running: Running, connection_id: UUID) -> None:
    first = schema_of(running.sync, "1", "hubspot").fetched_at
    assert first is not None
    with running.sync.database.write() as database:
        database.execute(sa.update(Schema).values(fields=[], fetched_at=first - timedelta(hours=25)))
    look_around(running)
    known = known_schema(running.sync, connection_id)
    assert known.fetched_at is not None
    assert known.fetched_at >= first
    assert known.fields
