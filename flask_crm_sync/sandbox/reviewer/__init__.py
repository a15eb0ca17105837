"""An OpenAI-compatible endpoint that reviews conversations by simple, visible rules."""

from __future__ import annotations

from .vendor import Reviewer

__all__ = ["Reviewer"]
