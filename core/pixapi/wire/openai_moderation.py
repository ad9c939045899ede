"""The judgements in a reply of OpenAI's moderations (OpenAI API reference, "Moderations")."""

from __future__ import annotations

import msgspec

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces.guard import Judgement


class _Result(msgspec.Struct):
    flagged: bool
    categories: dict[str, bool | None] | None = None
    category_scores: dict[str, float | None] | None = None


class _Reply(msgspec.Struct):
    results: list[_Result]


_REPLY = msgspec.json.Decoder(_Reply)


def read_judgements(body: bytes, count: int) -> list[Judgement]:
    """The judgements of ``count`` texts, in their order. A category without a value (models that know it for other
    media only have null there) does not apply.

    Raises:
        UpstreamInvalid: it is not of that shape, or judges another number of texts.
    """
    try:
        results = _REPLY.decode(body).results
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamInvalid("the moderation model answered with something that is no judgement") from None
    if len(results) != count:
        raise UpstreamInvalid(f"the moderation model judged {len(results)} texts of {count}")
    return [
        Judgement(
            result.flagged,
            {name: bool(applies) for name, applies in (result.categories or {}).items()},
            {name: score or 0.0 for name, score in (result.category_scores or {}).items()},
        )
        for result in results
    ]
