"""A Dynamics 365 server: Dataverse's contacts, notes and accounts, and the sign-in service of Entra ID."""

from __future__ import annotations

from .vendor import Dynamics

__all__ = ["Dynamics"]
