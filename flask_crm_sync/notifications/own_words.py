"""A channel's own words: a text with holes, written by whoever owns the channel, filled for each piece of news.

A hole is a name in braces. Nothing else in the text means anything, and what fills a hole is not looked at again.
"""

from __future__ import annotations

import re

from .wording import Told

HOLES = ("what", "text", "client", "crm", "link")
LONGEST = 500

_HOLE = re.compile(r"\{(\w+)\}")


def unknown_holes(template: str) -> list[str]:
    """Return the names in braces that nothing fills."""
    return [name for name in _HOLE.findall(template) if name not in HOLES]


def filled(template: str, part: Told) -> str:
    """Return the words for one piece of news; its headline where nothing fills them."""
    values = {"what": part.subject, "text": part.text, "client": part.client, "crm": part.crm, "link": part.url}
    return _HOLE.sub(lambda hole: values.get(hole[1], hole[0]), template).strip() or part.subject
