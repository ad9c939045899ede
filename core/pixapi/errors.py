"""Every error that Pixapi raises on purpose.

::

    PixapiError                 what happened, what was expected, what to do
    ├── CallerError             the caller can mend it
    │   ├── BadRequest          400 invalid_request
    │   ├── Unauthenticated     401 invalid_api_key
    │   ├── InsufficientCredit  402 insufficient_credit (with what is affordable)
    │   ├── Forbidden           403 not_allowed
    │   ├── NotFound            404 not_found
    │   │   └── ModelNotFound   404 model_not_found
    │   ├── MethodNotAllowed    405 method_not_allowed
    │   ├── Conflict            409 conflict
    │   ├── TooLarge            413 request_too_large
    │   ├── UnsupportedMedia    415 unsupported_media_type
    │   ├── RateLimited         429 rate_limit_exceeded (with Retry-After)
    │   └── NotOffered          501 not_offered
    ├── UpstreamError           the model's server failed or refused; 502 unless it says otherwise
    │   ├── UpstreamRejected    it found the caller's request bad; its status and words go to the caller
    │   ├── UpstreamBusy        429 or overloaded upstream; 503 here, with Retry-After
    │   ├── UpstreamDenied      it refused the operator's credential; 502 here, never the caller's 401
    │   ├── UpstreamRefused     no connection was made; nothing was sent
    │   ├── UpstreamLost        the request was sent and no reply came; what became of it is unknown
    │   ├── UpstreamTimeout     504; `phase` says which time-out
    │   ├── UpstreamCut         the reply broke off before its end
    │   └── UpstreamInvalid     the reply could not be understood
    └── OperatorError           whoever runs Pixapi can mend it
        ├── ConfigError         the configuration (file, line, key, what was expected)
        ├── PluginError         a plugin cannot be loaded
        ├── DatabaseAway        503 database_unavailable
        ├── NotReady            503 not_ready
        └── InternalError       500 internal_error

A message is safe to show to the caller: it holds no secret, no prompt and no path.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Fault = Literal["caller", "upstream", "operator"]
Scope = Literal["call", "route", "allowance", "key"]


class PixapiError(Exception):
    """Base of the tree. ``code`` is for programs, the message for people."""

    status: int = 500
    code: str = "internal_error"
    fault: ClassVar[Fault] = "operator"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        details: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status
        self.param = param
        self.retry_after_s = retry_after_s
        self.details = details or {}


class CallerError(PixapiError):
    """The caller can mend it."""

    status = 400
    code = "invalid_request"
    fault = "caller"


class BadRequest(CallerError):
    """The request is malformed or asks for what cannot be."""


class Unauthenticated(CallerError):
    """The key is missing, unknown, revoked or expired."""

    status = 401
    code = "invalid_api_key"


class InsufficientCredit(CallerError):
    """The wallet or the key's budget does not cover the most that the call can cost.

    ``needed_micro`` and ``available_micro`` are micro-credits.
    """

    status = 402
    code = "insufficient_credit"

    def __init__(
        self, message: str, *, needed_micro: int = 0, available_micro: int = 0, code: str | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.needed_micro = needed_micro
        self.available_micro = available_micro


class Forbidden(CallerError):
    """The key is good, but not for this."""

    status = 403
    code = "not_allowed"


class NotFound(CallerError):
    """There is no such thing here, or not for this caller."""

    status = 404
    code = "not_found"


class ModelNotFound(NotFound):
    """No model of that name is offered to this caller."""

    code = "model_not_found"


class MethodNotAllowed(CallerError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"


class Conflict(CallerError):
    """It contradicts what is already there."""

    status = 409
    code = "conflict"


class TooLarge(CallerError):
    """The request is larger than allowed."""

    status = 413
    code = "request_too_large"


class UnsupportedMedia(CallerError):
    """The body is not of a type that this path reads."""

    status = 415
    code = "unsupported_media_type"


class RateLimited(CallerError):
    """Too many requests, tokens or calls at once; ``retry_after_s`` says when to come back."""

    status = 429
    code = "rate_limit_exceeded"


class NotOffered(CallerError):
    """A part of the API that Pixapi does not offer yet."""

    status = 501
    code = "not_offered"


class UpstreamError(PixapiError):
    """The model's server failed. ``retryable``: another route may be tried, as long as no content was sent.

    ``scope`` says what is unwell, and so what other calls should keep away from for a while: nothing but this
    ``call``, the ``route`` with whichever key, the ``allowance`` of this key at this route, or the ``key`` everywhere.
    ``upstream_status`` and ``upstream_code`` keep what the server said, for the request log.
    """

    status = 502
    code = "upstream_error"
    fault = "upstream"
    retryable: bool = True
    scope: Scope = "route"

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int | None = None,
        upstream_code: str | None = None,
        retryable: bool | None = None,
        scope: Scope | None = None,
        code: str | None = None,
        status: int | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status, param=param, retry_after_s=retry_after_s)
        self.upstream_status = upstream_status
        self.upstream_code = upstream_code
        self.scope = scope or self.scope
        if retryable is not None:
            self.retryable = retryable


class UpstreamRejected(UpstreamError):
    """The server found the request itself bad (too long a context, an unknown parameter)."""

    status = 400
    code = "invalid_request"
    retryable = False
    scope = "call"


class UpstreamBusy(UpstreamError):
    """The server has no capacity for us now."""

    status = 503
    code = "upstream_busy"
    scope = "allowance"


class UpstreamDenied(UpstreamError):
    """The server refused the operator's credential or its account."""

    code = "upstream_denied"
    scope = "key"


class UpstreamRefused(UpstreamError):
    """No connection could be made; nothing was sent."""

    code = "upstream_unreachable"


class UpstreamLost(UpstreamError):
    """The request was sent and the connection ended without a reply. ``was_kept``: it was one kept from an earlier
    call, which the server may have closed before it saw the request.
    """

    code = "upstream_lost"
    was_kept: bool = False


class UpstreamTimeout(UpstreamError):
    """The server took too long; ``phase`` is one of connect, first_byte, idle, total."""

    status = 504
    code = "upstream_timeout"

    def __init__(self, message: str, *, phase: str) -> None:
        super().__init__(message, scope="call" if phase == "total" else "route")
        self.phase = phase


class UpstreamCut(UpstreamError):
    """The reply broke off before its end."""

    code = "upstream_cut"


class UpstreamInvalid(UpstreamError):
    """The reply was not what the protocol promises (HTML, no JSON, no choices)."""

    code = "upstream_invalid"


class OperatorError(PixapiError):
    """Whoever runs Pixapi can mend it."""


class ConfigError(OperatorError):
    """The configuration is wrong. The message names file, line, key and what was expected."""

    code = "config_error"


class PluginError(OperatorError):
    """A plugin is missing, ambiguous, misspelt or made for another interface version."""

    code = "plugin_error"


class DatabaseAway(OperatorError):
    """The database does not answer; nothing was done, unless the message says that it may have been."""

    status = 503
    code = "database_unavailable"


class NotReady(OperatorError):
    """The process cannot vouch for its state (starting, stopping, or out of touch with the database)."""

    status = 503
    code = "not_ready"


class InternalError(OperatorError):
    """A fault in Pixapi; the request id finds it in the logs."""
