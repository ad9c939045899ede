"""The plugin-facing API. Versioned by `INTERFACE_VERSION`; nothing outside it is promised to plugins."""

from pixapi.interfaces.call import Call, Dialect, Operation, Result
from pixapi.interfaces.chat import (
    ChatReply,
    ChatRequest,
    File,
    FinishReason,
    Image,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from pixapi.interfaces.guard import Allow, Deny, Guard, GuardType, Rewrite
from pixapi.interfaces.http import Exchange, HttpReply, HttpRequest, Outbound
from pixapi.interfaces.plugin import INTERFACE_VERSION, PluginConfig
from pixapi.interfaces.provider import Credential, Credentials, Evidence, Provider, ProviderType, Serves
from pixapi.interfaces.secret import Secret
from pixapi.interfaces.stream import (
    Decoder,
    Ended,
    Event,
    Failed,
    Finished,
    Passage,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from pixapi.interfaces.usage import Usage

__all__ = [
    "INTERFACE_VERSION", "Allow", "Call", "ChatReply", "ChatRequest", "Credential", "Credentials", "Decoder", "Deny",
    "Dialect", "Ended", "Event", "Evidence", "Exchange", "Failed", "File", "FinishReason", "Finished", "Guard",
    "GuardType", "HttpReply", "HttpRequest", "Image", "Message", "Operation", "Outbound", "Part", "Passage",
    "PluginConfig", "Provider", "ProviderType", "Reasoning", "ReasoningDelta", "RefusalDelta", "ResponseFormat",
    "Result", "Rewrite", "Secret", "Serves", "Text", "TextDelta", "Tool", "ToolCall", "ToolCallDelta", "ToolChoice",
    "ToolResult", "Usage", "UsageReport",
]
