"""What a token endpoint's answer means: tokens to keep, or an error whose class decides what happens next."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from ..clock import Clock
from ..config import Settings
from ..crm.base import Adapter, VendorError
from ..crm.http import Response, clean
from ..crm.oauth import Flow
from ..errors import CredentialsRefused, CRMError, RateLimited, ServerFault, TransientCRMError
from .refusals import AppRefused, SignInEnded

_ENDED = {"invalid_grant", "interaction_required", "consent_required", "login_required", "invalid_token"}
_PASSES = {"temporarily_unavailable", "server_error"}
_LONGEST_TOKEN = 16_384
_LONGEST_LIFE = 10 * 366 * 86_400.0


def checked_answer(response: Response, adapter: type[Adapter], flow: Flow, secrets: tuple[str, ...]) -> dict[str, Any]:
    """Return the body of a good answer; raise what any other one means.

    Raises ServerFault for a good answer that holds no usable token, and what `refusal` says for a refusal.
    """
    body = response.body if isinstance(response.body, dict) else {}
    if not 200 <= response.status < 300 or "error" in body:
        raise refusal(response, adapter, flow, secrets)
    wrong = _problem(body)
    if wrong:
        raise ServerFault(f"{adapter.label} answered the sign-in with {wrong}.", status_code=response.status)
    return body


def refusal(response: Response, adapter: type[Adapter], flow: Flow, secrets: tuple[str, ...]) -> CRMError:
    """Return the error of a refusal: by the adapter's own table of refusals first, then by RFC 6749's words."""
    body = response.body if isinstance(response.body, dict) else {}
    words = clean(_text(body.get("error_description")) or _text(body.get("error")) or response.text, secrets)
    evidence: dict[str, Any] = {"crm_message": words, "status_code": response.status}
    error = _text(body.get("error"))
    known = _vendors_own(adapter, error, body)
    if response.status == 429:
        return RateLimited(**evidence, retry_after=_seconds(response.headers.get("Retry-After")) or None)
    if known is not None and issubclass(known.error, TransientCRMError):
        return known.error(_hint(known), **evidence)
    if response.status >= 500 or error in _PASSES or not error:
        return ServerFault(**evidence)
    kind: type[CRMError] = SignInEnded if error in _ENDED else AppRefused
    if flow.grant == "client_credentials":
        kind = CredentialsRefused
    return kind(f"{kind.says} {_hint(known)}".strip(), **evidence)


def kept(
    answer: Mapping[str, Any], before: Mapping[str, str], adapter: type[Adapter], settings: Settings, clock: Clock
) -> dict[str, str]:
    """Return the credentials to keep: the answer's tokens over what was there before.

    A refresh token stays where the answer brings no other. Raises ReconnectRequired for an address that is not the
    CRM's.
    """
    tokens = {"access_token": answer["access_token"], "expires_at": _end(answer.get("expires_in"), clock)}
    renewed = answer.get("refresh_token")
    if renewed:
        tokens["refresh_token"] = renewed
    return {**before, **adapter.remembered(answer, settings), **tokens}


def _problem(body: Mapping[str, Any]) -> str:
    """Return what makes an answer unusable, "" for nothing."""
    if not _is_token(body.get("access_token")):
        return "no usable access token"
    if body.get("refresh_token") is not None and not _is_token(body["refresh_token"]):
        return "an unusable refresh token"
    life = body.get("expires_in")
    if life is not None and not 0 < _seconds(life, -1.0) <= _LONGEST_LIFE:
        return "an impossible lifetime"
    kind = body.get("token_type")
    if kind is not None and _text(kind).lower() != "bearer":
        return "a token of an unknown type"
    return ""


def _is_token(value: Any) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST_TOKEN
        and all("!" <= character <= "~" for character in value)
    )


def _end(life: Any, clock: Clock) -> str:
    """Return when a token ends, in epoch seconds; "" where the CRM does not tell."""
    return "" if life is None else str(int(clock.now().timestamp() + _seconds(life)))


def _seconds(value: Any, otherwise: float = 0.0) -> float:
    """Return a number of seconds that may have come as text."""
    try:
        seconds = otherwise if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return otherwise
    return seconds if isfinite(seconds) else otherwise


def _vendors_own(adapter: type[Adapter], error: str, body: Mapping[str, Any]) -> VendorError | None:
    """Return what the adapter's table says: by number (Entra), by the whole sentence (Salesforce), by the word."""
    numbers = body.get("error_codes")
    codes = [str(number) for number in numbers] if isinstance(numbers, list) else []
    codes += [f"{error}: {_text(body.get('error_description'))}", error] if error else []
    known = {each.code: each for each in adapter.vendor_errors if each.code}
    return next((known[code] for code in codes if code in known), None)


def _hint(known: VendorError | None) -> str:
    """Return the table's words as a sentence; what an adapter does by itself is worth saying for numbers only."""
    if known is None:
        return ""
    words = f"{known.means}: {known.then}" if known.then and known.code.isdigit() else known.means
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
