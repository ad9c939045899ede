"""A whole reply of ``:generateContent`` as the internal model (Gemini API reference,
"GenerateContentResponse").

A prompt that was blocked has no candidates; that is an answer which was filtered. A model that went wrong
(a call that does not parse) is an error: its reply would only look finished.
"""

from __future__ import annotations

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces.call import Result
from pixapi.interfaces.chat import ChatReply
from pixapi.interfaces.usage import Usage
from pixapi.wire.gemini_errors import not_understood
from pixapi.wire.gemini_names import BROKEN, field, words
from pixapi.wire.gemini_parts import FAILURES, PartReader, blocked_reason, finish_reason
from pixapi.wire.gemini_usage import read_usage
from pixapi.wire.json import Fields, decode_fields, lenient, lenient_fields, lenient_objects


def open_reply(body: bytes) -> tuple[Fields, list[Fields], Usage | None]:
    """The top level of a reply, its candidates, and what it used.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is no answer.
    """
    try:
        fields = decode_fields(body)
    except BROKEN:
        raise not_understood(body) from None
    candidates = lenient_objects(field(fields, "candidates"))
    if "error" in fields or (
        not candidates and blocked_reason(lenient(field(fields, "promptFeedback"))) is None
    ):
        raise not_understood(body)
    if candidates and not any(field(c, "content") or field(c, "finishReason") for c in candidates):
        raise UpstreamInvalid("The provider of this model answered without any content; try again.")
    return fields, candidates, read_usage(lenient(field(fields, "usageMetadata")))


def read_reply(body: bytes, maker: str, prefix: str) -> Result:
    """What a reply says and what it used.

    ``maker`` marks its signatures (`seal`), ``prefix`` starts the ids of calls without one.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is no answer, or the model went wrong.
    """
    fields, candidates, usage = open_reply(body)
    if not candidates:
        refusal = blocked_reason(lenient(field(fields, "promptFeedback")))
        return Result(usage=usage, chat=ChatReply([], "content_filter", refusal))
    candidate = candidates[0]
    reason = words(lenient(field(candidate, "finishReason")))
    if reason in FAILURES:
        raise went_wrong(reason)
    reader = PartReader(maker, prefix)
    content = lenient_fields(field(candidate, "content"))
    parts = [piece for part in lenient_objects(content.get("parts")) for piece in reader.read(part)]
    parts += reader.close()
    finish = finish_reason(reason, has_calls=reader.has_calls)
    refusal = words(lenient(field(candidate, "finishMessage"))) if finish == "content_filter" else ""
    return Result(usage=usage, chat=ChatReply(parts, finish, refusal or None))


def went_wrong(reason: str) -> UpstreamInvalid:
    """A reply that ended in one of `FAILURES`."""
    return UpstreamInvalid(
        f"The model broke off its answer ({reason}); try again.", upstream_status=200, upstream_code=reason
    )
