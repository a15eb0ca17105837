"""The CRMs' token endpoints. Authlib knows OAuth 2; our own HTTP client carries what it says.

So authorize addresses, PKCE, forms and the client's authentication are Authlib's, while deadline, allow-list, trust,
the ban on redirects and on private addresses are those of every other call to a CRM. Authlib's own session would
follow redirects, take trust and proxies from the environment, and raise errors that carry the request with its secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]

from ..config import Settings
from ..crm.base import Adapter
from ..crm.http import Content, HTTPClient, Response
from ..crm.oauth import Flow
from ..errors import CRMError
from .ground import Ground
from .token_answer import checked_answer

_FORM = "application/x-www-form-urlencoded"
_IN_THE_FORM = "client_secret_post"
"""Where the client's secret goes: HubSpot takes no Basic authentication, the others take either."""


def at_home(url: str, settings: Settings) -> str:
    """Return a CRM's address; in sandbox mode the same path at the sandbox's origin."""
    if not settings.sandbox_url:
        return url
    parts = urlsplit(url)
    return f"{settings.sandbox_url.rstrip('/')}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def authorize_url(flow: Flow, settings: Settings, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Return where to send a person's browser, with the challenge of the verifier where the CRM takes PKCE."""
    client = OAuth2Client(
        None, flow.client_id, redirect_uri=redirect_uri, scope=flow.scope or None, code_challenge_method="S256"
    )
    url, _state = client.create_authorization_url(
        at_home(flow.authorize_url, settings),
        state=state,
        code_verifier=verifier if flow.pkce else None,
        **flow.authorize_extra,
    )
    return str(url)


@dataclass(frozen=True)
class TokenEndpoint:
    """One flow's token endpoint. Every method returns a checked answer, or raises what the CRM's refusal means.

    Unreachable: nothing was sent. OutcomeUnknown: no whole answer came, so a token may have been used up.
    """

    ground: Ground
    adapter: type[Adapter]
    flow: Flow = field(repr=False)

    def trade_code(self, code: str, *, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """Return the first tokens for the code that a person came back with."""
        return self._asked(
            [code, verifier],
            lambda client: client.fetch_token(
                self.flow.token_url,
                grant_type="authorization_code",
                code=code,
                redirect_uri=redirect_uri,
                code_verifier=verifier if self.flow.pkce else None,
                **self._scope(self.flow.refresh_scope),
            ),
        )

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Return new tokens for a refresh token, which may be used up by it."""
        return self._asked(
            [refresh_token],
            lambda client: client.refresh_token(
                self.flow.token_url, refresh_token=refresh_token, **self._scope(self.flow.refresh_scope)
            ),
        )

    def client_credentials(self) -> dict[str, Any]:
        """Return a token for what the person typed in: a client of their own."""
        return self._asked(
            [],
            lambda client: client.fetch_token(
                self.flow.token_url, grant_type="client_credentials", **self._scope(self.flow.scope)
            ),
        )

    def _asked(self, secrets: list[str], ask: Any) -> dict[str, Any]:
        """Have Authlib ask, on our own HTTP client; what it makes of the answer is not needed."""
        known = tuple(secret for secret in (*secrets, self.flow.client_secret) if len(secret) >= 4)
        url = at_home(self.flow.token_url, self.ground.settings)
        http = _http(url, self.ground)
        carrier = _Carrier(http, urlsplit(url), self.adapter, self.flow, known)
        try:
            ask(carrier.client())
        finally:
            http.close()
        return carrier.answer

    @staticmethod
    def _scope(scope: str) -> dict[str, str]:
        return {"scope": scope} if scope else {}


def _http(url: str, ground: Ground) -> HTTPClient:
    settings, parts = ground.settings, urlsplit(url)
    return HTTPClient(
        f"{parts.scheme}://{parts.netloc}",
        headers={},
        allowed_hosts=(parts.hostname or "",),  # an adapter's flow names checked hosts only
        ca_file=settings.sandbox_ca or None if settings.sandbox_url else None,
        timeout=settings.call_timeout,
        clock=ground.clock,
        network="loopback" if settings.sandbox_url else "public",
    )


class _Carrier:
    """What Authlib takes for its HTTP session: it carries one form, and keeps the checked answer."""

    def __init__(
        self, http: HTTPClient, url: Any, adapter: type[Adapter], flow: Flow, secrets: tuple[str, ...]
    ) -> None:
        self._http, self._path = http, url.path + (f"?{url.query}" if url.query else "")
        self._adapter, self._flow, self._secrets = adapter, flow, secrets
        self.answer: dict[str, Any] = {}

    def client(self) -> Any:
        """Return Authlib's client on this session."""
        return OAuth2Client(
            self, self._flow.client_id, self._flow.client_secret, token_endpoint_auth_method=_IN_THE_FORM
        )

    def post(self, url: str, data: Mapping[str, str], headers: Any, auth: Any) -> Any:
        """Send one form and return the answer in the shape that Authlib reads; raise what a refusal means."""
        body = Content.form(dict(data)).data.decode("ascii")
        _url, _headers, body = auth.prepare("POST", url, {}, body)
        try:
            response = self._http.call("POST", self._path, content=Content(body.encode(), _FORM), writes=True)
        except CRMError as error:
            error.crm_message = ""  # a good answer that broke off may hold a whole token
            raise
        self.answer = checked_answer(response, self._adapter, self._flow, self._secrets)
        return _Answer(response)


class _Answer:
    """A good answer as Authlib reads it, reduced to the text that it insists on."""

    status_code = 200

    def __init__(self, response: Response) -> None:
        self._token = response.body["access_token"]

    def json(self) -> dict[str, str]:
        """Return the token alone: its other members are read, with more suspicion, elsewhere."""
        return {"access_token": self._token}
