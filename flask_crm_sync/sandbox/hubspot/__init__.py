"""A HubSpot server: contacts, notes, associations, properties, OAuth, in all three path families."""

from __future__ import annotations

from .vendor import HubSpot

__all__ = ["HubSpot"]
