"""Errors within a reply of the Responses API (OpenAI API reference, "The response object", "error event").

A response that failed says so in its ``error``; a stream has an event ``error`` besides, flat (``code``,
``message``, ``param``) as the reference has it or nested in ``error`` as it is sent. Errors with a status
of their own are those of the whole API (`openai_errors`).
"""

from __future__ import annotations

import re

from pixapi.errors import PixapiError, RateLimited, UpstreamBusy, UpstreamError, UpstreamRejected
from pixapi.wire.json import Fields, encode, lenient, lenient_fields, raw
from pixapi.wire.openai_errors import read_error

_CALLERS = re.compile(r"^invalid_(?!api_key)|image|_policy")
"""The codes that find fault with the request itself."""


def read_failure(error: Fields) -> UpstreamError:
    """What the ``error`` of a response means for us. Never raises."""
    code = lenient(error.get("code"))
    if isinstance(code, str) and _CALLERS.search(code):
        error = {**error, "status": raw(400)}
    return read_error(None, encode({"error": error}))


def read_error_event(fields: Fields, data: bytes) -> UpstreamError:
    """What an event means that is an error, in either form. ``fields`` is the top level of ``data``."""
    if "error" in fields:
        inner = lenient_fields(fields["error"])
        return read_failure(inner) if inner else read_error(None, data)
    return read_failure(
        {name: value for name, value in fields.items() if name not in ("type", "sequence_number")}
    )


def failure_code(error: PixapiError) -> str:
    """The code of a failed response, of the few that the API has; the event before it says more."""
    if isinstance(error, RateLimited | UpstreamBusy) or error.status == 429:
        return "rate_limit_exceeded"
    return "invalid_prompt" if isinstance(error, UpstreamRejected) else "server_error"
