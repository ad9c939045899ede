"""The contract of a provider: whole replies, and errors."""

from __future__ import annotations

import json
import random
import re

import msgspec

from pixapi.errors import PixapiError, UpstreamBusy, UpstreamDenied, UpstreamError, UpstreamRejected
from pixapi.interfaces import HttpReply, Provider, Secret, Usage
from pixapi.interfaces.call import Dialect, Operation
from pixapi.pluginhost.confidential import Confidential
from pixapi.testing.contracts.calls import ALIAS, REPLY_ID, dialects_to_try, in_dialect, ordinary
from pixapi.testing.contracts.promises import Promise, ensure, promise
from pixapi.testing.contracts.recorded import Read, Recorded, read_result

HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
DISGUISES = {
    "nothing": b"",
    "a page": HTML,
    "an error": b'{"error":{"message":"something broke","type":"server_error","code":"500"}}',
    "a list": b"[]",
    "null": b"null",
    "an empty object": b"{}",
    "half a reply": b'{"id":"x","object":"cha',
    "no text": bytes(range(256)),
    "a deep hole": b"[" * 50_000,
    "a deep hole within": b'{"error":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
}
PLAIN_KEY = "Quooxahfei4ohThu9eiv"
"""A key that does not look like one. The provider under test has been given it."""
_CONFIDENTIAL = Confidential([Secret(PLAIN_KEY)])
_SPELT = re.compile("[^a-z0-9]*".join(PLAIN_KEY[4:16].lower()))
"""Most of it, in whichever letters and with whatever between them."""
QUOTING = {
    "message": f"the credential {PLAIN_KEY} is not welcome",
    "type": "invalid_request_error",
    "code": f"bad_{PLAIN_KEY}",
    "param": PLAIN_KEY,
}
"""An error that quotes it."""
_STATUSES: list[tuple[int, type[UpstreamError]]] = [
    (400, UpstreamRejected),
    (401, UpstreamDenied),
    (403, UpstreamDenied),
    (413, UpstreamRejected),
    (422, UpstreamRejected),
    (429, UpstreamBusy),
    (500, UpstreamError),
    (502, UpstreamError),
    (503, UpstreamError),
    (529, UpstreamError),
]


def reply_promises(provider: Provider, recorded: tuple[Recorded, ...]) -> list[Promise]:
    """What is promised of whole replies with status 200."""
    found: list[Promise] = []
    for operation in sorted(provider.operations):
        for name, body in DISGUISES.items():
            if operation == "speech" and name == "no text":
                continue  # speech is answered with bytes, and these may be some
            about = f"{operation}: {name}"
            found.append(promise(a_disguise_is_an_error, provider, operation, body, about=about))
        found.append(promise(noise_is_an_error, provider, operation, about=operation))
    for item in recorded:
        if item.status == 200 and not item.is_stream:
            tried = dialects_to_try(provider) if item.operation == "chat" else ["openai"]
            for dialect in tried:
                about = item.name if dialect == "openai" else f"{item.name}, {dialect}"
                found.append(promise(a_reply_says_what_it_says, provider, item, dialect, about=about))
    return found


def error_promises(provider: Provider, recorded: tuple[Recorded, ...]) -> list[Promise]:
    """What is promised of replies with another status."""
    found = [
        promise(an_error_has_its_kind, provider, status, kind, about=str(status))
        for status, kind in _STATUSES
    ]
    found += [
        promise(an_error_passes_on_no_page, provider),
        promise(a_busy_server_is_believed, provider),
    ]
    for item in recorded:
        if item.status != 200:
            found.append(promise(an_error_means_what_it_means, provider, item, about=item.name))
    return found


def a_disguise_is_an_error(provider: Provider, operation: Operation, body: bytes) -> None:
    """A 200 that holds no answer is an UpstreamError, and shows no page to the caller."""
    try:
        provider.result(ordinary(operation), HttpReply(200, {}, body))
    except UpstreamError as error:
        ensure("<" not in error.message, "the error passes a page on to the caller")
    else:
        raise AssertionError("result() took it for an answer")


def noise_is_an_error(provider: Provider, operation: Operation) -> None:
    """Bytes that mean nothing raise UpstreamError and nothing else."""
    dice = random.Random(operation)
    for _ in range(100):
        a_disguise_is_an_error(provider, operation, b"{" + dice.randbytes(dice.randrange(60)))


