"""The demonstration's qualification: the same criteria for both accounts, reviews within seconds, and the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask import Flask
from sqlalchemy import text

from flask_crm_sync.jobs.running import running_of
from flask_crm_sync.models.criterion import DEFAULT_SET
from flask_crm_sync.qualification.store import add_criterion
from flask_crm_sync.qualification.templates import WANTS_TO_BUY
from flask_crm_sync.sync.connections import find_connection
from flask_crm_sync.sync.settings import save_settings

from .connecting import SECOND, SECOND_KEYS
from .extensions import db

MODEL, KEY = "sandbox-reviewer", "ai-sandbox-key"
PATIENCE = {"CRM_SYNC_AI_REVIEW_MIN_HOURS": "0.001", "CRM_SYNC_AI_REVIEW_MAX_HOURS": "0.004"}
"""A review comes some seconds after the conversation, instead of a day or two."""

_FIGURES = {
    "conversations": "SELECT count(*) FROM crm_sync_qualification WHERE set_name = :set",
    "provisional": "SELECT count(DISTINCT conversation_id) FROM crm_sync_judgement"
    " WHERE set_name = :set AND decided_by = 'rules' AND after = 'qualified'",
    "reviewed": "SELECT count(*) FROM crm_sync_qualification WHERE set_name = :set AND reviewed_at IS NOT NULL",
    "notifications": "SELECT count(*) FROM crm_sync_notice WHERE spread_at IS NOT NULL",
}
_OUTCOMES = ("confirmed", "upgraded", "downgraded", "undecided")


def reviewer_at(sandbox_url: str) -> dict[str, str]:
    """Return the environment that lets the sandbox's reviewer look at conversations soon after they were held."""
    return {
        "CRM_SYNC_AI_BASE_URL": f"{sandbox_url}/ai/v1",
        "CRM_SYNC_AI_MODEL": MODEL,
        "CRM_SYNC_AI_API_KEY": KEY,
        "CRM_SYNC_AI_REVIEWS_A_DAY": "100000",
        **PATIENCE,
    }


def set_criteria(app: Flask, accounts: Mapping[str, object]) -> None:
    """Give every account the ready-made criterion for people who want to buy."""
    with app.app_context():
        for account in accounts:
            add_criterion(running_of(app).sync, account, WANTS_TO_BUY.criterion)


def take_qualified_only(app: Flask) -> None:
    """Let the second account's CRMs take none but qualified clients."""
    with app.app_context():
        sync = running_of(app).sync
        for crm in SECOND_KEYS:
            known = find_connection(sync, SECOND, crm).settings
            save_settings(sync, SECOND, crm, replace(known, qualified_only=True))


def ever_qualified(app: Flask, account: str) -> set[int]:
    """Return the clients of an account with a conversation that was qualified at some time."""
    statement = (
        "SELECT DISTINCT client_id FROM crm_sync_qualification"
        " WHERE account_id = :account AND set_name = :set AND ever_qualified_at IS NOT NULL"
    )
    with app.app_context(), db.engine.connect() as connection:
        rows = connection.execute(text(statement), {"account": account, "set": DEFAULT_SET})
        return {int(row[0]) for row in rows}


def qualification_figures(app: Flask) -> dict[str, int]:
    """Return how many conversations were judged, reviewed, and to what they came; and the news that was passed on."""
    with app.app_context(), db.engine.connect() as connection:
        figures = {name: connection.execute(text(count), {"set": DEFAULT_SET}) for name, count in _FIGURES.items()}
        found = {name: int(result.scalar_one()) for name, result in figures.items()}
        by_outcome = "SELECT outcome, count(*) FROM crm_sync_qualification WHERE set_name = :set GROUP BY outcome"
        outcomes = {str(row[0]): int(row[1]) for row in connection.execute(text(by_outcome), {"set": DEFAULT_SET})}
    notifications = found.pop("notifications")
    return found | {name: outcomes.get(name, 0) for name in _OUTCOMES} | {"notifications": notifications}
