"""AutoChat CRM: clients and their activities."""

from __future__ import annotations

from .adapter import AutoChatAdapter

__all__ = ["AutoChatAdapter"]
