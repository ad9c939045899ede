"""The fields of the Messages API, betas included, and what becomes of each at servers of other dialects (Anthropic
API reference, "Messages").
"""

from __future__ import annotations

from types import MappingProxyType

from pixapi.wire.dialect_fields import SHORTER, FieldTable, dropped, refused, translated

_ACCOUNT = "it is about the operator's account"

FIELDS: FieldTable = MappingProxyType(
    {
        "model": translated(),
        "messages": translated(),
        "system": translated(),
        "stream": translated(),
        "max_tokens": translated("max_output"),
        "metadata": translated("user"),
        "output_config": translated("reasoning_effort", "response_format"),
        "output_format": translated("response_format"),
        "stop_sequences": translated("stop"),
        "temperature": translated("temperature"),
        "thinking": translated("reasoning_budget"),
        "tool_choice": translated("tool_choice", "parallel_tool_calls"),
        "tools": translated("tools"),
        "top_k": translated("top_k"),
        "top_p": translated("top_p"),
        "cache_control": translated("cache_control"),
        "compaction": refused("the answer would be a summary of the conversation"),
        "container": refused("code runs on the vendor's servers"),
        "mcp_servers": refused("the vendor's servers would call others"),
        "thread": refused("nothing is stored between calls"),
        "betas": dropped("they are names of what only the vendor's servers know"),
        "billing_policy": dropped(_ACCOUNT),
        "context_management": dropped(SHORTER),
        "diagnostics": dropped("it asks about the vendor's cache"),
        "fallback_credit_token": dropped(_ACCOUNT),
        "fallbacks": dropped("routes are the operator's"),
        "inference_geo": dropped("it is about the vendor's own data centres"),
        "service_tier": dropped("it steers the vendor's price and speed"),
        "speed": dropped("it steers the vendor's price and speed"),
        "user_profile_id": dropped(_ACCOUNT),
        "workspace_id": dropped(_ACCOUNT),
    }
)
