"""Public base classes for plugins: what many vendors have in common, ready to be derived from."""

from pixapi.adapters.openai_compatible import OpenAICompatible
from pixapi.adapters.openai_responses import ResponsesApi
from pixapi.adapters.price_document import PriceDocument, PriceDocumentConfig
from pixapi.wire.openai_quirks import Quirks

__all__ = ["OpenAICompatible", "PriceDocument", "PriceDocumentConfig", "Quirks", "ResponsesApi"]
