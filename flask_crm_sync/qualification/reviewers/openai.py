"""The built-in reviewer: a model behind any OpenAI-compatible endpoint, asked for one chat completion a review.

The requests follow the public reference of OpenAI's chat completions; what other servers do differently is kept in
`abilities`. No SDK is needed: calls go through the package's own HTTP client, under the same rules as calls to CRMs.
"""

from __future__ import annotations

import functools
import threading
from urllib.parse import urlsplit

from ...clock import Clock
from ...config import Settings
from ...crm.http import HTTPClient, Response
from ...errors import ConfigurationError, CRMError, Unreachable
from .. import review_reasons as why
from .abilities import Abilities
from .answers import error_of, failure, verdict_of
from .base import Case, Reviewer, ReviewFailed, Verdict
from .prompt import messages

_PATH = "/chat/completions"
_LEAST_SECONDS = 1.0


def make_reviewer(settings: Settings, clock: Clock) -> Reviewer | None:
    """Return the reviewer that the settings describe, None where none is configured."""
    if not settings.ai_base_url:
        return None
    return OpenAIReviewer(settings, clock)


class OpenAIReviewer:
    """A model at CRM_SYNC_AI_BASE_URL. One object serves a process and may be asked from several threads, in turn."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.model, self._tokens, self._seconds = settings.ai_model, settings.ai_answer_tokens, settings.ai_timeout
        self._settings, self._clock = settings, clock
        self._abilities = Abilities()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Show model and host, never the key."""
        return f"<OpenAIReviewer {self.model} at {urlsplit(self._settings.ai_base_url).hostname}>"

    def review(self, case: Case) -> Verdict | ReviewFailed:
        """Ask the model; within CRM_SYNC_AI_TIMEOUT in all, however often it has to be asked differently."""
        with self._lock:
            try:
                response = self._answered(case, self._clock.monotonic() + self._seconds)
            except ConfigurationError:
                return ReviewFailed(why.NO_AUTHORITY, retry_after=3600.0, whole_reviewer=True)
            except CRMError as error:
                return _without_answer(error, private=self._settings.ai_allow_private)
        if response.status != 200:
            return failure(response, self._clock.now())
        return verdict_of(response.body, self.model)

    @functools.cached_property
    def _http(self) -> HTTPClient:
        """The client, made when it is first needed: the sandbox's authority may come later than the app."""
        return _client(self._settings, self._clock)

    def _answered(self, case: Case, end: float) -> Response:
        """Ask, and ask again without what the endpoint refuses to take; what it refused is remembered."""
        asked = {"model": self.model, "messages": messages(case)}
        while True:
            self._http.timeout = max(end - self._clock.monotonic(), _LEAST_SECONDS)
            body = {**asked, **self._abilities.parameters(self._tokens)}
            response = self._http.call("POST", _PATH, json=body, writes=False, kind="review")
            if response.status not in (400, 422) or self._clock.monotonic() > end:
                return response
            other = self._abilities.without(error_of(response.body))
            if other is None:
                return response
            self._abilities = other


def _client(settings: Settings, clock: Clock) -> HTTPClient:
    """Return a client for the endpoint alone: on loopback where it is the sandbox's, else wherever it is allowed."""
    address = urlsplit(settings.ai_base_url)
    sandboxed = bool(settings.sandbox_url) and f"https://{address.netloc}" == settings.sandbox_url
    ca_file = (settings.sandbox_ca if sandboxed else settings.ai_ca) or None
    return HTTPClient(
        settings.ai_base_url,
        headers={"Authorization": f"Bearer {settings.ai_api_key}"} if settings.ai_api_key else {},
        allowed_hosts=(address.hostname or "",),
        ca_file=ca_file,
        timeout=settings.ai_timeout,
        clock=clock,
        network="loopback" if sandboxed else "private" if settings.ai_allow_private else "public",
    )


def _without_answer(error: CRMError, *, private: bool) -> ReviewFailed:
    if isinstance(error, Unreachable):
        return ReviewFailed(why.UNREACHABLE if private else why.UNREACHABLE_OR_PRIVATE, whole_reviewer=True)
    return ReviewFailed(why.NONSENSE)
