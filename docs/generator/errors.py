"""docs/reference/errors.md, from the tree of errors and from the codes that the code gives."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from generator.markdown import code, docstring, document, sentence, table
from pixapi import errors
from pixapi.errors import PixapiError, UpstreamError

_INTRO = """
What consumers get, and what plugins raise (`pixapi.errors`). A reply with an error has the shape of OpenAI's API:

```json
{"error": {"message": "...", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}}
```

`message` is for people and holds no secret, no prompt and no path. `code` is for programs. `type` is
`insufficient_quota` for 402, `rate_limit_error` for 429, `invalid_request_error` for other mistakes of the caller,
else `server_error`. A 402 adds `needed_credits` and `available_credits`, and for chat `affordable_output_tokens`:
with so small a cap on the output the call could be paid. Where it is known when to come back there is a `Retry-After`
header; where trying again is of no use, `x-should-retry: false`. An error within a stream is one event of the same
shape, and no `[DONE]` follows it.
"""
_SCOPES = """
## What a server's error speaks against

`UpstreamError.scope` says what other calls keep away from for a while; a plugin may set it.

| scope | is left alone | set by |
| --- | --- | --- |
| `call` | nothing | `UpstreamRejected`; `UpstreamTimeout` of the whole call |
| `route` | the model at that provider, with whichever key | everything else |
| `allowance` | one key at that model | `UpstreamBusy`, unless it is overloaded; a key without a right to the model |
| `key` | one key everywhere | `UpstreamDenied` |
"""
_FAULTS = {"caller": "caller", "upstream": "the model's server", "operator": "operator"}

CODES: dict[str, tuple[str, str]] = {
    "unsupported_parameter": (
        "400",
        "The Responses API is offered without stored state: the field asks for what would need it.",
    ),
    "missing_api_key": ("401", "No API key was sent."),
    "key_budget_exceeded": ("402", "The key's own credit budget does not cover the call; the wallet may."),
    "content_refused": ("403", "A guard refused the call; the message is the guard's."),
    "receipt_gone": (
        "410",
        "The charge is older than charges are kept; its month's sum has taken its place.",
    ),
    "context_length_exceeded": ("as upstream", "The model's server found the input too long for the model."),
    "moderation_blocked": (
        "400",
        "The vendor's filter kept back all that was to be made; nothing was charged.",
    ),
    "no_image": ("400", "The model made no image, since the prompt asks for none; nothing was charged."),
    "text_too_long": ("400", "The text is too long to be spoken in one call; nothing was charged."),
    "upstream_quota_exhausted": (
        "502",
        "The operator's account at the model's vendor has no credit or quota left (`UpstreamDenied`).",
    ),
    "upload_lost": (
        "500",
        "A large file could not be read back from the gateway's disk; it was not charged.",
    ),
    "no_disk_space": (
        "503",
        "A large file could not be kept on the gateway's disk while its call is served (`NotReady`).",
    ),
    "client_closed": ("499", "Only in logs and on charges: the caller closed the connection before the end."),
    "orphaned": ("500", "Only on charges: the process that held the credit died; the hold was released."),
    "abandoned": (
        "503",
        "Only on charges: the caller had gone before its hold was confirmed; it was released.",
    ),
}
"""Codes that have no class of their own: status, meaning."""


def page() -> str:
    rows = [
        (
            code(kind.__name__),
            str(kind.status),
            code(kind.code),
            _FAULTS[kind.fault],
            sentence(docstring(kind)),
        )
        for kind in classes()
    ]
    more = [(code(name), status, meaning) for name, (status, meaning) in CODES.items()]
    return document(
        "Errors",
        _INTRO,
        _signature(),
        "## The classes\n\n" + table(["class", "status", "code", "whose fault", "meaning"], rows),
        "## More codes\n\n" + table(["code", "status", "meaning"], more),
        "Where the model's server refused the request itself (`UpstreamRejected`), its own status, words and code are "
        "handed on, cleaned of anything that looks like a key.",
        _SCOPES,
        f"## The tree\n\n```text\n{tree()}\n```",
    )


def _signature() -> str:
    said = str(inspect.signature(UpstreamError)).replace("'", "").replace(" -> None", "")
    arguments = said.strip("()").replace(", ", ",\n    ")
    return (
        f"## Raising one in a plugin\n\n```text\nUpstreamError(\n    {arguments},\n)\n```\n\n"
        "The classes below it take the same, but for `UpstreamTimeout(message, *, phase)`; what is left out is as the "
        "table says. `adapters.read_error` and `adapters.error_of` choose the class by a status."
    )


def classes() -> Iterator[type[PixapiError]]:
    """Every class of the tree, in the order of the module."""
    for thing in vars(errors).values():
        if isinstance(thing, type) and issubclass(thing, PixapiError):
            yield thing


def tree() -> str:
    """The drawing in the docstring of `pixapi.errors`."""
    text = (errors.__doc__ or "").partition("::\n\n")[2].split("\n\n")[0]
    return "\n".join(line[4:] for line in text.splitlines())
