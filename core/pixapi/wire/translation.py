"""What becomes of a field between two dialects: the reader's table and the writer's words, put together.

Readers and writers go by the same tables, so this tells what they do; it serves the documentation and the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from pixapi.wire import (
    anthropic_request,
    bedrock_request,
    cohere_request,
    gemini_request,
    openai_chat_write,
    responses_write,
)
from pixapi.wire.chat_terms import TERMS, Words
from pixapi.wire.dialect_fields import Fate, Field

FAMILIES: Mapping[str, Words] = MappingProxyType(
    {
        "openai": openai_chat_write.WORDS,
        "responses": responses_write.WORDS,
        "anthropic": anthropic_request.WORDS,
        "gemini": gemini_request.WORDS,
        "bedrock": bedrock_request.WORDS,
        "cohere": cohere_request.WORDS,
    }
)
"""What servers of each family can be told. Those of the first four speak a dialect that callers speak too."""


class Outcome(msgspec.Struct, frozen=True):
    """``why`` a field is refused or dropped, or when a translated one is not after all. ``term``: the part of the
    field that is spoken of, where it has several.
    """

    fate: Fate
    why: str = ""
    term: str = ""


def outcomes(field: Field, words: Words) -> list[Outcome]:
    """What becomes of ``field`` at servers with these ``words``: one outcome, or one for each of its terms."""
    if not field.terms:
        return [Outcome(field.fate, field.why)]
    found = [_outcome(term, words) for term in field.terms]
    if len(set(found)) == 1:
        return found[:1]
    return [msgspec.structs.replace(each, term=term) for each, term in zip(found, field.terms, strict=True)]


def _outcome(term: str, words: Words) -> Outcome:
    word = words.words.get(term)
    if word is not None:
        return Outcome("translated", word.but)
    return Outcome("refused" if TERMS[term].vital else "dropped")
