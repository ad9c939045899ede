"""What many vendors have in common: base classes, ready to be derived from, and functions that translate."""

from pixapi.adapters.openai_compatible import OpenAICompatible
from pixapi.adapters.openai_responses import ResponsesApi
from pixapi.adapters.price_document import PriceDocument, PriceDocumentConfig
from pixapi.adapters.refusals import Lack, left_out, refuse_unsayable
from pixapi.adapters.stream_decoders import LinesDecoder, SseDecoder
from pixapi.adapters.translating import (
    Count,
    chat_result,
    embeddings_result,
    error_of,
    read_arguments,
    read_chat,
    read_embeddings,
    read_error,
    read_json,
)
from pixapi.wire.openai_embeddings import EmbeddingsRequest
from pixapi.wire.openai_quirks import Quirks

__all__ = [
    "Count",
    "EmbeddingsRequest",
    "Lack",
    "LinesDecoder",
    "OpenAICompatible",
    "PriceDocument",
    "PriceDocumentConfig",
    "Quirks",
    "ResponsesApi",
    "SseDecoder",
    "chat_result",
    "embeddings_result",
    "error_of",
    "left_out",
    "read_arguments",
    "read_chat",
    "read_embeddings",
    "read_error",
    "read_json",
    "refuse_unsayable",
]
