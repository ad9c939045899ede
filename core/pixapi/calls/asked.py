"""What a request body asks for, as far as the price depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire.dialect_fields import check_case
from pixapi.wire.openai_input import embeddings_input_bound
from pixapi.wire.openai_media_sizes import READ, Body, most_used, wants_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixapi.config.settings import Model
    from pixapi.interfaces import Operation, Upload, Usage
    from pixapi.wire.dialect import ChatDialect
    from pixapi.wire.hosted import HostedTool
    from pixapi.wire.json import Fields

_text = msgspec.json.Decoder(str)


class Asked:
    """The priced side of a request. Bounds are tokens; ``output_cap`` is per choice, None where none can be set.

    ``units``: the most images, seconds and so on, where the operation has any.
    """

    __slots__ = (
        "choices", "dialect", "fields", "include_usage", "input_bound", "model", "operation", "output_bound",
        "output_cap", "stream", "thinking_budget", "units", "uploads",
    )  # fmt: skip

    def __init__(
        self,
        model: str,
        operation: Operation,
        dialect: ChatDialect,
        fields: Fields,
        uploads: tuple[Upload, ...] = (),
    ) -> None:
        self.model = model
        self.operation = operation
        self.dialect = dialect
        self.fields = fields
        self.stream = False
        self.include_usage = False
        self.choices = 1
        self.thinking_budget = 0
        self.input_bound = 0
        self.output_cap: int | None = None
        self.output_bound = 0
        self.uploads = uploads
        self.units: Usage | None = None

    def complete(self, model: Model) -> None:
        """Fill in the bounds, which need the model's defaults.

        Raises:
            BadRequest: the messages, the input, a file or a cap are not of the shape that the API describes; or a
                tool is asked for that the model does not offer.
        """
        if self.operation == "embeddings":
            self.input_bound = embeddings_input_bound(self.fields)
            return
        if self.operation != "chat":
            body = Body(self.fields, self.uploads, model.image_bound, model.default_output)
            self.units = most_used(self.operation, body)
            self.input_bound, self.output_bound = self.units.total_input(), self.units.total_output()
            return
        sizes = self.dialect.sizes(self.fields, model.image_bound)
        hosted = self.dialect.hosted_tools(self.fields)
        if hosted:
            _offered(hosted, model)
        self.input_bound = sizes.input_bound + len(hosted) * model.hosted_tool_input
        self.choices = sizes.choices
        self.output_cap = model.default_output if sizes.output_cap is None else sizes.output_cap
        self.output_bound = self.output_cap * self.choices
        self.thinking_budget = sizes.thinking_budget


def _offered(tools: Sequence[HostedTool], model: Model) -> None:
    """Refuse what the vendor would run itself, but for what the model's settings name."""
    for tool in tools:
        if tool.kind not in model.hosted_tools:
            raise BadRequest(
                f"{tool.param} asks for {tool.kind[:60]}, which the provider would run itself and the model "
                f"{model.id} does not offer; leave it out",
                code="unsupported_parameter",
                param=tool.param,
            )


def read_asked(
    fields: Fields, operation: Operation, dialect: ChatDialect, uploads: tuple[Upload, ...] = ()
) -> Asked:
    """Read model and streaming from a body taken apart.

    Raises:
        BadRequest: the model is missing, a field has the wrong type or nearly a known name, or a stream is asked for
            where there is none.
    """
    check_case(fields, dialect.table if operation == "chat" else READ)
    raw = fields.get("model")
    if raw is None:
        raise BadRequest(
            "the field `model` is missing; name a model that GET /v1/models lists", param="model"
        )
    try:
        model = _text.decode(raw)
    except msgspec.DecodeError:
        raise BadRequest("the field `model` has the wrong type; expected a string", param="model") from None
    asked = Asked(model, operation, dialect, fields, uploads)
    if operation == "chat" and dialect.streams(fields):
        asked.stream = True
        asked.include_usage = dialect.wants_usage(fields)
    elif operation not in ("chat", "embeddings"):
        asked.stream = wants_stream(operation, fields)
    return asked
