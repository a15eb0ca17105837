"""Microsoft Dynamics 365: contacts and notes through the Dataverse Web API."""

from __future__ import annotations

from .adapter import DynamicsAdapter

__all__ = ["DynamicsAdapter"]
