"""What many vendors have in common: base classes, ready to be derived from, and functions that translate."""

from pixapi.adapters.openai_compatible import OpenAICompatible
from pixapi.adapters.openai_responses import ResponsesApi
from pixapi.adapters.price_document import PriceDocument, PriceDocumentConfig
from pixapi.adapters.refusals import Lack, left_out, refuse_unsayable
from pixapi.adapters.stream_decoders import LinesDecoder, SseDecoder
from pixapi.adapters.translating import (
    chat_result,
    embeddings_result,
    read_arguments,
    read_chat,
    read_embeddings,
    read_error,
    read_json,
)
from pixapi.wire.openai_embeddings import EmbeddingsRequest
from pixapi.wire.openai_quirks import Quirks

__all__ = [
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
    "left_out",
    "read_arguments",
    "read_chat",
    "read_embeddings",
    "read_error",
    "read_json",
    "refuse_unsayable",
]
