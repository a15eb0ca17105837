"""Salesforce's REST paths below ``/services/data/v60.0``, and the view behind each."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.routing import BaseConverter, Rule

from . import bunches, queries, sobjects
from .composite import Composite, inner_routes
from .errors import not_found
from .gate import Answer, Caller, Office, View, answered, guarded, refused
from .grants import Grants

OLDEST, NEWEST = 31, 66
ROUTES: list[tuple[str, str, View]] = [
    ("GET", "/query", queries.query),
    ("GET", "/queryAll", queries.query_all),
    ("GET", "/query/<locator>", queries.more),
    ("GET", "/sobjects", sobjects.describe_all),
    ("GET", "/sobjects/<kind>", sobjects.basics),
    ("POST", "/sobjects/<kind>", sobjects.create_one),
    ("GET", "/sobjects/<kind>/describe", sobjects.describe),
    ("GET", "/sobjects/<kind>/updated", sobjects.updated),
    ("GET", "/sobjects/<kind>/deleted", sobjects.gone),
    ("GET", "/sobjects/<kind>/<record_id>", sobjects.read_one),
    ("PATCH", "/sobjects/<kind>/<record_id>", sobjects.change_one),
    ("DELETE", "/sobjects/<kind>/<record_id>", sobjects.delete_one),
    ("GET", "/sobjects/<kind>/<key>/<path:value>", sobjects.read_by_key),
    ("PATCH", "/sobjects/<kind>/<key>/<path:value>", sobjects.upsert_one),
    ("DELETE", "/sobjects/<kind>/<key>/<path:value>", sobjects.delete_by_key),
    ("POST", "/composite/sobjects", bunches.create_many),
    ("PATCH", "/composite/sobjects", bunches.change_many),
    ("DELETE", "/composite/sobjects", bunches.delete_many),
    ("PATCH", "/composite/sobjects/<kind>/<key>", bunches.upsert_many),
    ("POST", "/composite/sobjects/<kind>", bunches.read_many),
    ("GET", "/composite/sobjects/<kind>", bunches.read_many_by_query),
]


class Version(BaseConverter):
    """Take the versions that are served, written as Salesforce writes them."""

    regex = r"\d\d\.0"

    def to_python(self, value: str) -> str:
        """Return a version as it is; one out of range is refused by the gate's caller."""
        return value


def api_blueprint(office: Office) -> Blueprint:
    """Return the REST routes, with and without a slash at their end."""
    blueprint = Blueprint("salesforce_api", __name__)
    inner = inner_routes(ROUTES)
    several = Composite(inner).composite
    inner.add(Rule("/composite", endpoint=several, methods=["POST"]))
    blueprint.record_once(lambda state: state.app.url_map.converters.update(sfversion=Version))
    for method, rule, view in [
        *ROUTES,
        ("GET", "/limits", limits),
        ("GET", "", resources),
        ("POST", "/composite", several),
    ]:
        _add(blueprint, office, method, rule, view)
    blueprint.add_url_rule("/services/data", "versions", _versions)
    blueprint.add_url_rule("/services/data/", "versions_slash", _versions)
    return blueprint


def limits(caller: Caller) -> Answer:
    """Say what the org may use and has left."""
    most = caller.office.limits.most(caller.desk.org)
    left = max(0, most - caller.office.limits.used(caller.desk.org))
    shown = {"DailyApiRequests": (most, left), "DailyBulkV2QueryJobs": (10_000, 10_000), "DataStorageMB": (1024, 1024)}
    return Answer(200, {name: {"Max": most, "Remaining": left} for name, (most, left) in shown.items()})


def resources(caller: Caller) -> Answer:
    """List the resources of a version."""
    base = f"/services/data/v{caller.desk.version}"
    names = ("sobjects", "query", "queryAll", "composite", "limits")
    return Answer(
        200,
        {name: f"{base}/{name}" for name in names}
        | {"identity": Grants.identity(caller.desk.org, request.host_url.rstrip("/"))},
    )


def _add(blueprint: Blueprint, office: Office, method: str, rule: str, view: View) -> None:
    checked = guarded(office, view)

    def served(version: str, **arguments: str) -> Response:
        if not OLDEST <= float(version) <= NEWEST:
            return refused(not_found())
        return checked(version, **arguments)

    name = f"{view.__name__}_{method.lower()}"
    for end, slash in (("", ""), ("_slash", "/")):
        if not rule.endswith("<path:value>") or not slash:
            path = f"/services/data/v<sfversion:version>{rule}{slash}"
            blueprint.add_url_rule(path, name + end, served, methods=[method])


def _versions() -> Response:
    """List the versions; no session is needed for that."""
    numbers = range(OLDEST, NEWEST + 1)
    return answered(
        Answer(
            200, [{"label": f"v{each}", "url": f"/services/data/v{each}.0", "version": f"{each}.0"} for each in numbers]
        )
    )
