"""The fields of Gemini's dialect, and what becomes of each at servers of other dialects (Gemini API reference,
"GenerateContentRequest"; Vertex AI reference, "Generate content").

Members of ``generationConfig`` are fields of their own here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pixapi.wire.dialect_fields import Field, FieldTable, dropped, refused, translated
from pixapi.wire.gemini_names import listed, snake, words

CONFIG = "generationConfig"
_SOUND = "the answer would be sound"
_SHAPE = "it changes the answer's shape"
_ROUTES = "routes are the operator's"


def _more_than_text(said: Any) -> bool:
    return any(words(kind).upper() != "TEXT" for kind in listed(said))


_TOP: Mapping[str, Field] = {
    "model": translated(),
    "stream": translated(),
    "contents": translated(),
    "systemInstruction": translated(),
    "tools": translated("tools"),
    "toolConfig": translated("tool_choice"),
    "safetySettings": translated("google"),
    "cachedContent": refused("caches are the operator's"),
    "continuationToken": refused("nothing is stored between calls"),
    "modelArmorConfig": refused("the vendor's own service judges the answer"),
    "labels": dropped("they are for the operator's bill"),
    "serviceTier": dropped("it steers the vendor's price and speed"),
    "store": dropped("it is about what the vendor logs"),
}
_CONFIG: Mapping[str, Field] = {
    "temperature": translated("temperature"),
    "topP": translated("top_p"),
    "topK": translated("top_k"),
    "seed": translated("seed"),
    "candidateCount": translated("n"),
    "maxOutputTokens": translated("max_output"),
    "stopSequences": translated("stop"),
    "presencePenalty": translated("presence_penalty"),
    "frequencyPenalty": translated("frequency_penalty"),
    "responseMimeType": translated("response_format"),
    "responseSchema": translated("response_format"),
    "responseJsonSchema": translated("response_format"),
    "thinkingConfig": translated("reasoning_effort", "reasoning_budget"),
    "responseModalities": refused("the answer would be images or sound", _more_than_text),
    "speechConfig": refused(_SOUND),
    "imageConfig": refused("the answer would be images"),
    "audioTranscriptionConfig": refused(_SOUND),
    "responseLogprobs": refused(_SHAPE),
    "logprobs": refused(_SHAPE),
    "outputConfig": refused("the answer would be stored with the vendor"),
    "audioTimestamp": dropped("it steers how sound is read"),
    "enableEnhancedCivicAnswers": dropped("it steers the vendor's own filter"),
    "mediaResolution": dropped("it steers how many tokens a picture counts"),
    "modelConfig": dropped(_ROUTES),
    "routingConfig": dropped(_ROUTES),
}

FIELDS: FieldTable = MappingProxyType(
    {**_TOP, **{f"{CONFIG}.{name}": field for name, field in _CONFIG.items()}}
)
_CAMEL: Mapping[str, str] = MappingProxyType({snake(name): name for name in (*_TOP, *_CONFIG, CONFIG)})


def camel(name: str) -> str:
    """A known name as the reference spells it; any other as it came."""
    return _CAMEL.get(name, name)
