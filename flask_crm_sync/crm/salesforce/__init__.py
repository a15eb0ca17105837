"""Salesforce: leads, contacts and tasks."""

from __future__ import annotations

from .adapter import SalesforceAdapter

__all__ = ["SalesforceAdapter"]
