"""The core knows no vendor: a new one is a plugin, and no switch anywhere else."""

from __future__ import annotations

import re
from pathlib import Path

VENDORS = (
    "ai21", "alipay", "anthropic", "bedrock", "claude", "cohere", "creem", "dashscope", "deepseek",
    "doubao", "elevenlabs", "fireworks", "gemini", "groq", "huggingface", "kling", "lmstudio",
    "minimax", "mistral", "moonshot", "novita", "ollama", "openrouter", "paypal", "perplexity",
    "plausible", "posthog", "qwen", "replicate", "resend", "runway", "siliconflow", "stability",
    "stripe", "vertex", "vllm", "volcengine", "wechat", "xai", "zhipu",
)  # fmt: skip
WORD = re.compile(rf"(?<![a-z0-9])({'|'.join(VENDORS)})(?![a-z0-9])", re.IGNORECASE)
PLUGIN_FAMILY = re.compile(r"\bpixapi_(providers|payments|plugins)\b")


def test_no_vendor_is_named_in_the_core(root: Path) -> None:
    """Comments and docstrings count. `wire/` is apart: its codecs are named after the dialects they speak."""
    core = root / "core/pixapi"
    found = [
        f"{path.relative_to(root)}:{number} {line.strip()[:100]}"
        for path in sorted(core.rglob("*"))
        if path.suffix in {".py", ".txt", ".toml", ".html", ".md"} and not path.is_relative_to(core / "wire")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if WORD.search(line)
    ]
    assert found == []


def test_no_plugin_family_is_named_in_the_core(root: Path) -> None:
    found = [
        f"{path.relative_to(root)}:{number}"
        for path in sorted((root / "core/pixapi").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if PLUGIN_FAMILY.search(line)
    ]
    assert found == []
