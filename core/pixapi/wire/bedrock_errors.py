"""Errors of Amazon Bedrock (Amazon Bedrock API reference, "Common errors" and the errors of "Converse").

An error has a name, in the header ``x-amzn-errortype`` (cut at the first colon), or in the header
``:exception-type`` of a message within a stream, and ``{"message"}`` as its body. The name decides; a reply
without one is told by its status and words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pixapi.errors import UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.wire.json import decode_any, encode
from pixapi.wire.openai_errors import read_error as read_by_words

_STATUS = {
    "AccessDeniedException": 403,
    "ExpiredToken": 401,
    "ExpiredTokenException": 401,
    "IncompleteSignatureException": 401,
    "InvalidSignatureException": 401,
    "MissingAuthenticationTokenException": 401,
    "UnrecognizedClientException": 401,
    "ResourceNotFoundException": 404,
    "ValidationException": 400,
    "ThrottlingException": 429,
    "ServiceQuotaExceededException": 429,
    "ModelNotReadyException": 503,
    "ServiceUnavailableException": 503,
    "InternalServerException": 500,
    "InternalFailure": 500,
    "ModelErrorException": 502,
    "ModelStreamErrorException": 502,
    "ModelTimeoutException": 504,
}
"""What each name means, whatever status it came with."""
_PLAIN_STATUS = {424: 502}
"""What a status means that came without a name: here 424 is a model that failed."""
_ARN = re.compile(r"\barn:aws[\w-]*:[^\s\"',]+")
"""Names of the operator's own things, with the account's number in them."""
_NO_MODEL = re.compile(r"(?i)model identifier is invalid|could not resolve the foundation model")


def read_error(
    status: int | None, body: bytes, headers: Mapping[str, str] | None = None, *, name: str = ""
) -> UpstreamError:
    """What an error means for us. Never raises.

    Args:
        status: of the reply; None where the error came within a stream.
        body: of the reply, or the payload of the message.
        headers: of the reply, with lower-case names.
        name: of the exception, where it is known already.
    """
    said = _object(body)
    name = (name or (headers or {}).get("x-amzn-errortype") or _text(said, "__type")).partition(":")[0]
    name = name.rpartition("#")[2]
    name = name[:1].upper() + name[1:]
    message = _ARN.sub("[redacted]", _text(said, "message") or _text(said, "Message"))
    words = encode({"error": {"message": message, "type": name or None}}) if said else body
    error = read_by_words(_STATUS.get(name, _PLAIN_STATUS.get(status, status)), words, headers)
    error.upstream_status = status
    error.upstream_code = name or error.upstream_code
    has_no_model = name == "ResourceNotFoundException" or _NO_MODEL.search(message)
    if isinstance(error, UpstreamRejected) and has_no_model:
        error.code, error.status, error.retryable = "model_not_found", 404, True
        error.scope = "allowance"
    return error


def says_expired(headers: Mapping[str, str]) -> bool:
    """Whether an error, whatever its status (mostly 403), says that the credential is good no longer."""
    name = headers.get("x-amzn-errortype", "").partition(":")[0].rpartition("#")[2]
    return name.removesuffix("Exception") in ("ExpiredToken", "UnrecognizedClient")


def not_understood(body: bytes) -> UpstreamError:
    """What a 200 means whose body is no reply: the error that it states, or that it cannot be understood."""
    said = _object(body)
    if _text(said, "message") or _text(said, "Message") or "error" in said:
        return read_error(None, body) if "error" not in said else read_by_words(None, body)
    return UpstreamInvalid(
        "The provider of this model answered with something that is no message; try again."
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = decode_any(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
