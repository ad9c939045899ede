"""What aiohttp raises, as Pixapi's errors.

Messages are made here and never taken from the exception: those hold addresses and URLs, and a URL may hold a
key.
"""

from __future__ import annotations

import os

import aiohttp

from pixapi.errors import (
    ConfigError,
    PixapiError,
    UpstreamCut,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLost,
    UpstreamRefused,
    UpstreamTimeout,
)

_CANNOT_CONNECT_IN_TIME = "the model's server could not be connected to in time; nothing was sent"
_NO_FIRST_BYTE = "the model's server did not begin to answer in time"
_SILENT = "the model's server fell silent within its reply"
_TOO_LONG = "the call took longer than it may in all"
_NOT_HTTP = "the model's server answered with what is not HTTP, or with headers too long or too many"
_CANNOT_BE_SENT = (
    "a request to a model's server cannot be sent: its URL or one of its headers holds what HTTP does not "
    "allow (a line break at the end of a key, for instance); check base_url and api_key"
)


def open_failure(error: Exception) -> PixapiError:
    """Why there is no reply: ``error`` came before its headers were complete."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return UpstreamTimeout(_CANNOT_CONNECT_IN_TIME, phase="connect")
        case aiohttp.SocketTimeoutError():
            return UpstreamTimeout(_NO_FIRST_BYTE, phase="first_byte")
        case TimeoutError():
            return UpstreamTimeout(_TOO_LONG, phase="total")
        case aiohttp.ClientConnectorError():
            return UpstreamRefused(f"the model's server cannot be reached: {_why(error)}; nothing was sent")
        case aiohttp.ClientResponseError():
            return UpstreamInvalid(_NOT_HTTP)
        case ValueError() | aiohttp.NonHttpUrlClientError():
            return ConfigError(_CANNOT_BE_SENT)
        case _:
            return UpstreamLost("the connection to the model's server ended before it answered")


def body_failure(error: Exception) -> UpstreamError:
    """Why the body did not come whole: ``error`` came after the headers."""
    match error:
        case aiohttp.SocketTimeoutError():
            return UpstreamTimeout(_SILENT, phase="idle")
        case TimeoutError():
            return UpstreamTimeout(_TOO_LONG, phase="total")
        case _:
            return UpstreamCut("the model's server broke off its reply")


def _why(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    if isinstance(error, aiohttp.ClientSSLError):
        return "TLS could not be agreed on"
    number = error.os_error.errno
    return os.strerror(number).lower() if number else "the connection was refused"
