"""The fields of OpenAI's chat completions, and what becomes of each at servers of other dialects (OpenAI API
reference, "Create chat completion").

The last ones are none of OpenAI's: servers of the dialect take them (``top_k``, ``reasoning``), or they are another
vendor's own words, which callers of this dialect may use where they know who answers.
"""

from __future__ import annotations

from types import MappingProxyType

from pixapi.wire.dialect_fields import FieldTable, translated

SAME = (
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "stop",
    "n",
    "temperature",
    "top_p",
    "seed",
    "reasoning_effort",
    "user",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "modalities",
    "audio",
    "web_search_options",
    "moderation",
    "presence_penalty",
    "frequency_penalty",
    "verbosity",
    "prediction",
    "metadata",
    "store",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
)
"""Fields that are terms under their own names."""
EXTENSIONS = ("top_k", "thinking", "output_config", "cache_control", "extra_body", "google")

FIELDS: FieldTable = MappingProxyType(
    {
        "model": translated(),
        "messages": translated(),
        "stream": translated(),
        "stream_options": translated(),
        "max_completion_tokens": translated("max_output"),
        "max_tokens": translated("max_output"),
        "functions": translated("tools"),
        "function_call": translated("tool_choice"),
        "reasoning": translated("reasoning_effort", "reasoning_budget"),
        **{name: translated(name) for name in (*SAME, *EXTENSIONS)},
    }
)
