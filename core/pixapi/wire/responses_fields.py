"""The fields of the Responses API, and what becomes of each at servers of other dialects (OpenAI API reference,
"Create a response").
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from pixapi.wire.dialect_fields import SHORTER, FieldTable, dropped, refused, translated

_ENCRYPTED = "reasoning.encrypted_content"
"""What callers get in any case."""
_STATE = "nothing is stored between calls"
_RECORDS = "it belongs to what the vendor stores"
_OWN_TOOLS = "it is for the vendor's own tools, which are refused themselves"


def _includes_more(said: Any) -> bool:
    return isinstance(said, list) and any(item != _ENCRYPTED for item in said)


FIELDS: FieldTable = MappingProxyType(
    {
        "model": translated(),
        "input": translated(),
        "instructions": translated(),
        "stream": translated(),
        "max_output_tokens": translated("max_output"),
        "parallel_tool_calls": translated("parallel_tool_calls"),
        "reasoning": translated("reasoning_effort"),
        "text": translated("response_format", "verbosity"),
        "tools": translated("tools"),
        "tool_choice": translated("tool_choice"),
        "temperature": translated("temperature"),
        "top_p": translated("top_p"),
        "user": translated("user"),
        "safety_identifier": translated("safety_identifier"),
        "service_tier": translated("service_tier"),
        "prompt_cache_key": translated("prompt_cache_key"),
        "prompt_cache_retention": translated("prompt_cache_retention"),
        "background": refused(_STATE),
        "conversation": refused(_STATE),
        "previous_response_id": refused(_STATE),
        "prompt": refused(_STATE),
        "store": refused(_STATE),
        "top_logprobs": refused("it changes the answer's shape"),
        "moderation": refused("the vendor's own service judges the answer"),
        "context_management": dropped(SHORTER),
        "access_programs": dropped("it is about the operator's account"),
        "background_options": dropped("it says nothing without `background`"),
        "image": dropped(_OWN_TOOLS),
        "include": dropped(_OWN_TOOLS, _includes_more),
        "max_tool_calls": dropped(_OWN_TOOLS),
        "metadata": dropped(_RECORDS),
        "prompt_cache_options": dropped("it steers the vendor's own cache"),
        "stream_options": dropped(
            "nothing is padded", lambda said: isinstance(said, dict) and said.get("include_obfuscation")
        ),
        "truncation": dropped(
            "what is too long for the model is refused by its server", lambda said: said == "auto"
        ),
    }
)
