"""HubSpot: contacts and notes."""

from __future__ import annotations

from .adapter import HubSpotAdapter

__all__ = ["HubSpotAdapter"]