def a_reply_says_what_it_says(provider: Provider, item: Recorded, dialect: Dialect) -> None:
    """A recorded reply gives what the record states, under the caller's names; in the caller's dialect where that
    is the provider's, in the internal model where it is not.
    """
    call = in_dialect(ordinary(item.operation), dialect, provider)
    reply = HttpReply(item.status, item.headers, item.body)
    if item.error is not None:
        try:
            provider.result(call, reply)
        except UpstreamError as error:
            ensure(
                isinstance(error, item.error), f"it is no {item.error.__name__}, but {type(error).__name__}"
            )
            return
        raise AssertionError("result() took it for an answer")
    result = provider.result(call, reply)
    ensure((result.body is None) != (result.chat is None), "a result holds either a body or a reply")
    own = item.operation != "chat" or dialect in provider.dialects
    ensure(
        (result.body is not None) == own,
        "a body is for callers of the provider's own dialects, and only for them",
    )
    if result.body is not None:
        said = json.loads(result.body)
        default = None if item.operation in ("chat", "embeddings") else ALIAS
        named = said.get("model", said.get("modelVersion", default))
        ensure(named == ALIAS, "the reply does not name the model as the caller does")
        ensure(said.get("id", REPLY_ID) == REPLY_ID, "the reply has the vendor's id instead of call.reply_id")
    if item.usage is not None:
        ensure(result.usage == item.usage, f"usage is {told(result.usage)}; {told(item.usage)} was recorded")
    if item.operation == "chat":
        compare(item, read_result(call, result))


def told(usage: Usage | None) -> str:
    """What is known of a usage, without the many quantities that are not."""
    if usage is None:
        return "not told"
    known = [f"{name}={value}" for name, value in msgspec.structs.asdict(usage).items() if value is not None]
    return f"Usage({', '.join(known)})"


def compare(item: Recorded, read: Read) -> None:
    """Raise AssertionError where a caller reads something else than was recorded."""
    for name in ("text", "reasoning", "finish_reason"):
        expected, found = getattr(item, name), getattr(read, name)
        ensure(expected is None or expected == found, f"{name} is {found!r}; {expected!r} was recorded")
    tools = read.tools()
    ensure(item.tool_calls is None or tools == item.tool_calls, f"tool calls are {tools}")


def an_error_has_its_kind(provider: Provider, status: int, kind: type[UpstreamError]) -> None:
    """A status means the same whoever sends it; only what the caller can mend is the caller's."""
    for body in (b'{"error":{"message":"words","type":"some_error"}}', b"", HTML, b"[1]", b"\xff\xfe"):
        error = provider.error(HttpReply(status, {}, body))
        ensure(isinstance(error, kind), f"{status} gave {type(error).__name__}; expected {kind.__name__}")
        ensure(error.upstream_status == status, "upstream_status does not tell the status")
        is_callers = isinstance(error, UpstreamRejected)
        ensure(is_callers == (kind is UpstreamRejected), f"{status} is blamed on the wrong side")
        if is_callers:
            ensure(not error.retryable, "a request that was found bad is not to be tried elsewhere")


def an_error_passes_on_no_page(provider: Provider) -> None:
    """No HTML reaches the caller."""
    for status in (400, 401, 404, 429, 500, 502):
        error = provider.error(HttpReply(status, {"content-type": "text/html"}, HTML))
        ensure("<" not in error.message, "the error passes a page on to the caller")


def an_error_passes_on_no_key(provider: Provider) -> None:
    """Vendors quote keys in their errors; callers must not read ours, whatever it looks like. The core takes it out, if
    the provider leaves it as it was said.
    """
    body = json.dumps({"error": QUOTING}).encode()
    for status in (400, 401, 403, 404, 429, 500):
        shows_no_key(provider.error(HttpReply(status, {}, body)))


def shows_no_key(error: PixapiError) -> None:
    """Raise AssertionError where ``error`` shows the key once the core has looked through it."""
    if isinstance(error, UpstreamError):
        _CONFIDENTIAL.conceal(error)
    said = (
        str(error),
        error.message,
        error.code,
        error.param,
        getattr(error, "upstream_code", ""),
        error.details,
    )
    ensure(
        not any(_SPELT.search(str(part).lower()) for part in said),
        "the error passes the key on to the caller; leave the vendor's words as they are, and the core takes it out",
    )


def a_busy_server_is_believed(provider: Provider) -> None:
    """`retry-after` is passed on."""
    body = b'{"error":{"message":"slow down","type":"rate_limit_error"}}'
    error = provider.error(HttpReply(429, {"retry-after": "7"}, body))
    ensure(error.retry_after_s == 7, "retry_after_s does not say what retry-after said")


def an_error_means_what_it_means(provider: Provider, item: Recorded) -> None:
    """A recorded error is of the recorded kind."""
    error = provider.error(HttpReply(item.status, item.headers, item.body))
    expected = item.error or UpstreamError
    ensure(isinstance(error, expected), f"it is no {expected.__name__}, but {type(error).__name__}")
