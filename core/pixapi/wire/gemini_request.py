"""A chat request of the internal model as the body of ``:generateContent`` (Gemini API reference,
"GenerateContentRequest"). The model stands in the path.

What the dialect has words for says `WORDS`; what becomes of the rest, `chat_terms`. Three members of Google's own
(``thinking_config``, ``cached_content``, ``safety_settings``) may come in ``extra_body.google``, where Google's own
servers of OpenAI's dialect read them; of these, a cache is the operator's and is refused.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest, Tool
from pixapi.wire.chat_terms import Word, Words, refuse_unsayable
from pixapi.wire.gemini_contents import write_contents
from pixapi.wire.gemini_models import traits_of
from pixapi.wire.gemini_names import member
from pixapi.wire.gemini_thinking import write_thinking

WORDS = Words(
    {
        "tools": Word(("tools",)),
        "tool_choice": Word(("toolConfig",)),
        "response_format": Word(("generationConfig.responseMimeType",)),
        "max_output": Word(("generationConfig.maxOutputTokens",)),
        "stop": Word(("generationConfig.stopSequences",)),
        "temperature": Word(("generationConfig.temperature",)),
        "top_p": Word(("generationConfig.topP",)),
        "top_k": Word(("generationConfig.topK",)),
        "seed": Word(("generationConfig.seed",)),
        "presence_penalty": Word(("generationConfig.presencePenalty",)),
        "frequency_penalty": Word(("generationConfig.frequencyPenalty",)),
        "reasoning_effort": Word(
            ("generationConfig.thinkingConfig",), but="dropped where the model does not think"
        ),
        "reasoning_budget": Word(
            ("generationConfig.thinkingConfig",), but="dropped where the model does not think"
        ),
        "extra_body": Word(
            ("generationConfig.thinkingConfig", "safetySettings"),
            but="dropped where it holds no settings for safety or thinking",
        ),
        "google": Word(
            ("generationConfig.thinkingConfig", "safetySettings"),
            but="dropped where it holds no settings for safety or thinking",
        ),
    }
)
_MODES = {"none": "NONE", "required": "ANY", "tool": "ANY"}


def write_request(request: ChatRequest, *, model: str, max_output: int | None, maker: str) -> dict[str, Any]:
    """The body, ready to be encoded.

    Args:
        request: what the caller asks for.
        model: the model's name at the vendor.
        max_output: the cap on output, thoughts included; None leaves it to the model.
        maker: whose signatures are sent back (`seal`).

    Raises:
        BadRequest: something cannot be said in this dialect; ``param`` names the field.
    """
    traits = traits_of(model)
    _check(request, draws=traits.draws)
    system, contents = write_contents(request.messages, maker, signs=traits.signs)
    body: dict[str, Any] = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    _write_tools(body, request)
    google = _google(request)
    config = _config(request, max_output)
    thinking = member(google, "thinkingConfig") or write_thinking(request, traits, max_output)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    if config:
        body["generationConfig"] = config
    if member(google, "safetySettings") is not None:
        body["safetySettings"] = member(google, "safetySettings")
    return body


def _check(request: ChatRequest, *, draws: bool) -> None:
    if draws:
        raise BadRequest(
            "this model answers with images or sound, which a chat of this dialect cannot carry; ask for them at "
            "/v1/images/generations or /v1/audio/speech, or chat in Gemini's dialect",
            param="model",
        )
    refuse_unsayable(request, WORDS)


def _google(request: ChatRequest) -> dict[str, Any]:
    """What the caller says to Google alone."""
    outer = request.extra.get("extra_body")
    said = outer.get("google") if isinstance(outer, dict) else request.extra.get("google")
    google = said if isinstance(said, dict) else {}
    if member(google, "cachedContent") is not None:
        raise BadRequest(
            "cached_content names a cache of this gateway's operator; send the content itself",
            param="extra_body",
        )
    return google


def _write_tools(body: dict[str, Any], request: ChatRequest) -> None:
    choice = request.tool_choice
    if not request.tools:
        if choice is not None and choice.mode in ("required", "tool"):
            raise BadRequest("tool_choice demands a tool, and tools is empty", param="tool_choice")
        return
    body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in request.tools]}]
    mode = _MODES.get(choice.mode) if choice is not None else None
    if mode is None and any(tool.strict for tool in request.tools):
        mode = "VALIDATED"  # free to answer or to call, but a call has to fit its schema
    if mode is not None:
        said: dict[str, Any] = {"mode": mode}
        if choice is not None and choice.mode == "tool":
            said["allowedFunctionNames"] = [choice.name]
        body["toolConfig"] = {"functionCallingConfig": said}


def _tool(tool: Tool) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name}
    if tool.description:
        said["description"] = tool.description
    if tool.parameters:
        said["parametersJsonSchema"] = tool.parameters
    return said


def _config(request: ChatRequest, max_output: int | None) -> dict[str, Any]:
    config: dict[str, Any] = {
        "maxOutputTokens": max_output,
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "seed": request.seed,
        "stopSequences": request.stop or None,
        "presencePenalty": request.extra.get("presence_penalty"),
        "frequencyPenalty": request.extra.get("frequency_penalty"),
    }
    asked = request.response_format
    if asked is not None and asked.kind != "text":
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = asked.schema
    return {name: value for name, value in config.items() if value is not None}
