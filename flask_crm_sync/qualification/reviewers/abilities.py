"""What an endpoint can take: OpenAI-compatible ones differ in how an answer's form is asked for, and in parameters.

OpenAI's newer models refuse `max_tokens` and any temperature; some servers know no `seed`, no `json_schema` or no
`response_format` at all. Each refuses with 400 or 422 and names the parameter, mostly. What was refused once is not
asked again by this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .prompt import SCHEMA

SEED = 1
_NEXT_FORM = {"json_schema": "json_object", "json_object": "text"}
_NEXT_BOUND = {"max_tokens": "max_completion_tokens", "max_completion_tokens": ""}
_OF_FORM = ("response_format", "json_schema", "json_object", "structured output", "guided", "grammar", "schema")


@dataclass(frozen=True, slots=True)
class Abilities:
    """How an endpoint is asked: the form of the answer, the name of the bound on it ("" none), which parameters."""

    form: str = "json_schema"
    bound: str = "max_tokens"
    temperature: bool = True
    seed: bool = True

    def parameters(self, answer_tokens: int) -> dict[str, Any]:
        """Return the parameters of a request beside model and messages."""
        asked: dict[str, Any] = {}
        if self.temperature:
            asked["temperature"] = 0
        if self.seed:
            asked["seed"] = SEED
        if self.bound:
            asked[self.bound] = answer_tokens
        if self.form == "json_schema":
            schema = {"name": "review", "strict": True, "schema": SCHEMA}
            asked["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif self.form == "json_object":
            asked["response_format"] = {"type": "json_object"}
        return asked

    def without(self, error: Mapping[str, Any]) -> Abilities | None:
        """Return the next thing to try after a refusal, None where it does not speak of a parameter of ours.

        The member `param` names the parameter where there is one; else the message does.
        """
        if error.get("code") == "context_length_exceeded":
            return None
        named = str(error.get("param") or "").lower()
        return self._without(named) or self._without(str(error.get("message") or error.get("detail") or "").lower())

    def _without(self, told: str) -> Abilities | None:
        if self.bound and self.bound in told:
            return replace(self, bound=_NEXT_BOUND[self.bound])
        if self.temperature and "temperature" in told:
            return replace(self, temperature=False)
        if self.form in _NEXT_FORM and any(word in told for word in _OF_FORM):
            return replace(self, form=_NEXT_FORM[self.form])
        if self.seed and "seed" in told:
            return replace(self, seed=False)
        return None
