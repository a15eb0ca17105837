"""A Salesforce server: leads, contacts, tasks, SOQL, collections, composite calls, OAuth, in several orgs."""

from __future__ import annotations

from .vendor import Salesforce

__all__ = ["Salesforce"]
