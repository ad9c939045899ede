"""Answers with recorded traffic of six APIs: `replay_server.py PORT FOLDER`, FOLDER as `shared/cassettes` is laid out.

The name of the model says which recording is wanted (`RECORDED`). A conversation that holds the result of a tool gets
the plain answer. Three names have a condition: ``image`` answers only where the picture arrived, ``structured`` only
where the schema did, and ``broken`` breaks its stream off half-way.
"""

import json
import re
import sys
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pixapi.wire.eventstream import write_message

RECORDED: dict[str, dict[str, str | tuple[str, str]]] = {
    "openai": {
        "plain": "vercel-ai/groq/groq-text",
        "tools": "vercel-ai/alibaba/alibaba-tool-call",
        "parallel": "pydantic-ai/deepseek/test_deepseek_deferred_capability_with_thinking.yaml#1",
        "structured": "vercel-ai/deepseek/deepseek-json",
        "reasoning": "vercel-ai/deepseek/deepseek-reasoning",
        "capped": "vercel-ai/deepseek/deepseek-text",
        "refused": "pydantic-ai/openai/test_openai_web_search_tool_model_not_supported.yaml#0",
    },
    "responses": {
        "plain": (
            "vercel-ai/openai/openai-phase.1",
            "pydantic-ai/openai_responses/test_openai_responses_stream.yaml#1",
        ),
        "tools": (
            "pydantic-ai/openai_responses/test_openai_responses_model_simple_response_with_tool_call.yaml#0",
            "pydantic-ai/openai_responses/test_openai_responses_stream.yaml#0",
        ),
        "parallel": "pydantic-ai/openai_responses/test_openai_responses_model_retry.yaml#0",
        "structured": "pydantic-ai/openai_responses/test_native_output.yaml#1",
        "reasoning": (
            "pydantic-ai/openai_responses/test_reasoning_summary_auto.yaml#0",
            "pydantic-ai/openai_responses/test_openai_responses_thinking_with_code_execution_tool_stream.yaml#0",
        ),
        "refused": "pydantic-ai/openai_responses/test_openai_responses_model_http_error.yaml#0",
    },
    "anthropic": {
        "plain": "vercel-ai/anthropic/anthropic-text",
        "tools": "vercel-ai/anthropic/anthropic-json-other-tool.1",
        "parallel": "pydantic-ai/anthropic/test_multiple_parallel_tool_calls.yaml#0",
        "structured": "vercel-ai/anthropic/anthropic-json-output-format.1",
        "reasoning": "vercel-ai/anthropic/anthropic-clear-thinking.1",
        "refused": "pydantic-ai/anthropic/test_anthropic_explicit_effort_xhigh_unsupported_model_errors.yaml#0",
        "count": "pydantic-ai/anthropic/test_anthropic_cache_count_tokens.yaml#0",
    },
    "gemini": {
        "plain": "vercel-ai/google/google-text",
        "tools": "vercel-ai/google/google-tool-call",
        "structured": "pydantic-ai/google_structured_output/test_native_output_with_function_tools.yaml#1",
        "parallel": "vercel-ai/google/google-stream-no-args-tool-call",
        "reasoning": "vercel-ai/google/google-stream-no-args-tool-call",
        "refused": "vercel-ai/google/google-429-retry-info",
    },
    "bedrock": {
        "plain": "vercel-ai/amazon-bedrock/amazon-bedrock-text",
        "tools": "vercel-ai/amazon-bedrock/amazon-bedrock-tool-call.1",
        "reasoning": "vercel-ai/amazon-bedrock/amazon-bedrock-reasoning",
    },
    "cohere": {
        "plain": "vercel-ai/cohere/cohere-text",
        "tools": "vercel-ai/cohere/cohere-tool-call",
        "reasoning": "vercel-ai/cohere/cohere-reasoning",
    },
}
MARKS = {"image": b"iVBORw0KGgo", "structured": b'"degrees"'}
"""What must have arrived for these to be answered."""
_RESULT = re.compile(rb'"role": ?"tool"|"tool_result"|"functionResponse"|"function_call_output"')
_IN_PATH = re.compile(r"/models?/([^:/]+)[:/](\w+-?\w+)")
FOLDER = Path(sys.argv[2])


@cache
def whole(recording: str) -> tuple[int, bytes]:
    """Status and body of a reply that was not streamed."""
    name, _, number = recording.partition("#")
    if not number:
        body = (FOLDER / f"{name}.json").read_bytes()
        error = json.loads(body).get("error")
        return (error["code"] if error else 200), body
    reply = interaction(name, int(number))
    return reply["status"]["code"], json.dumps(reply["parsed_body"]).encode()


@cache
def interaction(name: str, number: int) -> dict[str, Any]:
    """A recorded reply."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((FOLDER / name).read_bytes(), Loader=loader)["interactions"][number]["response"]


@cache
def streamed(api: str, recording: str) -> bytes:
    """The bytes of a stream; files of events hold no framing."""
    name, _, number = recording.partition("#")
    if number:
        body = interaction(name, int(number))["body"]["string"]
        return body.encode() if isinstance(body, str) else body
    lines = [line for line in (FOLDER / f"{recording}.chunks.txt").read_bytes().splitlines() if line]
    if api == "bedrock":
        return b"".join(map(frame, map(json.loads, lines)))
    if api in ("anthropic", "responses", "cohere"):
        return b"".join(
            b"event: %s\ndata: %s\n\n" % (json.loads(line)["type"].encode(), line) for line in lines
        )
    end = b"data: [DONE]\n\n" if api == "openai" else b""
    return b"".join(b"data: %s\n\n" % line for line in lines) + end


def frame(event: dict[str, Any]) -> bytes:
    """An event of Bedrock's in the framing that it came in."""
    ((kind, payload),) = event.items()
    names = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return write_message(names, json.dumps(payload).encode())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(200, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        said = json.loads(body)
        api = self.path.split("/")[1]
        in_path = _IN_PATH.search(self.path)
        kind = in_path[1] if in_path else said["model"]
        streams = bool(in_path and "stream" in in_path[2]) or bool(said.get("stream"))
        recorded = RECORDED[api]
        if self.path.endswith("/count_tokens"):
            return self._send(*whole(str(recorded["count"])))
        if kind in MARKS and MARKS[kind] not in body.replace(b"-", b"+").replace(b"_", b"/"):
            return self._send(400, b'{"error":{"message":"what was asked about did not arrive"}}')
        found = recorded["plain" if kind in ("image", "broken") or _RESULT.search(body) else kind]
        reply, stream = (found, found) if isinstance(found, str) else found
        if not streams or kind == "refused":
            return self._send(*whole(reply))
        return self._stream(streamed(api, stream), is_cut=kind == "broken")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, body: bytes, *, is_cut: bool) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        events = re.findall(rb".*?\n\n", body, re.DOTALL) if body.endswith(b"\n\n") else [body]
        for event in events[: len(events) // 2 + 1] if is_cut else events:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        if is_cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        print(format % args, flush=True)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
