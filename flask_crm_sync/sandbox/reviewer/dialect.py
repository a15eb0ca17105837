"""The points on which OpenAI-compatible servers differ, each as a switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..switches import Switches, switch


@dataclass
class Dialect(Switches):
    """Which parameters this endpoint takes. The defaults are those of OpenAI's own models that do not reason."""

    response_format: Literal["json_schema", "json_object", "none"] = switch(
        "json_schema", "The best form of answer that can be asked for; anything better is refused with 400."
    )
    max_tokens: bool = switch(True, "Takes max_tokens; else it asks for max_completion_tokens, as reasoning models do.")
    temperature: bool = switch(True, "Takes a temperature of 0; else it refuses any but 1.")
    seed: bool = switch(True, "Takes a seed.")
