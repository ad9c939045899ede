"""Vendors and servers of OpenAI's dialect, one row each: in what they differ, and nothing else.

A difference that no field of `Quirks` has a word for asks for a new field there, or for a provider of its
own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pixapi.adapters import Quirks
from pixapi.interfaces import Operation

_OLD_CAP = (("max_completion_tokens", "max_tokens"),)


def _and(*more: Operation) -> frozenset[Operation]:
    """Chat, embeddings and ``more``."""
    return frozenset({"chat", "embeddings", *more})


_LOCAL = Quirks(base_url="", rename=_OLD_CAP)


_ROWS: Mapping[str, Quirks] = MappingProxyType(
    {
        "mistral": Quirks(
            operations=_and("transcriptions", "moderations"),
            base_url="https://api.mistral.ai/v1",
            rename=(*_OLD_CAP, ("seed", "random_seed")),
            drop=frozenset({"stream_options", "user", "logit_bias", "store", "service_tier"}),
            stream_usage=False,
            echo_reasoning=False,
            omit_empty_content=True,
            plain_schemas=True,
            content_parts=True,
        ),
        "deepseek": Quirks(base_url="https://api.deepseek.com", rename=_OLD_CAP, flatten_text=True),
        "xai": Quirks(
            operations=_and("images"), base_url="https://api.x.ai/v1", completion_excludes_reasoning=True
        ),
        "groq": Quirks(
            operations=_and("transcriptions", "speech"),
            base_url="https://api.groq.com/openai/v1",
            cap_field="max_completion_tokens",
            reasoning_field="reasoning",
        ),
        "together": Quirks(
            operations=_and("images", "rerank"),
            base_url="https://api.together.xyz/v1",
            rename=_OLD_CAP,
            reasoning_field="reasoning",
        ),
        "fireworks": Quirks(base_url="https://api.fireworks.ai/inference/v1", rename=_OLD_CAP),
        "openrouter": Quirks(base_url="https://openrouter.ai/api/v1", reasoning_field="reasoning"),
        "dashscope": Quirks(
            base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1", rename=_OLD_CAP
        ),
        "moonshot": Quirks(base_url="https://api.moonshot.ai/v1", rename=_OLD_CAP, flatten_text=True),
        "zhipu": Quirks(base_url="https://open.bigmodel.cn/api/paas/v4", rename=_OLD_CAP, stream_usage=False),
        "zai": Quirks(base_url="https://api.z.ai/api/paas/v4", rename=_OLD_CAP, stream_usage=False),
        "perplexity": Quirks(
            base_url="https://api.perplexity.ai",
            rename=_OLD_CAP,
            drop=frozenset({"stream_options"}),
            stream_usage=False,
        ),
        "cerebras": Quirks(
            base_url="https://api.cerebras.ai/v1",
            cap_field="max_completion_tokens",
            reasoning_field="reasoning",
        ),
        "huggingface": Quirks(base_url="https://router.huggingface.co/v1", rename=_OLD_CAP),
        "baseten": Quirks(base_url="https://inference.baseten.co/v1", rename=_OLD_CAP),
        "crusoe": Quirks(base_url="https://api.inference.crusoecloud.com/v1", rename=_OLD_CAP),
        "gemini": Quirks(base_url="https://generativelanguage.googleapis.com/v1beta/openai", rename=_OLD_CAP),
        "bedrock_mantle": Quirks(base_url="https://bedrock-mantle.us-east-1.api.aws/v1"),
        "voyage": Quirks(
            base_url="https://api.voyageai.com/v1",
            operations=frozenset({"embeddings", "rerank"}),
            rename=(("dimensions", "output_dimension"), ("top_n", "top_k")),
            drop=frozenset({"encoding_format", "user"}),  # it knows base64 alone, and sends numbers unasked
        ),
        "ollama": Quirks(base_url="http://127.0.0.1:11434/v1", rename=_OLD_CAP, reasoning_field="reasoning"),
        "vllm": Quirks(
            operations=_and("transcriptions", "rerank"),
            base_url="",
            rename=_OLD_CAP,
            reasoning_field="reasoning",
        ),
        "llama_cpp": Quirks(operations=_and("rerank"), rename=_OLD_CAP),
        "sglang": _LOCAL,
        "lm_studio": Quirks(base_url="http://127.0.0.1:1234/v1", rename=_OLD_CAP),
    }
)


def rows() -> Mapping[str, Quirks]:
    """Every vendor by the name that ``vendor`` takes. Local servers have no address: the configuration has it."""
    return _ROWS
