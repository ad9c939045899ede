"""Ends of a call that are nobody's answer: the caller left, or a fault of ours."""

from __future__ import annotations

from pixapi.errors import InternalError, PixapiError


def caller_left() -> PixapiError:
    """What the charge and the request log say of a call whose caller closed the connection."""
    return PixapiError("the caller closed the connection", code="client_closed", status=499)


def internal_error(error: Exception, request_id: str) -> InternalError:
    """What the caller is told of an exception that nobody foresaw: nothing but where to find it."""
    fault = InternalError(f"an unexpected fault in the gateway; its log has it under {request_id}")
    fault.__cause__ = error
    return fault
