"""Several calls in one: in order, each able to use what the ones before it answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from .errors import SalesforceError, WholeCallRefused, not_found
from .gate import Answer, Call, Caller, View, check_uri

MOST, MOST_QUERIES = 25, 5
BASE = re.compile(r"/services/data/v(\d\d\.0)(/.*)")
_REFERENCE = re.compile(r"@\{(\w+)\.([^}]+)\}")
_STEP = re.compile(r"(\w+)|\[(\d+)\]")


class Composite:
    """Answer ``/composite`` by the views of the other routes."""

    def __init__(self, routes: Map) -> None:
        self._routes = routes

    def composite(self, caller: Caller) -> Answer:
        """Run the sub-requests of one call. Raises SalesforceError (400)."""
        body = caller.call.json()
        parts = body.get("compositeRequest")
        if not isinstance(parts, list) or not parts or not all(isinstance(part, Mapping) for part in parts):
            raise WholeCallRefused(400, "JSON_PARSER_ERROR", "compositeRequest is a list of sub-requests.")
        _check(parts)
        answers: dict[str, dict[str, Any]] = {}
        try:
            with caller.desk.store.writing():
                for part in parts:
                    answers[part["referenceId"]] = self._run(caller, part, answers)
                if body.get("allOrNone") and any(each["httpStatusCode"] >= 400 for each in answers.values()):
                    raise _TakenBack
        except _TakenBack:
            answers = {name: _halted(each) for name, each in answers.items()}
        return Answer(200, {"compositeResponse": list(answers.values())})

    def _run(self, caller: Caller, part: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
        try:
            with caller.desk.store.writing():
                status, body, headers = self._answer(caller, _filled(part, earlier))
        except SalesforceError as error:
            status, body, headers = error.status, error.body(), error.headers
        return {
            "body": body,
            "httpHeaders": dict(headers),
            "httpStatusCode": status,
            "referenceId": part["referenceId"],
        }

    def _answer(self, caller: Caller, part: Mapping[str, Any]) -> Answer:
        address = str(part.get("url", ""))
        inside = BASE.fullmatch(urlsplit(address).path)
        if inside is None:
            raise not_found()
        if caller.desk.dialect.composite_uri_limit:
            check_uri(len(address))
        view, arguments = self._matched(str(part.get("method", "")).upper(), unquote(inside[2]).rstrip("/"))
        call = Call(
            dict(parse_qsl(urlsplit(address).query)),
            {**caller.call.headers, **{name.title(): value for name, value in (part.get("httpHeaders") or {}).items()}},
            parsed=part.get("body") or {},
            items=caller.call.items,
        )
        desk = replace(caller.desk, version=inside[1])
        return view(replace(caller, call=call, desk=desk), **arguments)

    def _matched(self, method: str, path: str) -> tuple[View, Mapping[str, Any]]:
        try:
            view, arguments = self._routes.bind("sandbox").match(path, method)
        except HTTPException as error:
            if error.code == 405:
                message = f"HTTP Method '{method}' not allowed."
                raise SalesforceError(405, "METHOD_NOT_ALLOWED", message) from None
            raise not_found() from None
        if view == self.composite:
            raise SalesforceError(400, "INVALID_INPUT", "Composite calls cannot be nested.")
        return view, arguments


class _TakenBack(Exception):
    """One sub-request failed, so that nothing of the others is to stay."""


def inner_routes(routes: list[tuple[str, str, View]]) -> Map:
    """Return a map of routes by method and path below the version, to be filled further."""
    return Map([Rule(rule, endpoint=view, methods=[method]) for method, rule, view in routes], strict_slashes=False)


def _check(parts: list[Mapping[str, Any]]) -> None:
    """Refuse too many sub-requests, and ones without a name of their own. Raises WholeCallRefused (400)."""
    if len(parts) > MOST:
        message = f"The number of subrequests is limited to {MOST}."
        raise WholeCallRefused(400, "LIMIT_EXCEEDED", message)
    heavy = [part for part in parts if re.search(r"/(query|queryAll|composite/sobjects)\b", str(part.get("url", "")))]
    if len(heavy) > MOST_QUERIES:
        message = f"Query and collection subrequests are limited to {MOST_QUERIES}."
        raise WholeCallRefused(400, "LIMIT_EXCEEDED", message)
    names = [part.get("referenceId") for part in parts]
    if not all(isinstance(name, str) and re.fullmatch(r"[A-Za-z]\w*", name) for name in names):
        raise WholeCallRefused(400, "INVALID_INPUT", "Each subrequest needs a referenceId of letters, digits and _.")
    if len(set(names)) < len(names):
        raise WholeCallRefused(400, "INVALID_INPUT", "Each referenceId may be used once.")


def _filled(part: Mapping[str, Any], earlier: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a sub-request with its references resolved. Raises SalesforceError (400)."""
    return {name: _resolved(value, earlier) for name, value in part.items()}


def _resolved(value: Any, earlier: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: str(_looked_up(found[1], found[2], earlier)), value)
    if isinstance(value, list):
        return [_resolved(each, earlier) for each in value]
    if isinstance(value, Mapping):
        return {name: _resolved(each, earlier) for name, each in value.items()}
    return value


def _looked_up(name: str, path: str, earlier: Mapping[str, Any]) -> Any:
    answer = earlier.get(name, {"httpStatusCode": 400})
    if answer["httpStatusCode"] < 300:
        value = answer["body"]
        try:
            for word, number in _STEP.findall(path):
                value = value[int(number)] if number else value[word]
        except (LookupError, TypeError):
            value = None
        if value is not None:
            return value
    message = f"Invalid reference specified. No value for {name}.{path} found in {name}"
    raise SalesforceError(400, "PROCESSING_HALTED", message)


def _halted(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a sub-request that went well says after another one failed."""
    if answer["httpStatusCode"] >= 400:
        return dict(answer)
    message = "The transaction was rolled back since another operation in the same transaction failed."
    error = SalesforceError(400, "PROCESSING_HALTED", message)
    return {**answer, "body": error.body(), "httpHeaders": {}, "httpStatusCode": 400}
