"""The published shapes: which answer a path may give, and a check of each answer against them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

FOLDER = Path(os.environ.get("CRM_CONTRACTS") or Path(__file__).parents[2].parent / "shared/contracts/data/hubspot")


def contract_file(name: str) -> Any:
    """Return a file of the contracts folder as data; skip the test, saying what is missing, when there is none."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{path} is missing; CRM_CONTRACTS names the folder that holds it")
    return json.loads(path.read_text())


class Contract:
    """One OpenAPI file; it notes which of its operations have been answered."""

    def __init__(self, family: str) -> None:
        validators = pytest.importorskip("openapi_schema_validator")
        self._document = contract_file(f"hubspot-{family}.openapi.json")
        self._validator = validators.OAS30Validator
        self._formats = validators.oas30_format_checker
        self.answered: set[str] = set()
        self.declared = {
            f"{method.upper()} {path}"
            for path, operations in self._document["paths"].items()
            for method in operations
            if method != "parameters"
        }
        # A path of words wins over one with variables: /contacts/batch/read over /{objectType}/{objectId}.
        templates = sorted(self._document["paths"], key=lambda path: path.count("{"))
        self._patterns = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in templates]

    def check(self, answer: requests.Response) -> None:
        """Fail when an answer is not what the file declares for its call and status."""
        method, path = str(answer.request.method), urlsplit(str(answer.url)).path
        template = self._template(method, path)
        if template is None:
            return
        operation = self._document["paths"][template][method.lower()]
        declared = operation["responses"].get(str(answer.status_code))
        if declared is None:
            assert answer.status_code >= 400, f"{method} {template} does not declare {answer.status_code}"
            declared = operation["responses"]["default"]
        else:
            self.answered.add(f"{method} {template}")
        content = declared.get("content", {})
        if not content:
            assert answer.content == b"", f"{method} {template} answered {answer.content[:80]!r}"
            return
        [(media_type, body)] = content.items()
        assert answer.headers["Content-Type"].split(";")[0] == media_type
        schema = {**body["schema"], "components": self._document["components"]}
        found = [*self._validator(schema, format_checker=self._formats).iter_errors(answer.json())]
        shown = [f"{error.json_path}: {error.message}" for error in found]
        assert not shown, f"{method} {template} {answer.status_code}: {shown}\n{answer.text[:600]}"

    def _template(self, method: str, path: str) -> str | None:
        for pattern, template in self._patterns:
            if pattern.fullmatch(path) and method.lower() in self._document["paths"][template]:
                return template
        return None
