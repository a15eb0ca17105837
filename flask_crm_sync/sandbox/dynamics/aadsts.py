"""Entra ID's refusals: the code, the OAuth word that goes with it, and the text around it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

CODES: Mapping[int, tuple[str, str]] = {
    50011: ("invalid_request", "The redirect URI specified in the request does not match those of the application."),
    50033: ("temporarily_unavailable", "RetryableError - a transient error not related to the database operations."),
    50059: ("invalid_request", "No tenant-identifying information found in either the request or the credentials."),
    50076: ("interaction_required", "Due to a configuration change you must use multi-factor authentication."),
    50173: ("invalid_grant", "The provided grant has expired due to it being revoked. A fresh token is needed."),
    53003: ("invalid_grant", "Access has been blocked by Conditional Access policies."),
    54005: ("invalid_grant", "OAuth2 Authorization code was already redeemed. Retry with a new valid code."),
    65001: ("consent_required", "The user or administrator has not consented to use the application."),
    65004: ("access_denied", "User declined to consent to access the app."),
    70000: ("invalid_grant", "Provided grant is invalid or malformed."),
    70003: ("unsupported_grant_type", "The app requested an unsupported grant type."),
    70008: ("invalid_grant", "The provided authorization code or refresh token has expired."),
    70011: ("invalid_scope", "The provided value for the input parameter 'scope' is not valid."),
    700016: ("unauthorized_client", "Application was not found in the directory. Check the tenant and the identifier."),
    700082: ("invalid_grant", "The refresh token has expired due to inactivity."),
    500011: ("invalid_resource", "The resource principal was not found in the tenant."),
    501481: ("invalid_grant", "The Code_Verifier does not match the code_challenge of the authorization request."),
    900144: ("invalid_request", "The request body must contain a parameter that is missing."),
    90002: ("invalid_request", "Tenant not found. Check to make sure you have the correct tenant ID."),
    90006: ("server_error", "ExternalServerRetryableError - the service is temporarily unavailable."),
    90012: ("temporarily_unavailable", "RequestTimeout - the request has timed out."),
    90024: ("temporarily_unavailable", "RequestBudgetExceededError - a transient error has occurred."),
    90033: ("temporarily_unavailable", "MsodsServiceUnavailable - the directory service is unavailable."),
    90055: ("temporarily_unavailable", "TenantThrottlingError - there are too many incoming requests."),
    7000112: ("unauthorized_client", "Application is disabled."),
    7000215: ("invalid_client", "Invalid client secret provided. Send the secret value, not the secret ID."),
    7000218: ("invalid_client", "The request body must contain 'client_assertion' or 'client_secret'."),
    7000222: ("invalid_client", "The provided client secret keys are expired."),
}
TRANSIENT = {50033: 503, 90006: 503, 90012: 504, 90024: 503, 90033: 503, 90055: 429}


class SignInRefusal(Exception):
    """A refusal by its AADSTS code; a code without a text of its own is an invalid grant."""

    def __init__(self, code: int, detail: str = "") -> None:
        self.code = code
        self.error, text = CODES.get(code, ("invalid_grant", "The request was refused."))
        self.text = f"AADSTS{code}: {text}{' ' + detail if detail else ''}"
        super().__init__(self.text)

    def status(self, invalid_client: int) -> int:
        """Return the HTTP status; that of ``invalid_client`` is not settled."""
        return invalid_client if self.error == "invalid_client" else TRANSIENT.get(self.code, 400)

    def body(self, now: float) -> dict[str, Any]:
        """Return the JSON body."""
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        trace, correlation = str(uuid4()), str(uuid4())
        tail = f"\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {stamp}"
        return {
            "error": self.error,
            "error_description": self.text + tail,
            "error_codes": [self.code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
