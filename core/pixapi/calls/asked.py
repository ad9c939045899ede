"""What a request body asks for, as far as the price depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire import openai_input as openai

if TYPE_CHECKING:
    from pixapi.config.settings import Model
    from pixapi.interfaces import Operation


T = TypeVar("T")


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Thinking(msgspec.Struct):
    budget_tokens: int | None = None


_text = msgspec.json.Decoder(str)
_flag = msgspec.json.Decoder(bool | None)
_stream_options = msgspec.json.Decoder(_StreamOptions | None)
_thinking = msgspec.json.Decoder(_Thinking | None)


class Asked:
    """The priced side of a request. Bounds are tokens; ``output_cap`` is per choice, None where there is no output."""

    __slots__ = (
        "choices", "fields", "include_usage", "input_bound", "model", "operation", "output_bound", "output_cap",
        "stream", "thinking_budget",
    )  # fmt: skip

    def __init__(self, model: str, operation: Operation, fields: dict[str, msgspec.Raw]) -> None:
        self.model = model
        self.operation = operation
        self.fields = fields
        self.stream = False
        self.include_usage = False
        self.choices = 1
        self.thinking_budget = 0
        self.input_bound = 0
        self.output_cap: int | None = None
        self.output_bound = 0

    def complete(self, model: Model) -> None:
        """Fill in the bounds, which need the model's defaults.

        Raises:
            BadRequest: the messages, the input or a cap are not of the shape that the API describes.
        """
        fields = self.fields
        if self.operation == "embeddings":
            self.input_bound = openai.embeddings_input_bound(fields)
            return
        self.input_bound = openai.input_bound(fields, model.image_bound)
        self.choices = openai.choices(fields)
        asked = openai.output_cap(fields)
        self.output_cap = model.default_output if asked is None else asked
        self.output_bound = self.output_cap * self.choices
        if "thinking" in fields:
            thinking = _read(_thinking, fields["thinking"], "thinking", "an object")
            self.thinking_budget = (thinking.budget_tokens or 0) if thinking else 0


def read_asked(fields: dict[str, msgspec.Raw], operation: Operation) -> Asked:
    """Read model and streaming from a body taken apart.

    Raises:
        BadRequest: the model is missing, or a field has the wrong type.
    """
    raw = fields.get("model")
    if raw is None:
        raise BadRequest(
            "the field `model` is missing; name a model that GET /v1/models lists", param="model"
        )
    asked = Asked(_read(_text, raw, "model", "a string"), operation, fields)
    if operation == "chat":
        raw = fields.get("stream")
        if raw is not None and _read(_flag, raw, "stream", "true or false"):
            asked.stream = True
            raw = fields.get("stream_options")
            if raw is not None:
                options = _read(_stream_options, raw, "stream_options", "an object")
                asked.include_usage = bool(options and options.include_usage)
    return asked


def _read(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, field: str, expected: str) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        raise BadRequest(
            f"the field `{field}` has the wrong type; expected {expected}", param=field
        ) from None
