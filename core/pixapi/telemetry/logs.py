"""Structured logs: one JSON object a line (or text for people) on stderr.

Everything goes through the standard library's logging, so that lines of uvicorn, SQLAlchemy and other
libraries come out in the same shape and through the same masks. A module takes its logger with ``log =
logger("gateway")`` and writes ``log.warning("upstream_failed", route=...)``: an event's name and its facts.

An exception is written as its frames and its type. Its message is kept only where it can be trusted to hold
nothing of a call: Pixapi's own errors, and, shortened, those of the language. A validation error, for
instance, quotes what it found wrong.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO

import structlog
from structlog.contextvars import bind_contextvars, merge_contextvars
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import Processor

from pixapi.errors import PixapiError
from pixapi.telemetry.masking import mask_fields, mask_text

_BUILTIN_MESSAGE_CHARS = 200
_FRAMES = 30

_QUIET = ("sqlalchemy", "httpx2", "httpcore2", "uvicorn.access", "opentelemetry", "asyncio")
"""Libraries whose chatter would repeat ours, or holds URLs and parameters: heard from WARNING on."""


class Logger(BoundLogger):
    """A structlog logger that leaves at once where a debug line is not wanted."""

    def debug(self, event: str | None = None, *args: Any, **kw: Any) -> Any:
        """See `structlog.stdlib.BoundLogger.debug`."""
        if self._logger.isEnabledFor(logging.DEBUG):
            return super().debug(event, *args, **kw)
        return None


def logger(name: str) -> Logger:
    """The logger of a part of Pixapi; ``name`` is that of the part ("gateway")."""
    return structlog.wrap_logger(
        logging.getLogger(f"pixapi.{name}"),
        processors=[structlog.stdlib.filter_by_level, *_shared(), ProcessorFormatter.wrap_for_formatter],
        wrapper_class=Logger,
    ).bind()


def configure_logging(
    level: Literal["debug", "info", "warning", "error"] = "info",
    style: Literal["json", "console"] = "json",
    stream: TextIO | None = None,
) -> None:
    """Set up the process's logging; may be called again, the last call counts. ``stream``: stderr by
    default.
    """
    target = sys.stderr if stream is None else stream
    render: Processor = _json if style == "json" else structlog.dev.ConsoleRenderer(colors=target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*_shared()], processors=[ProcessorFormatter.remove_processors_meta, render]
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def bind_request_id(request_id: str) -> None:
    """Every line that the current task writes from now on carries ``request_id``."""
    bind_contextvars(request_id=request_id)


def _shared() -> tuple[Processor, ...]:
    return (
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _describe_exception,
        _mask,
    )


def _mask(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    record, own = event.pop("_record", None), event.pop("_from_structlog", None)
    masked = mask_fields(event)
    if record is not None:
        masked |= {"_record": record, "_from_structlog": own}
    return masked


def _json(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    return json.dumps(event, default=repr)


def _describe_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = describe_exception(error)
    return event


def describe_exception(error: BaseException) -> str:
    """Type, trusted message and frames of ``error`` and of what caused it, innermost last."""
    lines: list[str] = []
    current: BaseException | None = error
    while current is not None and len(lines) < 4 * _FRAMES:
        frames = traceback.extract_tb(current.__traceback__)[-_FRAMES:]
        lines.append(f"{type(current).__module__}.{type(current).__qualname__}{_message(current)}")
        lines.extend(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
        hidden = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or hidden
        if current is not None:
            lines.append("caused by")
    return "\n".join(lines)


def _message(error: BaseException) -> str:
    if isinstance(error, PixapiError):
        return f": {mask_text(error.message)}"
    if type(error).__module__ == "builtins" and str(error):
        return f": {mask_text(str(error)[:_BUILTIN_MESSAGE_CHARS])}"
    return ""
