"""The gate every Dataverse call passes: who calls, for which environment, within which limits."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from flask import Blueprint, Request, Response, g, request

from ..clock import Clock
from .access import Access, Token
from .batches import run_batch
from .desk import Desk, Refusal
from .dialect import Dialect
from .environments import DEFAULT_TENANT, Environment, Environments
from .errors import DataverseError, no_resource, not_a_member, throttled, unauthorized
from .exchange import Call, Reply, refused
from .limits import TIERS, Limits
from .service import perform, template
from .store import Store

VERSIONS = ("v9.0", "v9.1", "v9.2")


@dataclass
class Office:
    """The parts of the Dynamics sandbox that its routes work with."""

    store: Store
    clock: Clock
    dialect: Dialect
    environments: Environments
    access: Access
    limits: Limits

    def desk(self, environment: Environment, user_id: str, base_url: str, refusals: tuple[Refusal, ...] = ()) -> Desk:
        """Return a desk for one user of an environment."""
        return Desk(self.store, self.clock, self.dialect, environment, user_id, base_url, refusals)


def dataverse_blueprint(office: Office) -> Blueprint:
    """Return the one route of the Web API; what it means is read from its path."""
    blueprint = Blueprint("dynamics_dataverse", __name__)

    def view(version: str, resource_kind: str) -> Response:
        # The log of calls shows what was asked without ids.
        (request.view_args or {})["resource_kind"] = template(resource_kind)
        return answered(_answer(office, version, resource_kind))

    blueprint.add_url_rule(
        "/api/data/<version>/<path:resource_kind>",
        "dataverse",
        view,
        methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
        merge_slashes=False,
    )
    return blueprint


def answered(reply: Reply) -> Response:
    """Return an answer with the id under which the server knows the call."""
    response = Response(reply.content(), status=reply.status)
    del response.headers["Content-Type"]
    for name, value in reply.all_headers().items():
        response.headers[name] = value
    response.headers["x-ms-service-request-id"] = str(uuid4())
    return response


def bearer(call: Request) -> str:
    """Return the token a call carries, or an empty text."""
    scheme, _, text = call.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _answer(office: Office, version: str, path: str) -> Reply:
    headers: dict[str, str] = {}
    try:
        token, environment = _admitted(office)
        user_id = environment.application_user_id if token.is_app else environment.person_id
        key = f"{environment.name} {user_id}"
        verdict = office.limits.admit(key, TIERS[environment.tier])
        headers = verdict.headers
        if verdict.exceeded is not None:
            raise throttled(verdict.exceeded, {"Retry-After": str(verdict.retry_after)})
        reply = _done(office, environment, user_id, key, version, path)
    except DataverseError as error:
        reply = refused(error)
    reply.headers = {**headers, **reply.headers}
    return reply


def _done(office: Office, environment: Environment, user_id: str, key: str, version: str, path: str) -> Reply:
    """Do a call that was let in, and count what it cost."""
    try:
        if version not in VERSIONS:
            raise no_resource(version)
        desk = office.desk(environment, user_id, f"{request.host_url}api/data/{version}", _refusals())
        call = _call(path)
        if path != "$batch":
            return perform(desk, call)
        if call.method != "POST":
            raise DataverseError(405, "0x80060888", "A batch is posted.")
        return run_batch(desk, call)
    finally:
        office.limits.finish(key, office.dialect.execution_ms * g.items)


def _call(path: str) -> Call:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(request.method, path, request.query_string.decode("utf-8", "replace"), headers, request.get_data())


def _admitted(office: Office) -> tuple[Token, Environment]:
    token = office.access.token(bearer(request))
    environment = office.environments.get(token.environment) if token else None
    tenant = environment.tenant if environment else DEFAULT_TENANT
    resource = environment.url if environment else request.host_url.rstrip("/")
    if token is None or environment is None or token.use != "access" or token.revoked:
        raise unauthorized(tenant, resource)
    if token.expires_ms <= office.clock.now_ms():
        raise unauthorized(tenant, resource)
    if token.is_app and not (environment.has_application_user and office.dialect.application_user):
        raise not_a_member()
    return token, environment


def _refusals() -> tuple[Refusal, ...]:
    return tuple(
        Refusal(fault.params["text"], fault.params["whole_batch"])
        for fault in g.faults
        if fault.kind == "reject_matching" and fault.params["text"]
    )
