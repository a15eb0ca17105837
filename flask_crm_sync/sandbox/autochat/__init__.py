"""An AutoChat CRM server: clients, activities, API keys, and a sender of webhooks."""

from __future__ import annotations

from .vendor import AutoChat

__all__ = ["AutoChat"]
